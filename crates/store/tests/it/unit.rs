//! Units of work: one commit for whatever a request commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use identity::Context;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::{Db, Unit};
use testkit::Rig;

async fn table(rig: &Rig) {
    rig.owner()
        .execute_unprepared(
            "create table feed.thing (id int primary key); grant all on feed.thing to sf_feed",
        )
        .await
        .unwrap();
}

async fn count(db: &impl ConnectionTrait) -> i64 {
    let all = Statement::from_string(DbBackend::Postgres, "select count(*) from thing");
    let row = db.query_one_raw(all).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn insert(db: &Db, ctx: &Context, id: u32) {
    let tx = db.begin(ctx).await.unwrap();
    let sql = format!("insert into thing values ({id})");
    tx.execute_unprepared(&sql).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn id_2_what_a_unit_commits_is_seen_by_its_own_call_only_until_the_end() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    let unit = Arc::new(Unit::new());
    let ctx = rig.anonymous().attach(Arc::clone(&unit));
    let steps = Arc::new(AtomicU32::new(0));
    assert_eq!(count(&db.for_call(&ctx)).await, 0);

    let tx = db.begin(&ctx).await.unwrap();
    tx.execute_unprepared("insert into thing values (1)")
        .await
        .unwrap();
    let ran = Arc::clone(&steps);
    tx.after_commit(move || {
        ran.fetch_add(1, Ordering::SeqCst);
    });
    tx.commit().await.unwrap();
    insert(&db, &ctx, 2).await;
    assert_eq!(count(&db.for_call(&ctx)).await, 2);
    assert_eq!(count(&db.for_call(&rig.anonymous())).await, 0);
    assert_eq!(steps.load(Ordering::SeqCst), 0);

    let held = unit.end().await.unwrap();
    held.execute_unprepared("insert into thing values (3)")
        .await
        .unwrap();
    held.commit().await.unwrap();
    assert_eq!(count(db.connection()).await, 3);
    assert_eq!(steps.load(Ordering::SeqCst), 1);
    assert!(db.begin(&ctx).await.is_err(), "the unit has ended");
    assert_eq!(count(&db.for_call(&ctx)).await, 3);
}

#[tokio::test]
async fn id_2_a_later_transaction_that_fails_undoes_itself_alone() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    let unit = Arc::new(Unit::new());
    let ctx = rig.anonymous().attach(Arc::clone(&unit));
    insert(&db, &ctx, 1).await;
    let clash = db.begin(&ctx).await.unwrap();
    clash
        .execute_unprepared("insert into thing values (2)")
        .await
        .unwrap();
    clash
        .execute_unprepared("insert into thing values (1)")
        .await
        .unwrap_err();
    drop(clash);
    insert(&db, &ctx, 3).await;
    unit.end().await.unwrap().commit().await.unwrap();
    assert_eq!(count(db.connection()).await, 2);
}

#[tokio::test]
async fn id_2_a_unit_nobody_ends_leaves_nothing() {
    let rig = Rig::start().await;
    table(&rig).await;
    let db = rig.db("feed");
    let ctx = rig.anonymous().attach(Arc::new(Unit::new()));
    insert(&db, &ctx, 1).await;
    drop(ctx);
    assert_eq!(count(db.connection()).await, 0);
    insert(&db, &rig.anonymous(), 1).await;
    assert_eq!(count(db.connection()).await, 1);
}

#[tokio::test]
async fn id_2_a_call_in_a_unit_needs_one_connection() {
    let rig = Rig::start().await;
    table(&rig).await;
    let config = &rig.config().database;
    let mut one =
        store::Config::for_service(config.url.expose(), "feed", &rig.config().role_secret());
    one.max_connections = 1;
    let db = Db::connect(one).await.unwrap();
    let unit = Arc::new(Unit::new());
    let ctx = rig.anonymous().attach(Arc::clone(&unit));
    insert(&db, &ctx, 1).await;
    insert(&db, &ctx, 2).await;
    assert_eq!(count(&db.for_call(&ctx)).await, 2);
    unit.end().await.unwrap().commit().await.unwrap();
    assert_eq!(count(db.connection()).await, 2);
}
