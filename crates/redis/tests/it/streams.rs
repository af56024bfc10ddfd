//! Streams and consumer groups.

use std::time::{Duration, Instant};

use redis::{Read, Reader};
use testkit::Rig;

const WAIT: Duration = Duration::from_millis(200);

async fn read(reader: &Reader, stream: &str) -> Vec<String> {
    match reader.read(&[stream.to_owned()], 10, WAIT).await.unwrap() {
        Read::Entries(entries) => entries
            .into_iter()
            .map(|entry| String::from_utf8(entry.field("f").unwrap().to_vec()).unwrap())
            .collect(),
        Read::NoGroup => panic!("the group is gone"),
    }
}

#[tokio::test]
async fn a_group_gives_each_entry_to_one_of_its_readers() {
    let rig = Rig::start().await;
    let redis = rig.redis();
    assert!(redis.group_create("s", "g").await.unwrap());
    assert!(!redis.group_create("s", "g").await.unwrap());
    let (one, other) = (
        redis.reader("g", "one").await.unwrap(),
        redis.reader("g", "other").await.unwrap(),
    );
    redis.stream_add("s", "f", "1").await.unwrap();
    assert_eq!(read(&one, "s").await, ["1"]);
    assert!(read(&other, "s").await.is_empty());
    redis.stream_add("s", "f", "2").await.unwrap();
    assert_eq!(read(&other, "s").await, ["2"]);
    let group = redis.groups("s").await.unwrap().remove(0);
    assert_eq!((group.name.as_str(), group.pending), ("g", 2));
    assert!(
        group
            .oldest_pending
            .is_some_and(|oldest| oldest < group.last_delivered)
    );
}

#[tokio::test]
async fn an_empty_read_ends_after_its_wait_and_holds_nobody_up() {
    let rig = Rig::start().await;
    let redis = rig.redis();
    redis.group_create("s", "g").await.unwrap();
    let reader = redis.reader("g", "one").await.unwrap();
    let began = Instant::now();
    let streams = ["s".to_owned()];
    let (empty, quick) = tokio::join!(reader.read(&streams, 10, Duration::from_secs(3)), async {
        redis.get("x").await.unwrap();
        began.elapsed()
    });
    assert_eq!(empty.unwrap(), Read::Entries(Vec::new()));
    assert!(began.elapsed() >= Duration::from_millis(2900));
    assert!(quick < Duration::from_secs(2), "{quick:?}");
}

#[tokio::test]
async fn a_lost_group_is_said_and_not_an_error() {
    let rig = Rig::start().await;
    let reader = rig.redis().reader("g", "one").await.unwrap();
    assert_eq!(
        reader.read(&["s".to_owned()], 10, WAIT).await.unwrap(),
        Read::NoGroup
    );
    assert_eq!(reader.claim("s", WAIT, 10).await.unwrap(), Read::NoGroup);
    assert!(rig.redis().groups("s").await.unwrap().is_empty());
    assert!(rig.redis().consumers("s", "g").await.unwrap().is_empty());
    assert_eq!(rig.redis().stream_len("s").await.unwrap(), 0);
}

#[tokio::test]
async fn idle_entries_are_claimed_acknowledged_and_trimmed() {
    let rig = Rig::start().await;
    let redis = rig.redis();
    redis.group_create("s", "g").await.unwrap();
    for text in ["1", "2", "3"] {
        redis.stream_add("s", "f", text).await.unwrap();
    }
    let (dead, alive) = (
        redis.reader("g", "dead").await.unwrap(),
        redis.reader("g", "alive").await.unwrap(),
    );
    assert_eq!(read(&dead, "s").await.len(), 3);
    let Read::Entries(claimed) = alive.claim("s", Duration::ZERO, 10).await.unwrap() else {
        panic!("the group is there")
    };
    assert_eq!(claimed.len(), 3);
    alive
        .ack(
            "s",
            claimed[..2].iter().map(|entry| entry.id.clone()).collect(),
        )
        .await
        .unwrap();
    let group = redis.groups("s").await.unwrap().remove(0);
    assert_eq!(
        (group.pending, group.oldest_pending.as_deref()),
        (1, Some(claimed[2].id.as_str()))
    );
    assert_eq!(redis.stream_trim("s", &claimed[2].id).await.unwrap(), 2);
    assert_eq!(redis.stream_len("s").await.unwrap(), 1);
    let names = |list: Vec<(String, u64, u64)>| {
        list.into_iter()
            .map(|(name, pending, _)| (name, pending))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(redis.consumers("s", "g").await.unwrap()),
        [("alive".to_owned(), 1), ("dead".to_owned(), 0)]
    );
    redis.consumer_remove("s", "g", "dead").await.unwrap();
    assert_eq!(redis.consumers("s", "g").await.unwrap().len(), 1);
}
