//! Which relay leads, what wakes it, and what happens when it no longer does (EB-1, JB-1).

use std::time::Duration;

use events::Pace;
use testkit::Rig;
use uuid::Uuid;

use crate::scene;

const HOUR: Duration = Duration::from_secs(3600);

/// A relay that does nothing unless it is woken.
const ASLEEP: Pace = Pace {
    poll: HOUR,
    gather: Duration::from_millis(10),
    lease: HOUR,
    renew: HOUR,
    trim: HOUR,
    keep: HOUR,
};

/// A row no process here knows of, as another replica would commit it.
const FOREIGN: &str = "insert into profile.outbox (id, aggregate_id, aggregate_version, type, payload)
    values (gen_random_uuid(), gen_random_uuid(), 1, 'smilefactory.profile.v1.ProfileCompleted', '')";

async fn published(rig: &Rig, events: u64) {
    let stream = events::stream("profile");
    rig.eventually(|| async { rig.redis().stream_len(&stream).await.unwrap() == events })
        .await;
}

/// Waits until some relay leads; returns its name.
async fn leader(rig: &Rig) -> String {
    let leads =
        "select max(locked_by) from profile.job_runs where job = 'relay' and locked_until > now()";
    rig.eventually(|| async {
        scene::one(rig, leads)
            .await
            .try_get_by_index::<Option<String>>(0)
            .unwrap()
    })
    .await
}

#[tokio::test]
async fn eb_1_a_commit_here_a_signal_from_elsewhere_and_time_each_wake_the_relay() {
    let rig = Rig::start().await;
    let sleeping = scene::start([scene::relay(&rig, rig.redis(), ASLEEP)]);
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    published(&rig, 1).await;
    for events in 2..5 {
        scene::execute(&rig, FOREIGN).await;
        rig.redis().publish("sf:relay:profile", "").await.unwrap();
        published(&rig, events).await;
    }
    drop(sleeping);
    scene::execute(&rig, "delete from profile.job_runs").await;
    scene::start_relay(&rig).await;
    leader(&rig).await;
    scene::execute(&rig, FOREIGN).await;
    published(&rig, 5).await;
}

#[tokio::test]
async fn jb_1_when_the_leading_relay_is_killed_another_takes_over_at_the_end_of_its_lease() {
    let rig = Rig::start().await;
    let quick = Pace {
        lease: Duration::from_secs(1),
        renew: Duration::from_millis(300),
        ..Pace::default()
    };
    let first = scene::start([scene::relay(&rig, rig.redis(), quick)]);
    let one = leader(&rig).await;
    let _second = scene::start([scene::relay(&rig, rig.redis(), quick)]);
    scene::publish(&rig, (0..10).map(|_| scene::completed(Uuid::now_v7()))).await;
    published(&rig, 10).await;
    // A relay killed between the stream and its note of it sends the batch once more; that is another test's subject.
    let noted = "select count(*) from profile.outbox where published_at is not null";
    rig.eventually(|| async { scene::number(&rig, noted).await == 10 })
        .await;
    drop(first);
    scene::publish(&rig, (0..10).map(|_| scene::completed(Uuid::now_v7()))).await;
    published(&rig, 20).await;
    assert_ne!(leader(&rig).await, one);
}

#[tokio::test]
async fn jb_1_a_relay_that_stops_gives_its_lease_back() {
    let rig = Rig::start().await;
    let mut first = scene::start([scene::relay(&rig, rig.redis(), ASLEEP)]);
    let one = leader(&rig).await;
    assert_eq!(first.drain(Duration::from_secs(30)).await, 0);
    // The grant was for an hour.
    let _second = scene::start([scene::relay(&rig, rig.redis(), ASLEEP)]);
    assert_ne!(leader(&rig).await, one);
}

#[tokio::test]
async fn jb_1_a_relay_that_lost_its_lease_in_mid_work_notices_and_stands_by() {
    let rig = Rig::start().await;
    let mut signals = rig.redis().subscribe("sf:relay:profile").await.unwrap();
    let _relay = scene::start([scene::relay(&rig, rig.redis(), ASLEEP)]);
    leader(&rig).await;
    scene::execute(
        &rig,
        "update profile.job_runs set locked_by = 'another', locked_until = now() + interval '1 hour'",
    )
    .await;
    // What it had in hand is in the stream; it must not go on from there.
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    let marked = "select count(*) from profile.outbox where published_at is not null";
    rig.eventually(|| async { scene::number(&rig, marked).await == 1 })
        .await;
    let noted = "select count(*) from profile.job_runs where state ? 'lastId'";
    assert_eq!(scene::number(&rig, noted).await, 0);
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    // Only who stands by tells others of commits here.
    signals.next().await.unwrap();
    assert_eq!(scene::number(&rig, marked).await, 1);
    assert_eq!(leader(&rig).await, "another");
}
