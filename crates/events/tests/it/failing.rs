//! Poison: tried again, kept, replayed, and never in the way (EB-5, T49).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::Rig;
use uuid::Uuid;

use crate::scene;

/// Lets the next try come now instead of in seconds or minutes.
async fn hurry(rig: &Rig) {
    scene::execute(
        rig,
        "update feed.dead_letters set next_try_at = now() where not dead",
    )
    .await;
}

#[tokio::test]
async fn t_49_one_poison_in_a_thousand_holds_nothing_up() {
    let rig = Rig::start().await;
    let broken = Arc::new(AtomicBool::new(true));
    scene::start_counting(&rig, &broken).await;
    scene::start_relay(&rig).await;
    let began = Instant::now();
    let events = (0..1000).map(|index| match index {
        17 => scene::poison(Uuid::now_v7(), "fail"),
        _ => scene::completed(Uuid::now_v7()),
    });
    scene::publish(&rig, events).await;
    scene::until_effects(&rig, 999).await;
    assert_eq!(scene::effects(&rig).await, (999, 999));
    assert!(
        began.elapsed() < testkit::unhurried(Duration::from_secs(10)),
        "{:?}",
        began.elapsed()
    );
    let letter = scene::one(&rig, "select error, type, attempts from feed.dead_letters").await;
    let (error, name): (String, String) = (
        letter.try_get_by_index(0).unwrap(),
        letter.try_get_by_index(1).unwrap(),
    );
    assert!(error.contains("as the test asks"), "{error}");
    assert_eq!(name, "smilefactory.profile.v1.ProfileCompleted");
}

#[tokio::test]
async fn eb_5_after_five_tries_an_event_is_dead_and_a_replay_brings_it_to_its_effect() {
    let rig = Rig::start().await;
    let broken = Arc::new(AtomicBool::new(true));
    scene::start_counting(&rig, &broken).await;
    rig.emit("profile", scene::poison(Uuid::now_v7(), "fail"))
        .await;
    for tries in 1..5 {
        let tried =
            format!("select count(*) from feed.dead_letters where attempts = {tries} and not dead");
        rig.eventually(|| async { scene::number(&rig, &tried).await == 1 })
            .await;
        let wait = "select extract(epoch from next_try_at - now())::bigint from feed.dead_letters";
        let wait = scene::number(&rig, wait).await;
        assert!(wait <= 5_i64.pow(tries - 1), "try {tries} waits {wait} s");
        hurry(&rig).await;
    }
    let dead = "select count(*) from feed.dead_letters where attempts = 5 and dead";
    rig.eventually(|| async { scene::number(&rig, dead).await == 1 })
        .await;
    assert_eq!(events::dead_letters(&rig.db("feed")).await.unwrap(), 1);
    assert_eq!(scene::effects(&rig).await, (0, 0));

    broken.store(false, Ordering::SeqCst);
    assert_eq!(events::replay(&rig.db("feed")).await.unwrap(), 1);
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    rig.eventually(|| async {
        scene::number(&rig, "select count(*) from feed.dead_letters").await == 0
    })
    .await;
}

#[tokio::test]
async fn eb_5_a_failed_event_comes_to_its_effect_at_a_later_try() {
    let rig = Rig::start().await;
    let broken = Arc::new(AtomicBool::new(true));
    scene::start_counting(&rig, &broken).await;
    rig.emit("profile", scene::poison(Uuid::now_v7(), "fail"))
        .await;
    rig.eventually(|| async {
        scene::number(&rig, "select count(*) from feed.dead_letters").await == 1
    })
    .await;
    broken.store(false, Ordering::SeqCst);
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    rig.eventually(|| async {
        scene::number(&rig, "select count(*) from feed.dead_letters").await == 0
    })
    .await;
}

#[tokio::test]
async fn eb_5_a_handler_that_panics_and_bytes_that_are_no_event_hold_nothing_up() {
    let rig = Rig::start().await;
    scene::start_counting(&rig, &Arc::new(AtomicBool::new(true))).await;
    rig.emit("profile", scene::poison(Uuid::now_v7(), "panic"))
        .await;
    rig.redis()
        .stream_add(&events::stream("profile"), events::FIELD, &b"\xff\xff"[..])
        .await
        .unwrap();
    rig.redis()
        .stream_add(&events::stream("profile"), "other", "x")
        .await
        .unwrap();
    rig.emit("profile", scene::completed(Uuid::now_v7())).await;
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    let dead = "select count(*) from feed.dead_letters where dead and error = 'not an envelope'";
    assert_eq!(scene::number(&rig, dead).await, 2);
    let panicked = "select count(*) from feed.dead_letters where error like '%panicked%'";
    assert_eq!(scene::number(&rig, panicked).await, 1);
}
