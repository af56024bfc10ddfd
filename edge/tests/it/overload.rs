//! More requests than places (GW-27, N-21, T28): who is refused, when, and who never is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::auth::v1::SendOtpResponse;
use contracts::feed::v1::Post;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::house::{House, Reply, rest};
use crate::script::Answer;
use crate::streams::Reader;

const POST: &str = "/api/v1/posts/018f0000-0000-7000-8000-000000000001";
const SEND_OTP: &str = "/api/v1/auth/send-otp";
const EMAIL: &str = "{\"email\":\"ada@example.org\"}";

/// How long the slow service takes: longer than anything here is made to wait.
const SLOW: Duration = Duration::from_secs(4);

/// A house with ten places, nine of them taken by requests to a slow service.
async fn busy() -> (Arc<House>, JoinSet<Reply>) {
    let house = House::open(|config| {
        config.limits.in_flight = 10;
        config.mandatory = vec!["auth".to_owned()];
    })
    .await;
    house.feed.answer(|_| {
        let post = Post {
            metadata: "{}".to_owned(),
            ..Post::default()
        };
        Ok(Answer::new(&post).after(SLOW))
    });
    let (house, mut slow) = (Arc::new(house), JoinSet::new());
    for _ in 0..9 {
        let house = Arc::clone(&house);
        slow.spawn(async move { house.get(POST, &[]).await });
    }
    house
        .rig
        .eventually(|| async { house.feed.calls("GetPost").len() == 9 })
        .await;
    (house, slow)
}

#[track_caller]
fn shed(reply: &Reply) {
    assert_eq!(reply.code(), "SERVICE_UNAVAILABLE");
    let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&after), "{after}");
}

#[tokio::test]
async fn gw_27_t28_the_tenth_of_nine_is_refused_while_the_nine_are_worked_on() {
    let (house, mut slow) = busy().await;
    for _ in 0..3 {
        let refused = house.get(POST, &[]).await;
        shed(&refused);
        assert_eq!(
            refused.header("x-ratelimit-limit"),
            None,
            "refused before its rate was asked for"
        );
    }
    shed(&house.get("/nothing", &[]).await);
    assert_eq!(
        house.feed.calls("GetPost").len(),
        9,
        "nothing was asked for"
    );
    assert!(
        slow.try_join_next().is_none(),
        "refusals waited for the work"
    );
    while let Some(reply) = slow.join_next().await {
        assert_eq!(reply.unwrap().status, 200, "accepted work is done");
    }
    let after = house.get("/nothing", &[]).await;
    assert_eq!(after.status, 404, "places are given back");
}

#[tokio::test]
async fn gw_27_probes_and_signing_in_go_on_when_nothing_else_does() {
    let (house, mut slow) = busy().await;
    shed(&house.get(POST, &[]).await);
    for probe in ["/livez", "/readyz", "/health"] {
        let reply = house.get(probe, &[]).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let signed = house.send("POST", SEND_OTP, &[], EMAIL).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let out = house
        .send(
            "POST",
            "/api/v1/auth/logout",
            &[("Authorization", &bearer)],
            "{}",
        )
        .await;
    assert_eq!(out.code(), "NOT_IMPLEMENTED", "it reached the service");
    // The reserve is one place here, and it ends as well.
    house
        .auth
        .answer(|_| Ok(Answer::new(&SendOtpResponse::default()).after(SLOW)));
    let calls = house.auth.calls("SendOtp").len();
    let other = Arc::clone(&house);
    slow.spawn(async move { other.send("POST", SEND_OTP, &[], EMAIL).await });
    house
        .rig
        .eventually(|| async { house.auth.calls("SendOtp").len() > calls })
        .await;
    shed(&house.send("POST", SEND_OTP, &[], EMAIL).await);
    assert_eq!(house.get("/livez", &[]).await.status, 200);
}

#[tokio::test]
async fn n_21_a_refusal_waits_for_no_body() {
    let (house, mut slow) = busy().await;
    let mut stream = house.connect().await;
    // The body is promised and never comes.
    let head = "POST /api/v1/feed/nothing HTTP/1.1\r\nHost: door\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let refused = Reply::parse(&rest(&mut stream).await);
    shed(&refused);
    assert_eq!(refused.header("connection"), Some("close"));
    let mut stream = house.connect().await;
    let head = "POST /smilefactory.feed.v1.FeedService/GetPost HTTP/1.1\r\nHost: door\r\n\
                Content-Type: application/grpc-web+proto\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let refused = Reply::parse(&rest(&mut stream).await);
    assert_eq!(refused.header("grpc-status"), Some("14"));
    assert!(slow.try_join_next().is_none(), "they waited for the work");
}

#[tokio::test]
async fn gw_27_a_client_that_leaves_gives_its_place_back() {
    let began = Instant::now();
    let (house, slow) = busy().await;
    shed(&house.get("/nothing", &[]).await);
    drop(slow);
    house
        .rig
        .eventually(|| async { house.get("/nothing", &[]).await.status == 404 })
        .await;
    assert!(began.elapsed() < SLOW, "not before the work was done");
}

#[tokio::test]
async fn gw_27_k_10_streams_have_places_of_their_own_for_as_long_as_they_last_and_no_coding() {
    let house = House::open(|config| {
        config.limits.streams = 1;
        config.limits.in_flight = 2;
    })
    .await;
    house
        .feed
        .answer(|_| Ok(Answer::stream(futures_util::stream::pending().boxed())));
    let token = house.token(&house.rig.caller());
    let headers = [
        ("Accept", "text/event-stream"),
        ("Accept-Encoding", "gzip, br, zstd"),
    ];
    let open = || Reader::open_with(&house, "/api/v1/feed/stream", &headers, &token);
    let (head, first) = open().await;
    assert_eq!(
        (head.status, head.header("content-encoding")),
        (200, None),
        "{head:?}"
    );
    let (refused, _) = open().await;
    let after = refused.header("retry-after");
    assert_eq!((refused.status, after), (503, Some("1")));
    // The stream takes no place from requests: there is one beside the reserve.
    assert_eq!(house.get("/nothing", &[]).await.status, 404);
    drop(first);
    house
        .rig
        .eventually(|| async { open().await.0.status == 200 })
        .await;
}
