//! Who sees what of a profile (VIS, PR-11, reliability §7).

use contracts::auth::v1::AccountSettingsChanged;
use contracts::connection::v1::ConnectionStatus;
use contracts::profile::v1::{
    CreateProfileRequest, ProfileDetail, ProfileType, ProfileVisibility, ProfileVisibilityChanged,
    UpdateProfileRequest,
};
use events::Event;
use fault::Reason;
use identity::Caller;
use tonic::Status;

use crate::world::{World, answering, mentor, reason, refusal};

fn equal_refusal(one: Result<ProfileDetail, Status>, other: Result<ProfileDetail, Status>) {
    assert_eq!(refusal(one), refusal(other));
}

async fn settings(world: &World, caller: &Caller, private: bool, contact: &str, version: i32) {
    let event = AccountSettingsChanged {
        account_id: caller.account_id.to_string(),
        private_account: private,
        contact_visibility: contact.into(),
        version,
        ..Default::default()
    };
    world
        .rig
        .emit("auth", Event::of(caller.account_id, version, &event))
        .await;
}

async fn until_settings(world: &World, version: i32) {
    world
        .until(
            "select 1 from profile_private where settings_version = $1",
            version,
        )
        .await;
}

#[tokio::test]
async fn vis_2_each_visibility_admits_whom_it_says() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.member("Ada").await,
        world.member("Bob").await,
        world.member("Eve").await,
    );
    world.connect(&ada, &bob, 1).await;
    let id = ada.profile_id.to_string();
    for (visibility, nobody, stranger, connected) in [
        (ProfileVisibility::Public, true, true, true),
        (ProfileVisibility::Connections, false, false, true),
        (ProfileVisibility::Private, false, false, false),
    ] {
        world.show_to(&ada, visibility).await;
        assert_eq!(
            world.get_as_nobody(&id).await.is_ok(),
            nobody,
            "{visibility:?}"
        );
        assert_eq!(
            world.get(&eve, &id).await.is_ok(),
            stranger,
            "{visibility:?}"
        );
        assert_eq!(
            world.get(&bob, &id).await.is_ok(),
            connected,
            "{visibility:?}"
        );
        assert!(world.get(&ada, &id).await.is_ok());
        assert_eq!(
            world.by_user(world.of(&eve), ada.account_id).await.len(),
            usize::from(stranger)
        );
        assert_eq!(world.by_user(world.of(&ada), ada.account_id).await.len(), 1);
    }
    equal_refusal(
        world.get(&eve, &id).await,
        world.get(&eve, &eve.session_id.to_string()).await,
    );
    equal_refusal(
        world.get_as_nobody(&id).await,
        world.get_as_nobody(&eve.session_id.to_string()).await,
    );
}

#[tokio::test]
async fn vis_2_a_connection_that_ends_ends_sight() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.show_to(&ada, ProfileVisibility::Connections).await;
    world.connect(&bob, &ada, 1).await;
    let seen = world.get(&bob, &ada.profile_id.to_string()).await.unwrap();
    assert_eq!(seen.connection_status(), ConnectionStatus::Accepted);
    assert_eq!(seen.stats.unwrap().connections, 1);
    world.disconnect(&bob, &ada, 2).await;
    assert_eq!(
        reason(world.get(&bob, &ada.profile_id.to_string()).await),
        Reason::NotFound
    );
    assert_eq!(
        world
            .get(&ada, "me")
            .await
            .unwrap()
            .stats
            .unwrap()
            .connections,
        0
    );
}

#[tokio::test]
async fn vis_6_a_block_hides_all_profiles_of_both_sides() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second = world.another(&ada, "Second").await;
    world.connect(&ada, &bob, 1).await;
    world.block(&ada, &bob, 1).await;
    for id in [ada.profile_id.to_string(), second.id] {
        equal_refusal(
            world.get(&bob, &id).await,
            world.get(&bob, &bob.session_id.to_string()).await,
        );
        let change = UpdateProfileRequest {
            bio: Some("b".into()),
            ..Default::default()
        };
        assert_eq!(
            reason(world.update(&bob, &id, change).await),
            Reason::NotFound
        );
    }
    assert_eq!(
        reason(world.get(&ada, &bob.profile_id.to_string()).await),
        Reason::NotFound
    );
    assert!(
        world
            .by_user(world.of(&bob), ada.account_id)
            .await
            .is_empty()
    );
    assert!(
        world
            .by_user(world.of(&ada), bob.account_id)
            .await
            .is_empty()
    );
    assert_eq!(world.by_user(world.nobody(), ada.account_id).await.len(), 2);
    world.unblock(&ada, &bob, 2).await;
    assert!(world.get(&bob, &ada.profile_id.to_string()).await.is_ok());
}

#[tokio::test]
async fn pr_11_contact_and_owner_data_is_hidden_by_class() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.member("Ada").await,
        world.member("Bob").await,
        world.member("Eve").await,
    );
    let answers = r#"{"city":"Oslo","contact_email":"a@b.c","whatsapp":"1","average_return":"10 %","current_revenue":"none"}"#;
    let change = UpdateProfileRequest {
        phone: Some("+47".into()),
        ..answering(answers)
    };
    world.update(&ada, "me", change).await.unwrap();
    world.connect(&ada, &bob, 1).await;
    let id = ada.profile_id.to_string();
    let cut = r#"{"city":"Oslo"}"#;
    for seen in [
        world.get(&eve, &id).await.unwrap(),
        world.get(&bob, &id).await.unwrap(),
        world.get_as_nobody(&id).await.unwrap(),
    ] {
        assert_eq!((seen.metadata.as_str(), seen.phone.as_deref()), (cut, None));
        assert_eq!(
            (seen.user_account_id, seen.draft_data, seen.view_count),
            (None, None, None)
        );
        assert!(!seen.is_owner);
    }
    let own = world.get(&ada, &id).await.unwrap();
    assert_eq!(
        (own.metadata.as_str(), own.phone.as_deref()),
        (answers, Some("+47"))
    );
    assert_eq!(
        (own.user_account_id.clone(), own.view_count),
        (Some(ada.account_id.to_string()), Some(0))
    );
    assert!(own.is_owner && own.connection_status() == ConnectionStatus::Self_);

    settings(&world, &ada, false, "connections", 1).await;
    until_settings(&world, 1).await;
    let seen = world.get(&bob, &id).await.unwrap();
    assert_eq!(
        seen.metadata,
        r#"{"city":"Oslo","contact_email":"a@b.c","whatsapp":"1"}"#
    );
    assert_eq!(seen.phone.as_deref(), Some("+47"));
    let seen = world.get(&eve, &id).await.unwrap();
    assert_eq!((seen.metadata.as_str(), seen.phone.as_deref()), (cut, None));
    assert_eq!(seen.connection_status(), ConnectionStatus::None);
    assert_eq!(
        world.get_as_nobody(&id).await.unwrap().connection_status(),
        ConnectionStatus::Unspecified
    );
}

#[tokio::test]
async fn vis_2_a_private_account_narrows_its_profiles_and_those_to_come() {
    let world = World::start().await;
    let (ada, eve) = (world.member("Ada").await, world.member("Eve").await);
    world.show_to(&ada, ProfileVisibility::Private).await;
    settings(&world, &ada, true, "owner", 1).await;
    until_settings(&world, 1).await;
    // Nothing the siblings show tells that the account is private.
    let later = world.another(&ada, "Later").await;
    assert_eq!(later.visibility(), ProfileVisibility::Public);
    assert_eq!(reason(world.get(&eve, &later.id).await), Reason::NotFound);

    settings(&world, &ada, false, "owner", 3).await;
    until_settings(&world, 3).await;
    assert!(world.get(&eve, &later.id).await.is_ok());
    assert_eq!(
        world.types_of(&later.id).await.last().unwrap(),
        "ProfileVisibilityChanged"
    );
    let said = world.said_of(&later.id).await.pop().unwrap();
    let reference = said.read::<ProfileVisibilityChanged>().profile.unwrap();
    assert_eq!(
        (reference.visibility(), reference.version),
        (ProfileVisibility::Public, later.version + 1)
    );

    // An older event changes nothing; the newer one after it shows that it was read.
    settings(&world, &ada, true, "owner", 2).await;
    settings(&world, &eve, false, "owner", 7).await;
    until_settings(&world, 7).await;
    assert!(world.get(&eve, &later.id).await.is_ok());
}

#[tokio::test]
async fn pr_11_a_drafts_page_is_unknown_to_others() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    let draft = world.create(&ada, request).await.unwrap().0;
    equal_refusal(
        world.get(&bob, &draft.id).await,
        world.get(&bob, &bob.session_id.to_string()).await,
    );
    assert_eq!(
        reason(world.delete(&bob, &draft.id).await),
        Reason::NotFound
    );
    assert_eq!(world.by_user(world.of(&bob), ada.account_id).await.len(), 1);
    assert_eq!(world.by_user(world.of(&ada), ada.account_id).await.len(), 2);
    assert_eq!(
        world
            .get(&ada, &draft.id)
            .await
            .unwrap()
            .draft_data
            .as_deref(),
        Some("{}")
    );
}

#[tokio::test]
async fn profiles_of_an_unknown_account_are_none() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    assert!(
        world
            .by_user(world.of(&ada), ada.session_id)
            .await
            .is_empty()
    );
    assert!(
        world
            .by_user(world.nobody(), ada.session_id)
            .await
            .is_empty()
    );
}
