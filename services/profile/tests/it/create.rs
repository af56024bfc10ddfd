//! POST of a profile: the wizard, limits, names.

use contracts::profile::v1::{CreateProfileRequest, ProfileStatus, ProfileType, ProfileVisibility};
use fault::Reason;
use futures_util::future::join_all;
use profile::Config;

use crate::world::{World, fields, mentor, reason};

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
async fn pr_5_n_29_the_twenty_first_profile_is_refused_under_concurrency() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    for n in 0..16 {
        world.another(&ada, &format!("Ada {n}")).await;
    }
    let posts = (0..8).map(|n| {
        let request = CreateProfileRequest {
            display_name: Some(format!("Late {n}")),
            ..mentor()
        };
        world.create(&ada, request)
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(posts).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (3, 5));
    assert!(
        refused
            .into_iter()
            .all(|outcome| reason(outcome) == Reason::LimitReached)
    );
    assert_eq!(world.own(&ada).await.len(), 20);
}

#[tokio::test]
async fn pr_4_the_first_profile_is_primary_even_when_many_are_first() {
    let world = World::start().await;
    let ada = world.stranger();
    let posts = (0..8).map(|n| {
        let request = CreateProfileRequest {
            display_name: Some(format!("Ada {n}")),
            ..mentor()
        };
        world.create(&ada, request)
    });
    for reply in join_all(posts).await {
        reply.unwrap();
    }
    let own = world.own(&ada).await;
    assert_eq!(own.len(), 8);
    assert_eq!(own.iter().filter(|profile| profile.is_primary).count(), 1);
    assert_eq!(
        own[0].id,
        ada.profile_id.to_string(),
        "the first profile has the id the token names"
    );
}

#[tokio::test]
async fn pr_19_of_parallel_claims_to_a_user_name_one_wins() {
    let world = World::start().await;
    let mut people = Vec::new();
    for n in 0..6 {
        people.push(world.newcomer(&format!("n{n}")).await);
    }
    let claims = people.iter().map(|caller| {
        let request = CreateProfileRequest {
            username: Some("@Ada.Lovelace".into()),
            ..mentor()
        };
        world.create(caller, request)
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert_eq!(
        won[0].as_ref().unwrap().0.username.as_deref(),
        Some("ada.lovelace")
    );
    assert!(
        lost.into_iter()
            .all(|outcome| reason(outcome) == Reason::UsernameTaken)
    );
}

#[tokio::test]
async fn pr_19_reserved_and_malformed_user_names_name_their_field() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    for name in ["admin", "@Support", "search", "ab", "a b c", "über"] {
        let request = CreateProfileRequest {
            username: Some(name.into()),
            ..mentor()
        };
        assert_eq!(
            fields(world.create(&ada, request).await),
            ["username"],
            "{name}"
        );
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
async fn n_25_every_limit_names_its_field() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    let long = |n: usize| Some("é".repeat(n));
    let requests = [
        (
            "displayName",
            CreateProfileRequest {
                display_name: long(256),
                ..mentor()
            },
        ),
        (
            "bio",
            CreateProfileRequest {
                bio: long(2001),
                ..mentor()
            },
        ),
        (
            "location",
            CreateProfileRequest {
                location: long(256),
                ..mentor()
            },
        ),
        (
            "headline",
            CreateProfileRequest {
                headline: long(256),
                ..mentor()
            },
        ),
        (
            "phone",
            CreateProfileRequest {
                phone: long(51),
                ..mentor()
            },
        ),
        (
            "website",
            CreateProfileRequest {
                website: Some("ftp://x.org".into()),
                ..mentor()
            },
        ),
        (
            "avatarUrl",
            CreateProfileRequest {
                avatar_url: Some("data:image/png;base64,x".into()),
                ..mentor()
            },
        ),
        (
            "coverImageUrl",
            CreateProfileRequest {
                cover_image_url: Some("javascript:x".into()),
                ..mentor()
            },
        ),
        (
            "tags",
            CreateProfileRequest {
                tags: (0..21).map(|n| format!("t{n}")).collect(),
                ..mentor()
            },
        ),
        (
            "tags[0]",
            CreateProfileRequest {
                tags: vec!["x".repeat(31)],
                ..mentor()
            },
        ),
        (
            "profileType",
            CreateProfileRequest {
                profile_type: 0,
                ..mentor()
            },
        ),
        (
            "profileType",
            CreateProfileRequest {
                profile_type: 99,
                ..mentor()
            },
        ),
        (
            "draftData",
            CreateProfileRequest {
                draft_data: Some("[1]".into()),
                ..mentor()
            },
        ),
        (
            "skills",
            CreateProfileRequest {
                answers: r#"{"skills":{"a":1}}"#.into(),
                ..mentor()
            },
        ),
        (
            "no-name",
            CreateProfileRequest {
                answers: r#"{"no-name":1}"#.into(),
                ..mentor()
            },
        ),
    ];
    for (field, request) in requests {
        assert_eq!(fields(world.create(&ada, request).await), [field]);
    }
    let most = CreateProfileRequest {
        display_name: long(255),
        bio: long(2000),
        website: Some("example.org".into()),
        tags: (0..20).map(|n| format!("t{n}")).collect(),
        ..mentor()
    };
    let (profile, _) = world.create(&ada, most).await.unwrap();
    assert_eq!(
        profile.website.as_deref(),
        Some("https://example.org"),
        "PR-9"
    );
    assert_eq!(profile.tags.len(), 20);
}

#[tokio::test]
async fn t29_server_managed_fields_are_refused_by_name_and_never_stored() {
    let world = World::start().await;
    let ada = world.newcomer("ada").await;
    for name in [
        "id",
        "userAccountId",
        "isVerified",
        "isPrimary",
        "isFeatured",
        "isPlaceholder",
        "status",
        "metadata",
        "completionPercentage",
        "viewCount",
        "createdAt",
        "updatedAt",
        "version",
        "role",
        "expertise",
        "stats",
        "is_verified",
        "user_account_id",
    ] {
        let request = CreateProfileRequest {
            answers: format!(r#"{{"{name}":"x"}}"#),
            ..mentor()
        };
        assert_eq!(fields(world.create(&ada, request).await), [name]);
    }
    let own = world.own(&ada).await;
    assert_eq!(
        (own.len(), own[0].version, own[0].is_placeholder),
        (1, 1, true)
    );
}
