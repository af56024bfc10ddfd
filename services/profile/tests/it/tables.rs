//! What the tables themselves refuse, and `app.viewer_profile()`.

use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn d_1_the_index_admits_one_primary_profile() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    world.another(&ada, "Second").await;
    let both = "update profile.profiles set is_primary = true where user_account_id = $1";
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, both, [ada.account_id.into()]);
    let error = world.rig.owner().execute_raw(statement).await.unwrap_err();
    assert_eq!(store::violated(&error).as_deref(), Some("profiles_primary"));
}

#[tokio::test]
async fn d_33_ranges_are_checked_by_the_database() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    for set in [
        "completion_percentage = 101",
        "tags = array_fill('t'::text, array[21])",
        "username = 'Upper'",
        "display_name = ''",
        "account_state = 'other'",
        "effective_visibility = 'public', visibility = 'private'",
    ] {
        let sql = format!("update profile.profiles set {set} where id = $1");
        let statement =
            Statement::from_sql_and_values(DbBackend::Postgres, sql, [ada.profile_id.into()]);
        let error = world.rig.owner().execute_raw(statement).await.unwrap_err();
        assert!(store::violated(&error).is_some(), "{set}: {error}");
    }
}

#[tokio::test]
async fn db_4_the_viewers_profile_is_the_claimed_one_if_it_is_the_accounts() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second: Uuid = world.another(&ada, "Second").await.id.parse().unwrap();
    for (claim, expected) in [
        (second.to_string(), Some(second)),
        (second.to_string().to_uppercase(), Some(second)),
        (bob.profile_id.to_string(), Some(ada.profile_id)),
        ("nonsense".to_owned(), Some(ada.profile_id)),
    ] {
        assert_eq!(
            viewer_profile(&world, ada.account_id, &claim).await,
            expected,
            "{claim}"
        );
    }
    assert_eq!(
        viewer_profile(&world, Uuid::now_v7(), &second.to_string()).await,
        None
    );
}

async fn viewer_profile(world: &World, account: Uuid, claim: &str) -> Option<Uuid> {
    let tx = world.rig.owner().begin().await.unwrap();
    tx.execute_unprepared("set local role authenticated")
        .await
        .unwrap();
    let claims = format!(r#"{{"sub":"{account}","profileId":"{claim}"}}"#);
    let set = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select set_config('request.jwt.claims', $1, true)",
        [claims.into()],
    );
    tx.execute_raw(set).await.unwrap();
    let ask = Statement::from_string(DbBackend::Postgres, "select app.viewer_profile() as id");
    tx.query_one_raw(ask)
        .await
        .unwrap()
        .unwrap()
        .try_get("", "id")
        .unwrap()
}
