//! POST of a profile: limits, names, what is refused.

use contracts::profile::v1::CreateProfileRequest;
use fault::Reason;
use futures_util::future::join_all;

use crate::world::{World, fields, mentor, reason};

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
