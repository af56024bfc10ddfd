//! Redis killed and emptied while events flow (EB-6, T44), with services up and down.

use std::sync::Arc;
use std::time::Duration;

use events::{Pace, stream};
use redis::{Read, Redis};
use testkit::{OwnRedis, Rig};
use uuid::Uuid;

use crate::scene;

const QUICK: Pace = Pace {
    poll: Duration::from_millis(50),
    gather: Duration::from_millis(10),
    lease: Duration::from_secs(6),
    renew: Duration::from_millis(200),
    trim: Duration::from_millis(100),
    keep: Duration::ZERO,
};

#[tokio::test]
async fn t_44_redis_killed_and_emptied_in_mid_flow_loses_and_doubles_no_effect() {
    let rig = Rig::start().await;
    let mut own = OwnRedis::start().await;
    let redis = Redis::connect(&own.url()).await.unwrap();
    let mut tasks = scene::counting(&rig, &redis, &Arc::default())
        .claims_after(Duration::from_millis(500))
        .tasks();
    tasks.push(scene::relay(&rig, &redis, QUICK));
    let _running = scene::start(tasks);
    let flow = async {
        for _ in 0..60 {
            scene::publish(&rig, (0..5).map(|_| scene::completed(Uuid::now_v7()))).await;
        }
    };
    let losses = async {
        for effects in [20, 80, 140] {
            scene::until_effects(&rig, effects).await;
            own.restart().await;
        }
    };
    tokio::join!(flow, losses);
    scene::until_effects(&rig, 300).await;
    assert_eq!(scene::effects(&rig).await, (300, 300));
    let waiting = "select count(*) from profile.outbox where published_at is null";
    rig.eventually(|| async { scene::number(&rig, waiting).await == 0 })
        .await;
    let letters = "select count(*) from feed.dead_letters";
    assert_eq!(scene::number(&rig, letters).await, 0);
}

#[tokio::test]
async fn eb_3_a_service_that_is_down_while_redis_is_lost_misses_nothing() {
    let rig = Rig::start().await;
    let mut own = OwnRedis::start().await;
    let redis = Redis::connect(&own.url()).await.unwrap();
    let profile = stream("profile");
    // Auth was here and is down.
    redis.group_create(&profile, "auth").await.unwrap();
    let mut tasks = scene::counting(&rig, &redis, &Arc::default()).tasks();
    tasks.push(scene::relay(&rig, &redis, QUICK));
    let _running = scene::start(tasks);
    scene::publish(&rig, (0..20).map(|_| scene::completed(Uuid::now_v7()))).await;
    scene::until_effects(&rig, 20).await;
    let noted =
        "select count(*) from profile.job_runs where state->'groups' = '[\"auth\",\"feed\"]'";
    rig.eventually(|| async { scene::number(&rig, noted).await == 1 })
        .await;
    own.restart().await;
    scene::publish(&rig, (0..20).map(|_| scene::completed(Uuid::now_v7()))).await;
    scene::until_effects(&rig, 40).await;
    let auth = redis.reader("auth", "back").await.unwrap();
    let streams = [profile.clone()];
    let mut got = 0;
    while got < 40 {
        let read = auth.read(&streams, 100, Duration::from_secs(10)).await;
        let Read::Entries(entries) = read.unwrap() else {
            panic!("the group of a service that is down is gone");
        };
        assert!(!entries.is_empty(), "auth got {got} of 40");
        got += entries.len();
        let ids = entries.into_iter().map(|entry| entry.id).collect();
        auth.ack(&profile, ids).await.unwrap();
    }
    assert_eq!(got, 40);
    // And now that everybody has read everything, it is trimmed after all.
    rig.eventually(|| async { redis.stream_len(&profile).await.unwrap() <= 1 })
        .await;
}
