//! Claims and outcomes of idempotency keys.

use std::time::Duration;

use fault::Reason;
use sea_orm::ConnectionTrait;
use store::idempotency::{Asked, Claim, Found, Outcome, claim, purge};
use store::{Config, Db};
use testkit::Rig;
use uuid::Uuid;

fn asked(scope: &str, fingerprint: u8) -> Asked {
    Asked {
        scope: scope.to_owned(),
        key: "key-1".to_owned(),
        fingerprint: [fingerprint; 32],
        deadline: Duration::from_secs(5),
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: b"status".to_vec(),
        body: b"body".to_vec(),
    }
}

async fn mine(db: &Db, asked: &Asked) -> Claim {
    match claim(db, asked).await.unwrap() {
        Found::Mine(claim) => claim,
        other => panic!("the key is taken: {other:?}"),
    }
}

/// Lets time pass for all rows.
async fn age(db: &Db, seconds: u32) {
    let sql = format!(
        "update idempotency_keys set created_at = created_at - interval '{seconds} s', \
         expires_at = expires_at - interval '{seconds} s'"
    );
    db.connection().execute_unprepared(&sql).await.unwrap();
}

async fn rows(db: &Db) -> usize {
    let sql = "select 1 from idempotency_keys";
    let all = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    db.connection().query_all_raw(all).await.unwrap().len()
}

/// Claims 50 times at once; returns how many got it.
async fn race(db: &Db, asked: &Asked) -> usize {
    let claims = (0..50).map(|_| claim(db, asked));
    let found = futures_util::future::join_all(claims).await;
    let mut won = 0;
    for found in found {
        match found.unwrap() {
            Found::Mine(_) => won += 1,
            Found::Unfinished => {}
            other => panic!("neither mine nor in progress: {other:?}"),
        }
    }
    won
}

#[tokio::test]
async fn id_2_of_fifty_claims_of_one_key_one_wins() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    assert_eq!(race(&db, &asked("a", 1)).await, 1);
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test]
async fn id_3_a_dead_claim_is_taken_over_by_one_and_its_owner_comes_too_late() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    let dead = mine(&db, &asked("a", 1)).await;
    age(&db, 14).await;
    assert_eq!(race(&db, &asked("a", 1)).await, 0, "not dead before 15 s");
    age(&db, 2).await;
    assert_eq!(race(&db, &asked("a", 1)).await, 1);
    let late = dead.finish(db.connection(), outcome()).await.unwrap_err();
    assert_eq!(late.reason(), Reason::IdempotencyInProgress);
    dead.release(db.connection()).await.unwrap();
    assert_eq!(rows(&db).await, 1, "the taker's claim stays");
}

#[tokio::test]
async fn id_3_another_request_under_a_key_is_told_so_even_when_the_first_is_dead() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    let first = mine(&db, &asked("a", 1)).await;
    assert!(matches!(
        claim(&db, &asked("a", 2)).await.unwrap(),
        Found::Other
    ));
    // Somebody else's key of the same name is another key.
    mine(&db, &asked("b", 2)).await;
    first.finish(db.connection(), outcome()).await.unwrap();
    assert!(matches!(
        claim(&db, &asked("a", 2)).await.unwrap(),
        Found::Other
    ));
    age(&db, 3_600).await;
    assert!(matches!(
        claim(&db, &asked("b", 1)).await.unwrap(),
        Found::Other
    ));
}

#[tokio::test]
async fn id_2_an_outcome_commits_with_its_effect_and_survives_a_restart() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    let ctx = rig.anonymous();
    let first = mine(&db, &asked("a", 1)).await;
    let undone = db.begin(&ctx).await.unwrap();
    first.finish(&*undone, outcome()).await.unwrap();
    undone.rollback().await.unwrap();
    assert!(matches!(
        claim(&db, &asked("a", 1)).await.unwrap(),
        Found::Unfinished
    ));

    let done = db.begin(&ctx).await.unwrap();
    first.finish(&*done, outcome()).await.unwrap();
    done.commit().await.unwrap();
    let again = first.finish(db.connection(), outcome()).await.unwrap_err();
    assert_eq!(again.reason(), Reason::IdempotencyInProgress);
    first.release(db.connection()).await.unwrap();

    // A new process has a new pool and nothing else.
    let config = &rig.config().database;
    let secret = rig.config().role_secret();
    let fresh = Db::connect(Config::for_service(config.url.expose(), "feed", &secret))
        .await
        .unwrap();
    match claim(&fresh, &asked("a", 1)).await.unwrap() {
        Found::Outcome(found) => assert_eq!(found, outcome()),
        other => panic!("no outcome: {other:?}"),
    }
}

#[tokio::test]
async fn id_4_a_released_key_is_free() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    mine(&db, &asked("a", 1))
        .await
        .release(db.connection())
        .await
        .unwrap();
    mine(&db, &asked("a", 2)).await;
}

#[tokio::test]
async fn id_5_a_session_is_remembered_for_a_minute() {
    let rig = Rig::start().await;
    let db = rig.db("auth");
    let session = Uuid::now_v7();
    let first = mine(&db, &asked("a", 1)).await;
    first
        .finish_with_session(db.connection(), session)
        .await
        .unwrap();
    age(&db, 58).await;
    match claim(&db, &asked("a", 1)).await.unwrap() {
        Found::Session(found) => assert_eq!(found, session),
        other => panic!("no session: {other:?}"),
    }
    age(&db, 3).await;
    mine(&db, &asked("a", 1)).await;
}

#[tokio::test]
async fn n_13_a_key_is_free_after_a_day_and_its_row_is_purged() {
    let rig = Rig::start().await;
    let db = rig.db("feed");
    mine(&db, &asked("a", 1))
        .await
        .finish(db.connection(), outcome())
        .await
        .unwrap();
    mine(&db, &asked("b", 1))
        .await
        .finish(db.connection(), outcome())
        .await
        .unwrap();
    age(&db, 24 * 3_600 - 60).await;
    purge(&db).await.unwrap();
    assert_eq!(rows(&db).await, 2);
    age(&db, 61).await;
    mine(&db, &asked("a", 2)).await;
    purge(&db).await.unwrap();
    assert_eq!(rows(&db).await, 1, "only the new claim is left");
}
