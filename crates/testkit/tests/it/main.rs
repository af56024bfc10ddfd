//! The rig itself, on real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by them"
)]

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use testkit::Rig;

async fn text(on: &impl sea_orm::ConnectionTrait, sql: &str) -> String {
    let row = on
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap()
        .unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn every_rig_has_its_own_database_and_redis() {
    let (one, other) = tokio::join!(Rig::start(), Rig::start());
    let name = "select current_database()::text";
    assert_ne!(
        text(one.owner(), name).await,
        text(other.owner(), name).await
    );
    assert_ne!(one.redis().database(), other.redis().database());
    one.redis().set("key", "value").await.unwrap();
    assert_eq!(other.redis().get("key").await.unwrap(), None);
}

#[tokio::test]
async fn db_1_a_services_pool_is_its_role_with_its_search_path() {
    let rig = Rig::start().await;
    let feed = rig.db("feed");
    assert_eq!(
        text(
            feed.connection(),
            "select current_user::text || ' ' || current_setting('search_path')"
        )
        .await,
        "sf_feed feed, app"
    );
    assert!(
        feed.connection()
            .execute_unprepared("select 1 from account.outbox")
            .await
            .is_err()
    );
    assert!(
        feed.connection()
            .execute_unprepared("create table feed.more (id int)")
            .await
            .is_err()
    );
    assert!(
        feed.connection()
            .execute_unprepared("select 1 from outbox")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_a_rig_used_is_gone_after_it() {
    let rig = Rig::start().await;
    let name = text(rig.owner(), "select current_database()::text").await;
    drop(rig);
    let rig = Rig::start().await;
    let left = text(
        rig.owner(),
        &format!("select count(*)::text from pg_database where datname = '{name}'"),
    )
    .await;
    assert_eq!(left, "0");
}

#[tokio::test]
async fn contexts_carry_identity() {
    let rig = Rig::start().await;
    let caller = rig.caller();
    assert_eq!(rig.user(&caller).caller(), Some(&caller));
    assert!(rig.anonymous().caller().is_none());
    assert!(!rig.anonymous().remaining().is_zero());
}
