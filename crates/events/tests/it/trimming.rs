//! What is trimmed, and what a stream costs while a service is off (EB-3, T52).

use std::sync::Arc;
use std::time::Duration;

use events::{Pace, stream};
use redis::{Read, Script};
use testkit::Rig;
use uuid::Uuid;

use crate::scene;

/// Trims all the time, and young entries too.
const EAGER: Pace = Pace {
    poll: Duration::from_millis(250),
    gather: Duration::from_millis(10),
    lease: Duration::from_secs(6),
    renew: Duration::from_secs(2),
    trim: Duration::from_millis(50),
    keep: Duration::ZERO,
};

/// What the README of the crate states a waiting event costs, in bytes.
const CAP: i64 = 1024;

#[tokio::test]
async fn eb_3_trimming_stops_exactly_where_the_slowest_group_is() {
    let rig = Rig::start().await;
    let profile = stream("profile");
    rig.redis().group_create(&profile, "slow").await.unwrap();
    scene::start_counting(&rig, &Arc::default()).await;
    let _relay = scene::start([scene::relay(&rig, rig.redis(), EAGER)]);
    scene::publish(&rig, (0..50).map(|_| scene::completed(Uuid::now_v7()))).await;
    scene::until_effects(&rig, 50).await;
    let slow = rig.redis().reader("slow", "one").await.unwrap();
    let streams = [profile.clone()];
    let Read::Entries(entries) = slow
        .read(&streams, 20, Duration::from_secs(5))
        .await
        .unwrap()
    else {
        panic!("the group is there");
    };
    let ids: Vec<String> = entries.into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), 20);
    let left = |entries| {
        let (rig, profile) = (&rig, &profile);
        rig.eventually(
            move || async move { rig.redis().stream_len(profile).await.unwrap() == entries },
        )
    };
    // Given out are 20; before the oldest that is not acknowledged, 10 may go.
    slow.ack(&profile, ids[..10].to_vec()).await.unwrap();
    left(40).await;
    // The last one given out stays, since trimming goes below it.
    slow.ack(&profile, ids[10..].to_vec()).await.unwrap();
    left(31).await;
}

#[tokio::test]
async fn t_52_a_stream_that_grows_while_its_consumer_is_off_loses_nothing_and_stays_within_its_cap()
{
    static MEMORY: Script =
        Script::new("return redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0)");
    let rig = Rig::start().await;
    let profile = stream("profile");
    rig.redis().group_create(&profile, "feed").await.unwrap();
    let _relay = scene::start([scene::relay(&rig, rig.redis(), EAGER)]);
    for _ in 0..10 {
        scene::publish(&rig, (0..100).map(|_| scene::completed(Uuid::now_v7()))).await;
    }
    rig.eventually(|| async { rig.redis().stream_len(&profile).await.unwrap() == 1000 })
        .await;
    let bytes = rig.redis().eval(&MEMORY, &[&profile], &[]).await.unwrap();
    let bytes = bytes.int().unwrap();
    assert!(bytes <= 1000 * CAP, "{bytes} bytes for 1000 events");
    scene::start_counting(&rig, &Arc::default()).await;
    scene::until_effects(&rig, 1000).await;
    assert_eq!(scene::effects(&rig).await, (1000, 1000));
}
