//! From the outbox to the stream.

use std::time::Duration;

use events::{Relay, stream};
use rand::RngExt as _;
use redis::Script;
use testkit::Rig;
use uuid::Uuid;

use crate::scene;

#[tokio::test]
async fn eb_1_only_what_is_committed_is_published_and_in_the_order_of_its_aggregate() {
    let rig = Rig::start().await;
    scene::start_relay(&rig).await;
    let ctx = rig.anonymous();
    let mut tx = rig.db("profile").begin(&ctx).await.unwrap();
    events::publish(&mut tx, &ctx, scene::completed(Uuid::now_v7()))
        .await
        .unwrap();
    tx.rollback().await.unwrap();

    let account = Uuid::now_v7();
    for version in 1..=5 {
        let payload = contracts::profile::v1::ProfileCompleted::default();
        scene::publish(&rig, [events::Event::of(account, version, &payload)]).await;
    }
    let found = rig
        .eventually(|| async {
            Some(scene::stream(&rig, "profile").await).filter(|found| found.len() >= 5)
        })
        .await;
    let versions: Vec<i32> = found
        .iter()
        .map(|envelope| envelope.aggregate_version)
        .collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    assert!(
        found
            .iter()
            .all(|envelope| envelope.aggregate_id == account.to_string())
    );
}

#[tokio::test]
async fn eb_2_the_envelope_says_who_did_what_when_and_in_which_request() {
    let rig = Rig::start().await;
    let caller = rig.caller();
    let ctx = rig.user(&caller);
    let account = Uuid::now_v7();
    let mut tx = rig.db("profile").begin(&ctx).await.unwrap();
    events::publish(&mut tx, &ctx, scene::completed(account).quiet())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    scene::start_relay(&rig).await;
    let found = rig
        .eventually(|| async { scene::stream(&rig, "profile").await.pop() })
        .await;
    assert_eq!(found.r#type, "smilefactory.profile.v1.ProfileCompleted");
    assert_eq!(found.actor_account_id, caller.account_id.to_string());
    assert_eq!(found.actor_profile_id, caller.profile_id.to_string());
    assert_eq!(found.correlation_id, ctx.request_id());
    assert_eq!((found.version, found.quiet), (1, true));
    assert_eq!(
        Uuid::parse_str(&found.event_id).unwrap().get_version_num(),
        7
    );
    let age = identity::clock::unix() - found.occurred_at.unwrap().seconds;
    assert!((0..60).contains(&age), "{age}");
    let payload: contracts::profile::v1::ProfileCompleted = events::decode(&found).unwrap();
    assert_eq!(payload.account_id, account.to_string());
}

#[tokio::test]
async fn eb_7_news_leave_at_once_and_not_with_the_next_poll() {
    let rig = Rig::start().await;
    // By polling alone the second would not leave before the test is given up.
    let pace = events::Pace {
        poll: Duration::from_secs(3600),
        ..events::Pace::default()
    };
    rig.spawn(scene::relay(&rig, rig.redis(), pace)).await;
    for count in 1..=40 {
        scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
        rig.eventually(|| async {
            rig.redis().stream_len(&stream("profile")).await.unwrap() == count
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t_53_of_64_writers_with_random_commit_delays_nothing_is_missed() {
    let rig = Rig::start().await;
    scene::start_relay(&rig).await;
    let writers = (0..64).map(|_| async {
        let ctx = rig.anonymous();
        for _ in 0..3 {
            let delay = Duration::from_millis(rand::rng().random_range(0..40));
            // Full pools make writers wait, which is not what is tested.
            let mut tx = loop {
                match rig.db("profile").begin(&ctx).await {
                    Ok(tx) => break tx,
                    Err(fault) => assert!(fault.is_retryable(), "{fault:?}"),
                }
            };
            events::publish(&mut tx, &ctx, scene::completed(Uuid::now_v7()))
                .await
                .unwrap();
            tokio::time::sleep(delay).await;
            tx.commit().await.unwrap();
        }
    });
    futures_util::future::join_all(writers).await;
    rig.eventually(|| async {
        scene::number(
            &rig,
            "select count(*) from profile.outbox where published_at is null",
        )
        .await
            == 0
    })
    .await;
    let mut ids: Vec<String> = scene::stream(&rig, "profile")
        .await
        .into_iter()
        .map(|envelope| envelope.event_id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 64 * 3);
}

#[tokio::test]
async fn eb_6_a_lost_stream_is_filled_again_from_all_kept_rows() {
    let rig = Rig::start().await;
    scene::start_relay(&rig).await;
    scene::publish(&rig, (0..20).map(|_| scene::completed(Uuid::now_v7()))).await;
    rig.eventually(|| async { scene::stream(&rig, "profile").await.len() == 20 })
        .await;
    rig.redis().flush().await.unwrap();
    rig.eventually(|| async { scene::stream(&rig, "profile").await.len() == 20 })
        .await;
}

#[tokio::test]
async fn eb_6_a_stream_that_came_back_older_is_noticed_even_with_news() {
    static OLDER: Script = Script::new(
        "redis.call('DEL', KEYS[1]); redis.call('XADD', KEYS[1], '5-1', ARGV[1], ''); return redis.call('XGROUP', 'CREATE', KEYS[1], 'feed', '0')",
    );
    let rig = Rig::start().await;
    scene::publish(&rig, (0..10).map(|_| scene::completed(Uuid::now_v7()))).await;
    scene::start_relay(&rig).await;
    rig.eventually(|| async { scene::stream(&rig, "profile").await.len() == 10 })
        .await;
    let marked = "select count(*) from profile.outbox where published_at is not null";
    rig.eventually(|| async { scene::number(&rig, marked).await == 10 })
        .await;
    rig.redis()
        .eval(&OLDER, &[&stream("profile")], &[events::FIELD.into()])
        .await
        .unwrap();
    // At once, so that the relay meets the loss while publishing, not while idle.
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    rig.eventually(|| async { rig.redis().stream_len(&stream("profile")).await.unwrap() >= 12 })
        .await;
    let mut ids: Vec<String> = scene::stream(&rig, "profile")
        .await
        .into_iter()
        .map(|envelope| envelope.event_id)
        .collect();
    ids.retain(|id| !id.is_empty());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 11);
}

#[tokio::test]
async fn jb_1_of_two_relays_one_works_and_the_other_takes_over() {
    let rig = Rig::start().await;
    let stop = chassis::Shutdown::new();
    let mut first = chassis::Tasks::new(stop.clone());
    first.spawn(Relay::task(
        "profile",
        rig.db("profile"),
        rig.redis().clone(),
    ));
    let holder =
        "select count(*) from profile.job_runs where job = 'relay' and locked_until > now()";
    rig.eventually(|| async { scene::number(&rig, holder).await == 1 })
        .await;
    scene::start_relay(&rig).await;
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    rig.eventually(|| async { scene::stream(&rig, "profile").await.len() == 1 })
        .await;
    assert_eq!(first.drain(Duration::from_secs(5)).await, 0);
    scene::publish(&rig, [scene::completed(Uuid::now_v7())]).await;
    rig.eventually(|| async { scene::stream(&rig, "profile").await.len() == 2 })
        .await;
}
