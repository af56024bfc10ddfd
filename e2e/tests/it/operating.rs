//! What operators do by command about events (EB-5, EB-6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::profile::v1::ProfileCompleted;
use events::{Consumer, Event, Relay};
use fault::Fault;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use smilefactory::events::{Action, command};
use testkit::Rig;
use uuid::Uuid;

/// Runs a command; returns what it wrote, or why it failed.
async fn run(rig: &Rig, action: Action) -> Result<String, String> {
    let mut out = Vec::new();
    match command(rig.config(), action, &mut out).await {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(error) => Err(format!("{error:#}")),
    }
}

async fn number(rig: &Rig, sql: &str) -> i64 {
    let select = Statement::from_string(DbBackend::Postgres, sql);
    let row = rig.owner().query_one_raw(select).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

fn dead(service: Option<&str>) -> Action {
    let service = service.map(str::to_owned);
    Action::Dead { service }
}

fn replay(id: Option<Uuid>) -> Action {
    Action::Replay {
        id,
        all: id.is_none(),
        service: None,
    }
}

/// A consumer of feed that fails while the flag is up.
fn consumer(rig: &Rig, broken: &Arc<AtomicBool>) -> Consumer {
    let broken = Arc::clone(broken);
    Consumer::new("feed", rig.db("feed"), rig.redis().clone()).on::<ProfileCompleted>(
        move |_, _, _| {
            let broken = broken.load(Ordering::SeqCst);
            Box::pin(async move {
                if broken {
                    return Err(Fault::conflict("the handler is broken"));
                }
                Ok(())
            })
        },
    )
}

fn secretive() -> Event {
    let payload = ProfileCompleted {
        account_id: Uuid::now_v7().to_string(),
        profile_id: "what the event says".to_owned(),
        ..ProfileCompleted::default()
    };
    Event::of(Uuid::now_v7(), 1, &payload)
}

#[tokio::test(flavor = "multi_thread")]
async fn eb_5_dead_letters_are_listed_without_what_they_say_and_replayed() {
    let rig = Rig::start().await;
    assert_eq!(run(&rig, dead(None)).await.unwrap(), "no dead letters\n");
    let broken = Arc::new(AtomicBool::new(true));
    for task in consumer(&rig, &broken).tasks() {
        rig.spawn(task).await;
    }
    for _ in 0..3 {
        rig.emit("profile", secretive()).await;
    }
    rig.eventually(|| async { number(&rig, "select count(*) from feed.dead_letters").await == 3 })
        .await;
    // Instead of 156 seconds of tries.
    let give_up = "update feed.dead_letters set attempts = 5, dead = true";
    rig.owner().execute_unprepared(give_up).await.unwrap();

    let listed = run(&rig, dead(None)).await.unwrap();
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(listed.contains("smilefactory.profile.v1.ProfileCompleted: the handler is broken"));
    assert!(!listed.contains("what the event says"), "{listed}");
    assert_eq!(run(&rig, dead(Some("feed"))).await.unwrap(), listed);
    assert_eq!(
        run(&rig, dead(Some("auth"))).await.unwrap(),
        "no dead letters\n"
    );

    let unknown = run(&rig, replay(Some(Uuid::nil()))).await.unwrap_err();
    assert!(
        unknown.contains("no dead letter has the id 00000000"),
        "{unknown}"
    );
    broken.store(false, Ordering::SeqCst);
    let id: Uuid = listed.lines().nth(1).unwrap()[..36].parse().unwrap();
    let said = run(&rig, replay(Some(id))).await.unwrap();
    assert_eq!(said, format!("feed: {id} gets five new tries\n"));
    rig.eventually(|| async { number(&rig, "select count(*) from feed.dead_letters").await == 2 })
        .await;
    let again = run(&rig, replay(Some(id))).await.unwrap_err();
    assert!(again.contains("no dead letter has the id"), "{again}");
    let said = run(&rig, replay(None)).await.unwrap();
    assert!(
        said.contains("feed: 2 dead letters get five new tries\n"),
        "{said}"
    );
    rig.eventually(|| async { number(&rig, "select count(*) from feed.dead_letters").await == 0 })
        .await;
    assert_eq!(number(&rig, "select count(*) from feed.inbox").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn eb_6_a_stream_is_filled_again_by_command() {
    let rig = Rig::start().await;
    let relay = Relay::task("profile", rig.db("profile"), rig.redis().clone());
    rig.spawn(relay).await;
    let ctx = rig.anonymous();
    for _ in 0..4 {
        let mut tx = rig.db("profile").begin(&ctx).await.unwrap();
        events::publish(&mut tx, &ctx, secretive()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let length = || async { rig.redis().stream_len("sf:events:profile").await.unwrap() };
    let published = "select count(*) from profile.outbox where published_at is not null";
    rig.eventually(|| async { number(&rig, published).await == 4 })
        .await;
    let age = "update profile.outbox set created_at = now() - interval '2 days' where seq <= 3";
    rig.owner().execute_unprepared(age).await.unwrap();
    let republish = |since| Action::Republish {
        service: "profile".to_owned(),
        since,
    };
    let yesterday = identity::clock::now() - std::time::Duration::from_secs(86_400);
    let said = run(&rig, republish(Some(yesterday))).await.unwrap();
    assert!(said.starts_with("profile: 1 events wait"), "{said}");
    rig.eventually(|| async { length().await == 5 }).await;
    rig.eventually(|| async { number(&rig, published).await == 4 })
        .await;
    let said = run(&rig, republish(None)).await.unwrap();
    assert!(said.starts_with("profile: 4 events wait"), "{said}");
    rig.eventually(|| async { length().await == 9 }).await;
    let tomorrow = identity::clock::now() + std::time::Duration::from_secs(86_400);
    let refused = run(&rig, republish(Some(tomorrow))).await.unwrap_err();
    assert!(refused.contains("--since is in the future"), "{refused}");
}
