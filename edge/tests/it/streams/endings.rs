//! How a stream ends that its service would go on with: with its token (ST-5, N-5) and with the door (N-22).

use std::time::{Duration, Instant};

use contracts::auth::v1::RevocationKind;
use identity::clock;

use super::{ARRAY, EVENTS, LINES, PATH, Reader, Source, json, within};
use crate::house::{HOUR, House};

#[tokio::test]
async fn st_5_a_stream_ends_with_its_session_within_2_s_and_says_so() {
    let house = House::open(|_| {}).await;
    for (accept, end) in [(EVENTS, "\n\n"), (LINES, "\n"), (ARRAY, "]")] {
        let source = Source::of(&house);
        source.send("a");
        let caller = house.rig.caller();
        let token = house.token(&caller);
        let (head, mut reader) =
            Reader::open_with(&house, PATH, &[("Accept", accept)], &token).await;
        assert_eq!(head.status, 200);
        let revoked = Instant::now();
        house.revoke(RevocationKind::Session, caller.session_id, clock::unix());
        source.dropped().await;
        let (body, broken) = reader.rest().await;
        assert!(
            revoked.elapsed() < testkit::unhurried(Duration::from_secs(2)),
            "{:?}",
            revoked.elapsed()
        );
        assert!(broken.is_err() && body.contains(&json("a")), "{body}");
        assert!(
            body.contains("\"code\":\"TOKEN_REVOKED\"") && body.ends_with(end),
            "{body}"
        );
        assert_eq!(body.contains("event: error\n"), accept == EVENTS);
    }
}

#[tokio::test]
async fn st_5_a_stream_ends_when_its_token_runs_out() {
    let house = House::open(|_| {}).await;
    let source = Source::of(&house);
    source.send("a");
    // What is left is the clocks' leeway but for 28 s of it.
    let issued = clock::unix() - i64::try_from(HOUR.as_secs()).unwrap() - 28;
    let token = house.token_of(&house.rig.caller(), issued);
    let (head, mut reader) = Reader::open_with(&house, PATH, &[("Accept", EVENTS)], &token).await;
    assert_eq!(head.status, 200);
    let (body, broken) = within(testkit::LONGEST, reader.rest()).await;
    assert!(
        broken.is_err() && body.contains("\"code\":\"TOKEN_EXPIRED\""),
        "{body}"
    );
    source.dropped().await;
}

#[tokio::test]
async fn n_22_a_closing_door_ends_streams_at_once_and_whole() {
    let house = House::open(|_| {}).await;
    let mut readers = Vec::new();
    let mut sources = Vec::new();
    for accept in [EVENTS, LINES, ARRAY] {
        let source = Source::of(&house);
        source.send("a");
        let (head, mut reader) = Reader::open(&house, PATH, accept).await;
        assert_eq!(head.status, 200);
        let first = reader.chunk().await.unwrap().unwrap();
        readers.push((accept, first, reader));
        sources.push(source);
    }
    let House { door, .. } = house;
    let began = Instant::now();
    door.shutdown().await;
    assert!(
        began.elapsed() < testkit::unhurried(Duration::from_secs(2)),
        "{:?}",
        began.elapsed()
    );
    for (accept, first, mut reader) in readers {
        let (rest, end) = reader.rest().await;
        assert_eq!(end, Ok(()), "{accept}");
        if accept == ARRAY {
            assert_eq!(first + &rest, format!("[{}]", json("a")));
        }
    }
    for source in sources {
        source.dropped().await;
    }
}
