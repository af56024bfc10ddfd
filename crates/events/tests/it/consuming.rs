//! From the stream to the effect, once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use redis::{Arg, Read, Script};
use std::time::Duration;
use testkit::Rig;
use uuid::Uuid;

use crate::scene;

#[tokio::test]
async fn i_9_every_event_has_its_effect_once_however_often_it_is_delivered() {
    let rig = Rig::start().await;
    scene::start_counting(&rig, &Arc::default()).await;
    scene::start_relay(&rig).await;
    scene::publish(&rig, (0..30).map(|_| scene::completed(Uuid::now_v7()))).await;
    rig.eventually(|| async { scene::effects(&rig).await == (30, 30) })
        .await;
    for envelope in scene::stream(&rig, "profile").await.into_iter().rev() {
        rig.deliver("profile", &envelope).await;
        rig.deliver("profile", &envelope).await;
    }
    let marker = Uuid::now_v7();
    rig.emit("profile", scene::completed(marker)).await;
    let seen = format!("select count(*) from feed.account_ref where account_id = '{marker}'");
    rig.eventually(|| async { scene::number(&rig, &seen).await == 1 })
        .await;
    assert_eq!(scene::effects(&rig).await, (31, 31));
}

#[tokio::test]
async fn eb_6_after_redis_lost_everything_no_effect_is_lost_or_doubled() {
    let rig = Rig::start().await;
    scene::start_counting(&rig, &Arc::default()).await;
    scene::start_relay(&rig).await;
    scene::publish(&rig, (0..10).map(|_| scene::completed(Uuid::now_v7()))).await;
    rig.eventually(|| async { scene::effects(&rig).await == (10, 10) })
        .await;
    rig.redis().flush().await.unwrap();
    scene::publish(&rig, (0..10).map(|_| scene::completed(Uuid::now_v7()))).await;
    rig.eventually(|| async { scene::effects(&rig).await.0 == 20 })
        .await;
    assert_eq!(scene::effects(&rig).await, (20, 20));
}

#[tokio::test]
async fn t_50_what_a_dead_consumer_left_is_taken_over_once_it_is_idle() {
    static AGE: Script = Script::new(
        "return redis.call('XCLAIM', KEYS[1], 'feed', 'dead', 0, ARGV[1], 'IDLE', 61000, 'JUSTID')",
    );
    let rig = Rig::start().await;
    let stream = events::stream("profile");
    rig.redis().group_create(&stream, "feed").await.unwrap();
    rig.emit("profile", scene::completed(Uuid::now_v7())).await;
    let dead = rig.redis().reader("feed", "dead").await.unwrap();
    let Read::Entries(entries) = dead
        .read(std::slice::from_ref(&stream), 10, Duration::from_secs(1))
        .await
        .unwrap()
    else {
        panic!("the group is there");
    };
    assert_eq!(entries.len(), 1);
    dead.close().await;
    rig.redis()
        .eval(&AGE, &[&stream], &[Arg::from(entries[0].id.clone())])
        .await
        .unwrap();
    scene::start_counting(&rig, &Arc::default()).await;
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    rig.eventually(|| async { rig.redis().groups(&stream).await.unwrap()[0].pending == 0 })
        .await;
}

#[tokio::test]
async fn eb_3_types_without_a_handler_pass_by() {
    let rig = Rig::start().await;
    scene::start_counting(&rig, &Arc::new(AtomicBool::new(false))).await;
    rig.emit("profile", scene::unheard_of(Uuid::now_v7())).await;
    rig.emit("profile", scene::completed(Uuid::now_v7())).await;
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    assert_eq!(
        scene::number(&rig, "select count(*) from feed.inbox").await,
        1
    );
    assert_eq!(
        scene::number(&rig, "select count(*) from feed.dead_letters").await,
        0
    );
}

#[tokio::test]
async fn n_56_old_plumbing_rows_are_removed_and_young_ones_stay() {
    let rig = Rig::start().await;
    scene::execute(
        &rig,
        "insert into feed.outbox (id, aggregate_id, aggregate_version, type, payload, published_at)
           select gen_random_uuid(), gen_random_uuid(), 1, 'x', '', now() - make_interval(days => d) from unnest(array[6, 8]) d;
         insert into feed.outbox (id, aggregate_id, aggregate_version, type, payload, created_at)
           values (gen_random_uuid(), gen_random_uuid(), 1, 'x', '', now() - interval '30 days');
         insert into feed.inbox (consumer, event_id, processed_at)
           select 'feed', gen_random_uuid(), now() - make_interval(days => d) from unnest(array[7, 9]) d;",
    )
    .await;
    scene::start_counting(&rig, &Arc::default()).await;
    rig.eventually(|| async { scene::number(&rig, "select count(*) from feed.inbox").await == 1 })
        .await;
    rig.eventually(|| async { scene::number(&rig, "select count(*) from feed.outbox").await == 2 })
        .await;
    let waiting = "select count(*) from feed.outbox where published_at is null";
    assert_eq!(scene::number(&rig, waiting).await, 1);
}
