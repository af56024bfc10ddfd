//! A consumer that died or stopped in the middle of a batch (EB-5, T50).

use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, Tasks};
use contracts::profile::v1::ProfileCompleted;
use events::Consumer;
use testkit::Rig;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::scene;

/// A consumer whose every effect needs a permit.
fn waiting(rig: &Rig, gate: &Arc<Semaphore>) -> Consumer {
    let gate = Arc::clone(gate);
    Consumer::new("feed", rig.db("feed"), rig.redis().clone()).on::<ProfileCompleted>(
        move |tx, _, event| {
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                scene::count(&**tx, &event.account_id).await
            })
        },
    )
}

async fn emit(rig: &Rig, events: usize) {
    for _ in 0..events {
        rig.emit("profile", scene::completed(Uuid::now_v7())).await;
    }
}

async fn nothing_is_pending(rig: &Rig) {
    let stream = events::stream("profile");
    rig.eventually(|| async { rig.redis().groups(&stream).await.unwrap()[0].pending == 0 })
        .await;
}

#[tokio::test]
async fn t_50_a_consumer_killed_in_mid_batch_loses_no_effect_and_doubles_none() {
    let rig = Rig::start().await;
    let gate = Arc::new(Semaphore::new(0));
    emit(&rig, 150).await;
    let first = scene::start(waiting(&rig, &gate).tasks());
    gate.add_permits(20);
    rig.eventually(|| async { scene::effects(&rig).await.0 == 20 })
        .await;
    // The 21st waits in its transaction, the rest of the batch behind it; none of them is acknowledged.
    drop(first);
    gate.add_permits(1000);
    let second = waiting(&rig, &gate).claims_after(Duration::from_millis(300));
    let _second = scene::start(second.tasks());
    scene::until_effects(&rig, 150).await;
    nothing_is_pending(&rig).await;
    assert_eq!(scene::effects(&rig).await, (150, 150));
}

#[tokio::test]
async fn dl_5_a_consumer_that_stops_hands_over_what_it_was_given() {
    let rig = Rig::start().await;
    let gate = Arc::new(Semaphore::new(0));
    emit(&rig, 40).await;
    let stop = Shutdown::new();
    let mut first = Tasks::new(stop.clone());
    for task in waiting(&rig, &gate).tasks() {
        first.spawn(task);
    }
    gate.add_permits(10);
    rig.eventually(|| async { scene::effects(&rig).await.0 == 10 })
        .await;
    stop.begin();
    gate.add_permits(1000);
    assert_eq!(first.drain(Duration::from_secs(30)).await, 0);
    let (done, _) = scene::effects(&rig).await;
    assert!(done < 40, "a stopping consumer went on through its batch");
    // This one claims what is idle for a minute: only what was handed over can look like that.
    let _second = scene::start(waiting(&rig, &gate).tasks());
    scene::until_effects(&rig, 40).await;
    nothing_is_pending(&rig).await;
    assert_eq!(scene::effects(&rig).await, (40, 40));
}

#[tokio::test]
async fn eb_4_an_event_that_comes_again_keeps_its_inbox_row() {
    let rig = Rig::start().await;
    let ctx = identity::Context::background("again", Duration::from_secs(5));
    let envelope = scene::completed(Uuid::now_v7()).into_envelope(&ctx);
    rig.deliver("profile", &envelope).await;
    scene::start_counting(&rig, &Arc::default()).await;
    rig.eventually(|| async { scene::effects(&rig).await == (1, 1) })
        .await;
    scene::execute(
        &rig,
        "update feed.inbox set processed_at = now() - interval '7 days 23 hours'",
    )
    .await;
    rig.deliver("profile", &envelope).await;
    let young = "select count(*) from feed.inbox where processed_at > now() - interval '1 hour'";
    rig.eventually(|| async { scene::number(&rig, young).await == 1 })
        .await;
    assert_eq!(scene::effects(&rig).await, (1, 1));
}
