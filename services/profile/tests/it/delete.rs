//! The end of a profile.

use contracts::profile::v1::{CreateProfileRequest, ProfileDeleted, ProfileState, ProfileType};
use fault::Reason;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::world::{World, mentor, reason};

#[tokio::test]
async fn pr_4_deleting_the_primary_promotes_the_oldest_finished_one() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    world.create(&ada, request).await.unwrap();
    let oldest = world.another(&ada, "Oldest").await;
    world.another(&ada, "Younger").await;
    let gone = ada.profile_id.to_string();
    world.delete(&ada, &gone).await.unwrap();

    let own = world.own(&ada).await;
    assert_eq!(own.len(), 3);
    assert_eq!(
        (own[0].id.as_str(), own[0].is_primary),
        (oldest.id.as_str(), true)
    );
    assert_eq!(reason(world.get(&ada, &gone).await), Reason::NotFound);
    assert_eq!(reason(world.delete(&ada, &gone).await), Reason::NotFound);

    let said = world.said_of(&gone).await.pop().unwrap();
    let deleted: ProfileDeleted = said.read();
    let reference = deleted.profile.unwrap();
    assert_eq!(deleted.new_primary_id, oldest.id);
    assert_eq!(
        (reference.state(), reference.version),
        (ProfileState::Deleted, said.aggregate_version)
    );
    assert_eq!(reference.display_name, "Deleted user");
    assert_eq!(
        world.types_of(&oldest.id).await.last().unwrap(),
        "ProfilePrimaryChanged"
    );
}

#[tokio::test]
async fn last_profile_stays_even_when_all_are_deleted_at_once() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let second = world.another(&ada, "Second").await;
    let ids = [ada.profile_id.to_string(), second.id];
    let outcomes = join_all(ids.iter().map(|id| world.delete(&ada, id))).await;
    let (gone, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(gone.len(), 1);
    assert!(
        refused
            .into_iter()
            .all(|outcome| reason(outcome) == Reason::LastProfile)
    );
    let own = world.own(&ada).await;
    assert!(own.len() == 1 && own[0].is_primary);
}

#[tokio::test]
async fn d35_a_deleted_profile_frees_its_user_name_and_leaves_nothing_personal() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = CreateProfileRequest {
        display_name: Some("Secret".into()),
        username: Some("secret.name".into()),
        bio: Some("secret text".into()),
        phone: Some("+1 secret".into()),
        tags: vec!["secret".into()],
        answers: r#"{"city":"secret"}"#.into(),
        ..mentor()
    };
    let profile = world.create(&ada, request).await.unwrap().0;
    world.delete(&ada, &profile.id).await.unwrap();
    let bob = world.newcomer("bob").await;
    let request = CreateProfileRequest {
        username: Some("secret.name".into()),
        ..mentor()
    };
    world.create(&bob, request).await.unwrap();

    let id = profile.id.parse::<uuid::Uuid>().unwrap();
    for table in ["profile_private", "profile_metadata", "profile_stats"] {
        let sql = format!("select 1 from {table} where profile_id = $1");
        assert_eq!(world.rows(&sql, id).await, 0, "{table}");
    }
    let row = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select row_to_json(p)::text as row from profiles p where id = $1",
        [id.into()],
    );
    let row = world
        .rig
        .db("profile")
        .connection()
        .query_one_raw(row)
        .await
        .unwrap()
        .unwrap();
    assert!(
        !row.try_get::<String>("", "row")
            .unwrap()
            .to_lowercase()
            .contains("secret")
    );
}

#[tokio::test]
async fn a_deleted_profile_leaves_its_connections() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.another(&ada, "Second").await;
    world.connect(&ada, &bob, 1).await;
    let stats = world.get(&bob, "me").await.unwrap().stats.unwrap();
    assert_eq!(stats.connections, 1);
    world.delete(&ada, "me").await.unwrap();
    let stats = world.get(&bob, "me").await.unwrap().stats.unwrap();
    assert_eq!(stats.connections, 0);
}

#[tokio::test]
async fn cv_20_deleting_a_foreign_profile_is_forbidden() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    assert_eq!(
        reason(world.delete(&bob, &ada.profile_id.to_string()).await),
        Reason::Forbidden
    );
    assert!(world.get(&bob, &ada.profile_id.to_string()).await.is_ok());
}
