//! The RPCs of other services.

use contracts::profile::v1::{
    BatchGetCardsRequest, BatchGetRefsRequest, CreateProfileRequest, ListAccountProfilesRequest,
    ProfileState, ProfileType, ProfileVisibility, Viewer,
};
use fault::Reason;
use identity::Caller;
use tonic::Code;

use crate::world::{World, mentor, reason};

fn viewer(caller: &Caller) -> Option<Viewer> {
    Some(Viewer {
        profile_id: caller.profile_id.to_string(),
        account_id: caller.account_id.to_string(),
    })
}

async fn names(world: &World, ids: &[String], viewer: Option<Viewer>) -> Vec<String> {
    let request = BatchGetCardsRequest {
        ids: ids.to_vec(),
        viewer,
    };
    let cards = world
        .peer("feed")
        .batch_get_cards(request)
        .await
        .unwrap()
        .into_inner()
        .cards;
    cards.into_iter().map(|card| card.name).collect()
}

#[tokio::test]
async fn sc_6_cards_come_in_the_order_asked_for_and_only_to_whom_they_may() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.member("Ada").await,
        world.member("Bob").await,
        world.member("Eve").await,
    );
    world.show_to(&bob, ProfileVisibility::Connections).await;
    let draft = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        display_name: Some("Draft of Eve".into()),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    let draft = world.create(&eve, draft).await.unwrap().0;
    let ids: Vec<_> = [
        eve.profile_id,
        ada.session_id,
        bob.profile_id,
        ada.profile_id,
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    let ids = [ids, vec![draft.id]].concat();
    assert_eq!(
        names(&world, &ids, None).await,
        ["Eve", "Ada", "Draft of Eve"]
    );
    assert_eq!(
        names(&world, &ids, viewer(&ada)).await,
        ["Eve", "Ada", "Draft of Eve"]
    );
    world.connect(&ada, &bob, 1).await;
    assert_eq!(
        names(&world, &ids, viewer(&ada)).await,
        ["Eve", "Bob", "Ada", "Draft of Eve"]
    );
    world.block(&eve, &ada, 1).await;
    assert_eq!(names(&world, &ids, viewer(&ada)).await, ["Bob", "Ada"]);
}

#[tokio::test]
async fn pj_3_refs_are_whole_and_outlive_their_profile() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let second = world.another(&ada, "Second").await;
    world.delete(&ada, &second.id).await.unwrap();
    let ids = vec![
        second.id.clone(),
        ada.session_id.to_string(),
        ada.profile_id.to_string(),
    ];
    let refs = world
        .peer("feed")
        .batch_get_refs(BatchGetRefsRequest { ids })
        .await
        .unwrap()
        .into_inner()
        .profiles;
    assert_eq!(refs.len(), 2);
    assert_eq!(
        (refs[0].profile_id.as_str(), refs[0].state()),
        (second.id.as_str(), ProfileState::Deleted)
    );
    assert_eq!(
        (refs[1].display_name.as_str(), refs[1].state()),
        ("Ada", ProfileState::Live)
    );
    assert_eq!(refs[1].account_id, ada.account_id.to_string());
    assert_eq!(
        refs[1].version,
        world.get(&ada, "me").await.unwrap().version
    );
}

#[tokio::test]
async fn profiles_of_an_account_are_listed_primary_first() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let second = world.another(&ada, "Second").await;
    world.another(&ada, "Third").await;
    world.set_primary(&ada, &second.id).await.unwrap();
    let request = ListAccountProfilesRequest {
        account_id: ada.account_id.to_string(),
    };
    let listed = world
        .peer("auth")
        .list_account_profiles(request)
        .await
        .unwrap()
        .into_inner()
        .profiles;
    let names: Vec<_> = listed
        .iter()
        .map(|listed| listed.profile.as_ref().unwrap().display_name.as_str())
        .collect();
    assert_eq!(names, ["Second", "Ada", "Third"]);
    let primary: Vec<_> = listed
        .iter()
        .map(|listed| listed.summary.as_ref().unwrap().is_primary)
        .collect();
    assert_eq!(primary, [true, false, false]);
}

#[tokio::test]
async fn sc_2_the_edge_cannot_reach_internal_rpcs_and_nobody_cannot_write() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = ListAccountProfilesRequest {
        account_id: ada.account_id.to_string(),
    };
    let refused = world
        .of(&ada)
        .list_account_profiles(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = world.nobody().create_profile(mentor()).await;
    assert_eq!(reason(refused), Reason::Unauthorized);
}

#[tokio::test]
async fn sc_6_a_batch_has_at_most_200_ids() {
    let world = World::start().await;
    let ids = (0..201).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let outcome = world
        .peer("feed")
        .batch_get_refs(BatchGetRefsRequest { ids })
        .await;
    assert_eq!(crate::world::fields(outcome), ["ids"]);
}
