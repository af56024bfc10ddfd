//! Transactions, deadlines and errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fault::Reason;
use identity::Context;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::{Config, Db};
use testkit::Rig;

fn sql(text: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, text)
}

async fn table(rig: &Rig) {
    rig.owner()
        .execute_unprepared("create table feed.thing (id int primary key, n int constraint thing_n check (n >= 0)); grant all on feed.thing to sf_feed")
        .await
        .unwrap();
}

#[tokio::test]
async fn steps_kept_for_after_commit_run_only_after_commit() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    let ran = Arc::new(AtomicU32::new(0));
    let step = || {
        let ran = Arc::clone(&ran);
        move || {
            ran.fetch_add(1, Ordering::SeqCst);
        }
    };
    let dropped = db.begin(&rig.anonymous()).await.unwrap();
    dropped.after_commit(step());
    drop(dropped);
    let rolled = db.begin(&rig.anonymous()).await.unwrap();
    rolled.after_commit(step());
    rolled.rollback().await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    let committed = db.begin(&rig.anonymous()).await.unwrap();
    committed.after_commit(step());
    committed.after_commit(step());
    committed.commit().await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    let tx = db.begin(&rig.anonymous()).await.unwrap();
    tx.execute_unprepared("insert into thing values (1, 1)")
        .await
        .unwrap();
    drop(tx);
    let row = db
        .connection()
        .query_one_raw(sql("select count(*) from thing"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 0);
}

#[tokio::test]
async fn db_5_no_statement_takes_longer_than_the_call_has_left() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    let ctx = Context::background("test", Duration::from_millis(300));
    let began = Instant::now();
    let tx = db.begin(&ctx).await.unwrap();
    let error = tx
        .execute_unprepared("select pg_sleep(60)")
        .await
        .map(drop)
        .map_err(store::fault)
        .unwrap_err();
    assert_eq!(error.reason(), Reason::GatewayTimeout);
    assert!(
        began.elapsed() < testkit::unhurried(Duration::from_secs(2)),
        "{:?}",
        began.elapsed()
    );
    drop(tx);
    // The limit was the transaction's alone.
    let row = db
        .connection()
        .query_one_raw(sql("select current_setting('statement_timeout')"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "5s");
}

#[tokio::test]
async fn a_call_without_time_left_begins_nothing() {
    let rig = Rig::start().await;
    let spent = Context::background("test", Duration::ZERO);
    assert_eq!(
        rig.db("feed").begin(&spent).await.unwrap_err().reason(),
        Reason::GatewayTimeout
    );
}

#[tokio::test]
async fn violated_names_the_constraint_and_nothing_else() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    let run = |text: &'static str| db.connection().execute_unprepared(text);
    run("insert into thing values (1, 1)").await.unwrap();
    let names = [
        ("insert into thing values (1, 1)", Some("thing_pkey")),
        ("insert into thing values (2, -1)", Some("thing_n")),
        ("insert into thing values (3, 'x')", None),
        ("select * from nothing", None),
    ];
    for (text, name) in names {
        let error = run(text).await.unwrap_err();
        assert_eq!(store::violated(&error).as_deref(), name, "{text}");
        assert_eq!(
            store::fault(error).reason(),
            Reason::InternalError,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_deadlock_is_a_conflict_to_be_tried_again() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    db.connection()
        .execute_unprepared("insert into thing values (1, 0), (2, 0)")
        .await
        .unwrap();
    let (first, second) = (
        db.begin(&rig.anonymous()).await.unwrap(),
        db.begin(&rig.anonymous()).await.unwrap(),
    );
    first
        .execute_unprepared("update thing set n = 1 where id = 1")
        .await
        .unwrap();
    second
        .execute_unprepared("update thing set n = 1 where id = 2")
        .await
        .unwrap();
    let (a, b) = tokio::join!(
        first.execute_unprepared("update thing set n = 2 where id = 2"),
        second.execute_unprepared("update thing set n = 2 where id = 1"),
    );
    let error = store::fault(a.err().or(b.err()).expect("one of them gives way"));
    assert_eq!(error.reason(), Reason::Conflict);
    assert_eq!(error.retry_after(), Some(Duration::ZERO));
}

#[tokio::test]
async fn t_46_without_a_database_or_a_free_connection_the_answer_comes_within_a_second() {
    let rig = Rig::start().await;
    let began = Instant::now();
    let nowhere = Db::connect(Config::new("postgres://sf@127.0.0.1:1/none", "test"))
        .await
        .unwrap_err();
    assert_eq!(nowhere.reason(), Reason::ServiceUnavailable);
    assert!(nowhere.retry_after().is_some());
    let mut config = Config::for_service(
        rig.config().database.url.expose(),
        "feed",
        testkit::ROLE_SECRET,
    );
    config.max_connections = 1;
    let db = Db::connect(config).await.unwrap();
    let _held = db.begin(&rig.anonymous()).await.unwrap();
    let full = db.begin(&rig.anonymous()).await.unwrap_err();
    assert_eq!(full.reason(), Reason::ServiceUnavailable);
    assert!(
        began.elapsed() < testkit::unhurried(Duration::from_secs(2)),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn jb_1_a_lease_has_one_holder_until_it_is_given_back_or_ends() {
    let rig = Rig::start().await;
    let lease = |lasts| store::Lease::new(rig.db("feed"), "job", "", lasts);
    let (one, other) = (
        lease(Duration::from_secs(60)),
        lease(Duration::from_secs(60)),
    );
    assert!(one.hold().await.unwrap() && one.hold().await.unwrap());
    assert!(!other.hold().await.unwrap());
    one.release().await.unwrap();
    assert!(other.hold().await.unwrap() && !one.hold().await.unwrap());
    rig.owner()
        .execute_unprepared("update feed.job_runs set locked_until = now() - interval '1 second'")
        .await
        .unwrap();
    assert!(one.hold().await.unwrap() && !other.hold().await.unwrap());
}

#[tokio::test]
async fn jb_1_what_a_job_notes_is_there_for_the_next_and_not_written_without_the_lease() {
    let rig = Rig::start().await;
    let lease = || store::Lease::new(rig.db("feed"), "job", "", Duration::from_secs(60));
    let (one, other) = (lease(), lease());
    assert_eq!(one.noted().await.unwrap(), serde_json::json!({}));
    assert!(!one.note(serde_json::json!({"at": 1})).await.unwrap());
    assert!(one.hold().await.unwrap());
    assert!(
        one.note(serde_json::json!({"at": 1, "of": 9}))
            .await
            .unwrap()
    );
    assert!(one.note(serde_json::json!({"at": 2})).await.unwrap());
    one.release().await.unwrap();
    assert!(other.hold().await.unwrap());
    // The first was stopped in mid-work and goes on: what it notes no longer counts.
    assert!(!one.note(serde_json::json!({"at": 3})).await.unwrap());
    assert!(!one.complete().await.unwrap());
    let noted = other.noted().await.unwrap();
    assert_eq!(noted, serde_json::json!({"at": 2, "of": 9}));
    assert_eq!(other.completed_at().await.unwrap(), None);
    assert!(other.complete().await.unwrap());
    assert_eq!(other.noted().await.unwrap(), serde_json::json!({}));
    assert!(one.completed_at().await.unwrap().is_some());
}
