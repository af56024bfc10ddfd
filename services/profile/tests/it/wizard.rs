//! POST of a profile: drafts, the placeholder, repeats, names (PR-7, PR-8).

use contracts::profile::v1::{CreateProfileRequest, ProfileStatus, ProfileType, ProfileVisibility};
use futures_util::future::join_all;
use profile::Config;

use crate::world::{World, fields, mentor};

fn draft(kind: ProfileType, data: &str) -> CreateProfileRequest {
    CreateProfileRequest {
        profile_type: kind.into(),
        draft_data: Some(data.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn pr_8_c_a_post_converts_the_untouched_placeholder() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    let request = CreateProfileRequest {
        answers: r#"{"city":"Oslo"}"#.into(),
        ..mentor()
    };
    let (profile, is_new) = world.create(&ada, request).await.unwrap();
    assert!(!is_new);
    assert_eq!(profile.id, ada.profile_id.to_string());
    assert!(profile.is_primary && !profile.is_placeholder);
    assert_eq!(profile.profile_type(), ProfileType::Mentor);
    assert_eq!(profile.display_name, "ada");
    assert_eq!(profile.location.as_deref(), Some("Oslo"));
    assert_eq!(
        world.types_of(&profile.id).await,
        ["ProfileCreated", "ProfileUpdated", "ProfileCompleted"]
    );

    let (second, is_new) = world
        .create(
            &ada,
            CreateProfileRequest {
                bio: Some("b".into()),
                ..mentor()
            },
        )
        .await
        .unwrap();
    assert!(is_new && !second.is_primary);
    assert_ne!(second.id, profile.id);
    assert_eq!(
        world.types_of(&second.id).await,
        ["ProfileCreated", "ProfileCompleted"]
    );
}

#[tokio::test]
async fn pr_8_c_a_touched_placeholder_is_not_converted() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    let touched = world.show_to(&ada, ProfileVisibility::Connections).await;
    assert!(!touched.is_placeholder);
    let (profile, is_new) = world.create(&ada, mentor()).await.unwrap();
    assert!(is_new);
    assert_ne!(profile.id, touched.id);
}

#[tokio::test]
async fn pr_8_a_b_a_draft_is_single_overwritten_and_finished() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let (first, is_new) = world
        .create(
            &ada,
            draft(ProfileType::Investor, r#"{"step": 1, "n": 1.50}"#),
        )
        .await
        .unwrap();
    assert!(is_new);
    assert_eq!(first.status(), ProfileStatus::Draft);
    assert_eq!(
        first.draft_data.as_deref(),
        Some(r#"{"step": 1, "n": 1.50}"#)
    );
    let (second, is_new) = world
        .create(&ada, draft(ProfileType::Investor, r#"{"city":"Oslo"}"#))
        .await
        .unwrap();
    assert!(!is_new);
    assert_eq!(second.id, first.id);
    assert_eq!(second.draft_data.as_deref(), Some(r#"{"city":"Oslo"}"#));

    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        ..Default::default()
    };
    let (finished, is_new) = world.create(&ada, request).await.unwrap();
    assert!(!is_new);
    assert_eq!(
        (finished.id.as_str(), finished.status()),
        (first.id.as_str(), ProfileStatus::Complete)
    );
    assert_eq!(finished.draft_data, None);
    assert_eq!(finished.display_name, "Ada");
    let types = world.types_of(&first.id).await;
    assert_eq!(
        types,
        [
            "ProfileCreated",
            "ProfileUpdated",
            "ProfileUpdated",
            "ProfileCompleted"
        ]
    );
}

#[tokio::test]
async fn pr_8_a_parallel_drafts_of_one_type_are_one() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let posts = (0..8).map(|n| {
        world.create(
            &ada,
            draft(ProfileType::Investor, &format!(r#"{{"step":{n}}}"#)),
        )
    });
    let ids: Vec<_> = join_all(posts)
        .await
        .into_iter()
        .map(|reply| reply.unwrap().0.id)
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn pr_8_d_an_equal_final_post_makes_one_profile() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = || CreateProfileRequest {
        bio: Some("again".into()),
        ..mentor()
    };
    let replies = join_all((0..6).map(|_| world.create(&ada, request()))).await;
    let made: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
    assert!(made.iter().all(|(profile, _)| profile.id == made[0].0.id));
    assert_eq!(made.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert_eq!(world.own(&ada).await.len(), 2);
}

#[tokio::test]
async fn pr_8_d_a_repeat_counts_for_its_time_only() {
    let world = World::with(Config {
        repeat_seconds: 0,
        ..Config::default()
    })
    .await;
    let ada = world.member("Ada").await;
    for _ in 0..2 {
        assert!(world.create(&ada, mentor()).await.unwrap().1);
    }
}

#[tokio::test]
async fn pr_7_a_profile_without_any_name_takes_the_primary_ones() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let request = CreateProfileRequest {
        display_name: Some("New Profile".into()),
        bio: Some("b".into()),
        ..mentor()
    };
    assert_eq!(
        world.create(&ada, request).await.unwrap().0.display_name,
        "Ada"
    );
    let nobody = world.stranger();
    assert_eq!(
        fields(world.create(&nobody, mentor()).await),
        ["displayName"]
    );
}

#[tokio::test]
async fn pr_8_c_the_placeholder_may_become_a_draft_and_stays_primary() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    let (kept, is_new) = world
        .create(
            &ada,
            draft(ProfileType::Investor, r#"{"firm_type":"fund"}"#),
        )
        .await
        .unwrap();
    assert!(!is_new && kept.is_primary && !kept.is_placeholder);
    assert_eq!(
        (kept.id.as_str(), kept.status()),
        (ada.profile_id.to_string().as_str(), ProfileStatus::Draft)
    );
    let request = CreateProfileRequest {
        profile_type: ProfileType::Investor.into(),
        ..Default::default()
    };
    let (finished, is_new) = world.create(&ada, request).await.unwrap();
    assert!(!is_new && finished.is_primary);
    assert_eq!(finished.id, kept.id);
    let types = world.types_of(&kept.id).await;
    assert_eq!(
        types,
        [
            "ProfileCreated",
            "ProfileUpdated",
            "ProfileUpdated",
            "ProfileCompleted"
        ]
    );
}
