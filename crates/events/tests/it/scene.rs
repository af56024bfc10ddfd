//! What the tests share: a producer (profile), a consumer (feed) and an effect that can be counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::{Task, Tasks};
use contracts::auth::v1::AccountReactivated;
use contracts::common::v1::Envelope;
use contracts::profile::v1::ProfileCompleted;
use events::{Consumer, Event, Pace, Relay};
use fault::{Fault, Result};
use redis::Redis;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use testkit::Rig;
use uuid::Uuid;

/// An event of the profile service about some account.
pub(crate) fn completed(account: Uuid) -> Event {
    let payload = ProfileCompleted {
        account_id: account.to_string(),
        ..ProfileCompleted::default()
    };
    Event::of(account, 1, &payload)
}

/// Publishes events of the profile service in one transaction.
pub(crate) async fn publish(rig: &Rig, events: impl IntoIterator<Item = Event>) {
    let ctx = rig.anonymous();
    let mut tx = rig.db("profile").begin(&ctx).await.unwrap();
    for event in events {
        events::publish(&mut tx, &ctx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

pub(crate) async fn start_relay(rig: &Rig) {
    rig.spawn(Relay::task(
        "profile",
        rig.db("profile"),
        rig.redis().clone(),
    ))
    .await;
}

/// Starts a consumer of feed that counts each effect in `account_ref.version`, and fails while `broken`.
pub(crate) async fn start_counting(rig: &Rig, broken: &Arc<AtomicBool>) {
    for task in counting(rig, rig.redis(), broken).tasks() {
        rig.spawn(task).await;
    }
}

/// The same consumer, on some Redis, not started.
pub(crate) fn counting(rig: &Rig, redis: &Redis, broken: &Arc<AtomicBool>) -> Consumer {
    let broken = Arc::clone(broken);
    Consumer::new("feed", rig.db("feed"), redis.clone()).on::<ProfileCompleted>(
        move |tx, _, event| {
            let broken = Arc::clone(&broken);
            Box::pin(async move {
                count(&**tx, &event.account_id).await?;
                match event.profile_id.as_str() {
                    "panic" if broken.load(Ordering::SeqCst) => panic!("as the test asks"),
                    "fail" if broken.load(Ordering::SeqCst) => {
                        Err(Fault::conflict("as the test asks"))
                    }
                    _ => Ok(()),
                }
            })
        },
    )
}

/// Starts tasks that end when they are dropped, as a process does that is killed.
pub(crate) fn start(tasks: impl IntoIterator<Item = Task>) -> Tasks {
    let mut running = Tasks::new(chassis::Shutdown::new());
    for task in tasks {
        running.spawn(task);
    }
    running
}

/// The relay of profile with other times, on some Redis.
pub(crate) fn relay(rig: &Rig, redis: &Redis, pace: Pace) -> Task {
    Relay::paced("profile", rig.db("profile"), redis.clone(), pace)
}

/// Waits until so many accounts had their effect, for as long as there is progress.
pub(crate) async fn until_effects(rig: &Rig, all: i64) {
    let mut had = effects(rig).await.0;
    while had < all {
        had = rig
            .eventually(|| async { Some(effects(rig).await.0).filter(|now| *now > had) })
            .await;
    }
}

/// As [`completed`], for a handler that fails (`fail`) or panics (`panic`) while it is broken.
pub(crate) fn poison(account: Uuid, how: &str) -> Event {
    let payload = ProfileCompleted {
        account_id: account.to_string(),
        profile_id: how.to_owned(),
        ..ProfileCompleted::default()
    };
    Event::of(account, 1, &payload)
}

/// A type feed has no handler for here.
pub(crate) fn unheard_of(account: Uuid) -> Event {
    Event::of(
        account,
        1,
        &AccountReactivated {
            account_id: account.to_string(),
            version: 1,
        },
    )
}

pub(crate) async fn count(on: &impl ConnectionTrait, account: &str) -> Result<()> {
    let account: Uuid = account.parse().map_err(Fault::internal)?;
    let sql = "insert into account_ref as a (account_id, state, version) values ($1, 'live', 1)
               on conflict (account_id) do update set version = a.version + 1";
    on.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        sql,
        [account.into()],
    ))
    .await
    .map_err(store::fault)?;
    Ok(())
}

/// How many accounts had how many effects in all.
pub(crate) async fn effects(rig: &Rig) -> (i64, i64) {
    let row = one(
        rig,
        "select count(*), coalesce(sum(version), 0)::bigint from feed.account_ref",
    )
    .await;
    (
        row.try_get_by_index(0).unwrap(),
        row.try_get_by_index(1).unwrap(),
    )
}

pub(crate) async fn number(rig: &Rig, sql: &str) -> i64 {
    one(rig, sql).await.try_get_by_index(0).unwrap()
}

pub(crate) async fn one(rig: &Rig, sql: &str) -> sea_orm::QueryResult {
    rig.owner()
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap()
        .unwrap()
}

pub(crate) async fn execute(rig: &Rig, sql: &str) {
    rig.owner().execute_unprepared(sql).await.unwrap();
}

/// The envelopes in a service's stream, oldest first.
pub(crate) async fn stream(rig: &Rig, service: &str) -> Vec<Envelope> {
    use prost::Message as _;

    static RANGE: redis::Script =
        redis::Script::new("return redis.call('XRANGE', KEYS[1], '-', '+')");
    let entries = rig
        .redis()
        .eval(&RANGE, &[&events::stream(service)], &[])
        .await
        .unwrap()
        .many()
        .unwrap();
    let envelope = |entry: redis::Reply| {
        let fields = entry.many().unwrap().swap_remove(1).many().unwrap();
        assert_eq!(fields[0].text().unwrap(), events::FIELD);
        Envelope::decode(fields[1].bytes().unwrap()).unwrap()
    };
    entries.into_iter().map(envelope).collect()
}
