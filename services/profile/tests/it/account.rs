//! What accounts, posts and their events do to profiles.

use contracts::auth::v1::{AccountCreated, AccountDeactivated, AccountDeleted, AccountReactivated};
use contracts::feed::v1::{PostArchived, PostCreated, PostFacts};
use contracts::profile::v1::{CreateProfileRequest, EnsureProfileRequest, ProfileType};
use events::Event;
use fault::Reason;
use identity::Caller;

use crate::world::{World, mentor, reason};

async fn emit_created(world: &World, caller: &Caller, name: &str) {
    let event = AccountCreated {
        account_id: caller.account_id.to_string(),
        initial_profile_id: caller.profile_id.to_string(),
        display_name: name.into(),
    };
    world
        .rig
        .emit("auth", Event::of(caller.account_id, 1, &event))
        .await;
}

#[tokio::test]
async fn au_6_event_and_call_make_one_placeholder_between_them() {
    let world = World::start().await;
    let ada = world.stranger();
    emit_created(&world, &ada, "ada").await;
    let ensure = || async {
        let request = EnsureProfileRequest {
            account_id: ada.account_id.to_string(),
            profile_id: ada.profile_id.to_string(),
            display_name: "ada".into(),
        };
        world
            .peer("auth")
            .ensure_profile(request)
            .await
            .unwrap()
            .into_inner()
    };
    let replies = tokio::join!(ensure(), ensure(), ensure(), ensure());
    let made = [&replies.0, &replies.1, &replies.2, &replies.3];
    assert!(made.iter().filter(|reply| reply.created).count() <= 1);
    let own = world.own(&ada).await;
    assert_eq!(own.len(), 1);
    assert!(own[0].is_placeholder && own[0].is_primary);
    assert_eq!(
        (own[0].profile_type(), own[0].completion_percentage),
        (ProfileType::Innovator, 20)
    );
    assert_eq!(
        (own[0].display_name.as_str(), own[0].id.as_str()),
        ("ada", ada.profile_id.to_string().as_str())
    );
    assert_eq!(world.types_of(&own[0].id).await, ["ProfileCreated"]);
}

#[tokio::test]
async fn c_5_an_account_without_a_call_gets_its_profile_by_the_event() {
    let world = World::start().await;
    let ada = world.stranger();
    emit_created(&world, &ada, "ada").await;
    world
        .until(
            "select 1 from profiles where id = $1 and is_primary",
            ada.profile_id,
        )
        .await;
}

#[tokio::test]
async fn vis_1_a_suspended_account_has_no_profiles_for_others() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let id = ada.profile_id.to_string();
    let account_id = ada.account_id.to_string();
    let suspended = AccountDeactivated {
        account_id: account_id.clone(),
        until: None,
        version: 2,
    };
    world
        .rig
        .emit("auth", Event::of(ada.account_id, 2, &suspended))
        .await;
    world
        .until(
            "select 1 from profiles where id = $1 and account_state = 'suspended'",
            ada.profile_id,
        )
        .await;
    assert_eq!(reason(world.get(&bob, &id).await), Reason::NotFound);
    assert!(
        world
            .by_user(world.nobody(), ada.account_id)
            .await
            .is_empty()
    );

    let reinstated = AccountReactivated {
        account_id: account_id.clone(),
        version: 3,
    };
    world
        .rig
        .emit("auth", Event::of(ada.account_id, 3, &reinstated))
        .await;
    world
        .until(
            "select 1 from profiles where id = $1 and account_state = 'live'",
            ada.profile_id,
        )
        .await;
    assert!(world.get(&bob, &id).await.is_ok());

    // A late, older suspension has no effect: what follows it in the stream shows that it was read.
    world
        .rig
        .emit("auth", Event::of(ada.account_id, 2, &suspended))
        .await;
    let eve = world.stranger();
    emit_created(&world, &eve, "eve").await;
    world
        .until("select 1 from profiles where id = $1", eve.profile_id)
        .await;
    assert!(world.get(&bob, &id).await.is_ok());
}

#[tokio::test]
async fn au_22_a_deleted_account_leaves_nothing_and_comes_back_by_nobody() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second = world.another(&ada, "Second").await;
    world.connect(&ada, &bob, 1).await;
    let deleted = AccountDeleted {
        account_id: ada.account_id.to_string(),
        version: 5,
    };
    world
        .rig
        .emit("auth", Event::of(ada.account_id, 5, &deleted))
        .await;
    world
        .until(
            "select 1 from profiles where id = $1 and deleted_at is not null",
            ada.profile_id,
        )
        .await;
    for id in [ada.profile_id.to_string(), second.id] {
        assert_eq!(reason(world.get(&bob, &id).await), Reason::NotFound);
        assert_eq!(world.types_of(&id).await.last().unwrap(), "ProfileDeleted");
        let left = "select 1 from profile_metadata where profile_id = $1";
        assert_eq!(world.rows(left, id.parse::<uuid::Uuid>().unwrap()).await, 0);
    }
    assert_eq!(
        world
            .get(&bob, "me")
            .await
            .unwrap()
            .stats
            .unwrap()
            .connections,
        0
    );

    let again = CreateProfileRequest {
        display_name: Some("Back".into()),
        ..mentor()
    };
    assert_eq!(
        reason(world.create(&ada, again).await),
        Reason::Unauthorized
    );
    let request = EnsureProfileRequest {
        account_id: ada.account_id.to_string(),
        profile_id: ada.session_id.to_string(),
        display_name: "back".into(),
    };
    assert_eq!(
        reason(world.peer("auth").ensure_profile(request).await),
        Reason::NotFound
    );
}

#[tokio::test]
async fn d_12_posts_are_counted_once_each() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let post = |id: &str| PostFacts {
        post_id: id.into(),
        profile_id: ada.profile_id.to_string(),
        account_id: ada.account_id.to_string(),
        ..Default::default()
    };
    let (first, second) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    for id in [first, second] {
        let event = PostCreated {
            post: Some(post(&id.to_string())),
        };
        world.rig.emit("feed", Event::of(id, 1, &event)).await;
    }
    world
        .until("select 1 from profile_stats where posts = $1", 2)
        .await;
    let event = PostArchived {
        post_id: first.to_string(),
        profile_id: ada.profile_id.to_string(),
        account_id: ada.account_id.to_string(),
        version: 2,
    };
    world.rig.emit("feed", Event::of(first, 2, &event)).await;
    world
        .until("select 1 from profile_stats where posts = $1", 1)
        .await;
    let seen = world.get(&ada, "me").await.unwrap();
    assert_eq!(seen.stats.unwrap().posts, 1);
    assert_eq!(seen.version, 2, "counters are no content (D13)");
}
