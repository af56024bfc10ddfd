//! Requests that share round trips are counted as if each went alone.

use std::collections::BTreeMap;

use futures_util::future::{join_all, select};
use futures_util::{FutureExt, pin_mut};
use http::Method;
use testkit::Rig;

use super::super::table::{self, Bucket};
use super::super::{Figures, RedisDown, Subjects, counted};
use super::*;

const LONG: Duration = Duration::from_secs(60);

/// One bucket of this size, in which every request counts.
fn table(limit: u32) -> Vec<Bucket> {
    let figures = Figures {
        limit,
        window_seconds: 3600,
        redis_down: RedisDown::Open,
    };
    let buckets = BTreeMap::from([("ip".to_owned(), figures)]);
    table::table(&buckets).unwrap()
}

fn charges(table: &[Bucket]) -> Vec<Charge<'_>> {
    let subjects = Subjects {
        method: &Method::POST,
        ip: [203, 0, 113, 9].into(),
        caller: None,
        named: &[],
    };
    counted(table, subjects)
}

/// Answers while `asking` waits.
async fn served<T>(batches: &Batches, asking: impl Future<Output = T>) -> T {
    let serving = batches.serve(batches.open());
    pin_mut!(serving, asking);
    match select(asking, serving).await {
        futures_util::future::Either::Left((answer, _)) => answer,
        futures_util::future::Either::Right(_) => panic!("nobody answers any more"),
    }
}

#[tokio::test]
async fn gw_3_requests_that_come_at_once_are_admitted_to_the_limit_exactly() {
    let rig = Rig::start().await;
    let (table, batches) = (table(90), Batches::new(rig.redis().clone(), LONG));
    let charges = charges(&table);
    // More than go at a time.
    let all = join_all((0..3 * MOST).map(|_| batches.ask(&charges)));
    let answers = served(&batches, all).await;
    let answers: Vec<Vec<i64>> = answers.into_iter().map(Result::unwrap).collect();
    let counts = |admitted: i64| -> Vec<i64> {
        let so = answers.iter().filter(|answer| answer[0] == admitted);
        // Two trips may overtake each other.
        let mut so: Vec<i64> = so.map(|answer| answer[1]).collect();
        so.sort_unstable();
        so
    };
    assert_eq!(counts(1), (1..=90).collect::<Vec<i64>>());
    assert_eq!(counts(0), vec![90; 3 * MOST - 90]);
}

#[tokio::test]
async fn gw_3_who_left_before_the_trip_is_not_counted() {
    let rig = Rig::start().await;
    let (table, batches) = (table(90), Batches::new(rig.redis().clone(), LONG));
    let charges = charges(&table);
    let mut waiting = batches.open();
    assert!(batches.ask(&charges).now_or_never().is_none(), "it waits");
    let left = waiting.try_recv().unwrap();
    assert!(left.answer.is_closed());
    let asking = async {
        // The next in line stays.
        batches.enqueue(left).unwrap();
        batches.ask(&charges).await
    };
    assert_eq!(served(&batches, asking).await.unwrap()[..2], [1, 1]);
}

#[tokio::test]
async fn gw_3_without_the_task_each_asks_for_itself() {
    let rig = Rig::start().await;
    let (table, batches) = (table(90), Batches::new(rig.redis().clone(), LONG));
    let charges = charges(&table);
    assert_eq!(batches.ask(&charges).await.unwrap()[..2], [1, 1], "not yet");
    drop(batches.open());
    assert_eq!(batches.ask(&charges).await.unwrap()[..2], [1, 2], "ended");
    let waiting = batches.open();
    let asking = batches.ask(&charges);
    pin_mut!(asking);
    assert!(asking.as_mut().now_or_never().is_none(), "it waits");
    drop(waiting);
    assert_eq!(asking.await.unwrap()[..2], [1, 3], "ended meanwhile");
}

#[tokio::test]
async fn gw_6_who_shares_a_trip_that_fails_hears_so() {
    static SPOIL: Script = Script::new("return redis.call('SET', KEYS[1], 'no hash')");
    let rig = Rig::start().await;
    let (table, batches) = (table(90), Batches::new(rig.redis().clone(), LONG));
    let charges = charges(&table);
    let key = charges[0].key.to_string();
    rig.redis().eval(&SPOIL, &[&key], &[]).await.unwrap();
    let all = join_all((0..3).map(|_| batches.ask(&charges)));
    let answers = served(&batches, all).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
}
