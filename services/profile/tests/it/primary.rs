//! Exactly one primary profile (PR-4, T39, I-6).

use contracts::profile::v1::{CreateProfileRequest, ProfilePrimaryChanged, ProfileType};
use fault::Reason;
use futures_util::future::join_all;

use crate::world::{World, mentor, reason};

#[tokio::test]
async fn t39_i_6_fifty_parallel_switches_on_five_profiles_leave_exactly_one_primary() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    for n in 0..4 {
        world.another(&ada, &format!("Ada {n}")).await;
    }
    let ids: Vec<_> = world
        .own(&ada)
        .await
        .into_iter()
        .map(|profile| profile.id)
        .collect();
    assert_eq!(ids.len(), 5);
    let switches = join_all((0..50).map(|n| world.set_primary(&ada, &ids[n * 7 % 5])));
    // At every committed instant: a reader beside the writers never sees none or two.
    let watch = async {
        for _ in 0..100 {
            let own = world.own(&ada).await;
            assert_eq!(own.iter().filter(|profile| profile.is_primary).count(), 1);
        }
    };
    let (replies, ()) = tokio::join!(switches, watch);
    for reply in replies {
        assert!(reply.unwrap().is_primary);
    }
    assert_eq!(
        world
            .own(&ada)
            .await
            .iter()
            .filter(|profile| profile.is_primary)
            .count(),
        1
    );
}

#[tokio::test]
async fn pr_4_a_switch_says_both_versions() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let second = world.another(&ada, "Second").await;
    let before = world.own(&ada).await;
    let switched = world.set_primary(&ada, &second.id).await.unwrap();
    assert!(switched.is_primary && switched.version == second.version + 1);
    let said = world
        .said_of(&second.id)
        .await
        .pop()
        .unwrap()
        .read::<ProfilePrimaryChanged>();
    assert_eq!(said.account_id, ada.account_id.to_string());
    assert_eq!(
        (said.profile_id, said.version),
        (second.id.clone(), switched.version)
    );
    assert_eq!(
        (said.previous_profile_id, said.previous_version),
        (before[0].id.clone(), before[0].version + 1)
    );

    let again = world.set_primary(&ada, &second.id).await.unwrap();
    assert_eq!(again.version, switched.version, "nothing changed");
    assert_eq!(
        world
            .types_of(&second.id)
            .await
            .iter()
            .filter(|name| *name == "ProfilePrimaryChanged")
            .count(),
        1
    );
}

#[tokio::test]
async fn pr_4_a_draft_cannot_be_primary() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        draft_data: Some("{}".into()),
        ..mentor()
    };
    let draft = world.create(&ada, request).await.unwrap().0;
    assert_eq!(
        reason(world.set_primary(&ada, &draft.id).await),
        Reason::InvalidState
    );
}

#[tokio::test]
async fn cv_20_a_foreign_profile_is_forbidden_and_an_unknown_one_unknown() {
    let world = World::start().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    assert_eq!(
        reason(world.set_primary(&bob, &ada.profile_id.to_string()).await),
        Reason::Forbidden
    );
    assert_eq!(
        reason(world.set_primary(&bob, &bob.session_id.to_string()).await),
        Reason::NotFound
    );
}
