//! Every limit of a post by the name of its field, and the names of blog posts.

use contracts::feed::v1::*;
use prost_types::Timestamp;
use uuid::Uuid;

use crate::world::{World, fields, general};

fn blog(title: &str) -> CreatePostRequest {
    let title = Some(title.to_owned());
    CreatePostRequest {
        r#type: PostType::Blog.into(),
        title,
        ..general("one two three")
    }
}

#[tokio::test]
async fn every_limit_names_its_field_and_nothing_is_stored() {
    let world = World::start().await;
    let ada = world.person("ada");
    let long = |n: usize| "x".repeat(n);
    let past = Some(Timestamp {
        seconds: 1_000_000_000,
        nanos: 0,
    });
    let cases: Vec<(&str, CreatePostRequest)> = vec![
        (
            "type",
            CreatePostRequest {
                r#type: 0,
                ..general("x")
            },
        ),
        ("content", general("")),
        ("content", general(" \n ")),
        ("content", general(&long(10_001))),
        (
            "content",
            CreatePostRequest {
                content: long(100_001),
                ..blog("T")
            },
        ),
        (
            "title",
            CreatePostRequest {
                title: Some(long(501)),
                ..general("x")
            },
        ),
        (
            "title",
            CreatePostRequest {
                title: None,
                ..blog("")
            },
        ),
        (
            "imageUrl",
            CreatePostRequest {
                image_url: Some("javascript:alert(1)".into()),
                ..general("x")
            },
        ),
        (
            "imageUrl",
            CreatePostRequest {
                image_url: Some("data:image/png;base64,AA".into()),
                ..general("x")
            },
        ),
        (
            "mediaIds",
            CreatePostRequest {
                media_ids: vec![Uuid::now_v7().to_string()],
                ..general("x")
            },
        ),
        (
            "tags",
            CreatePostRequest {
                tags: (0..11).map(|n| format!("t{n}")).collect(),
                ..general("x")
            },
        ),
        (
            "tags[0]",
            CreatePostRequest {
                tags: vec![long(31)],
                ..general("x")
            },
        ),
        (
            "tags[0]",
            CreatePostRequest {
                tags: vec!["a/b".into()],
                ..general("x")
            },
        ),
        (
            "metadata",
            CreatePostRequest {
                metadata: Some("[1]".into()),
                ..general("x")
            },
        ),
        (
            "metadata",
            CreatePostRequest {
                metadata: Some(format!("{{\"a\":\"{}\"}}", long(16_384))),
                ..general("x")
            },
        ),
        (
            "metadata.ctaUrl",
            CreatePostRequest {
                metadata: Some(r#"{"ctaUrl":"javascript:1"}"#.into()),
                ..general("x")
            },
        ),
        (
            "targetTags",
            CreatePostRequest {
                target_tags: (0..11).map(|n| format!("t{n}")).collect(),
                ..general("x")
            },
        ),
        (
            "groupId",
            CreatePostRequest {
                group_id: "nonsense".into(),
                ..general("x")
            },
        ),
        (
            "groupId",
            CreatePostRequest {
                visibility: PostVisibility::Group.into(),
                ..general("x")
            },
        ),
        (
            "profileId",
            CreatePostRequest {
                profile_id: "nonsense".into(),
                ..general("x")
            },
        ),
        (
            "publishAt",
            CreatePostRequest {
                publish_at: past,
                ..general("x")
            },
        ),
        (
            "slug",
            CreatePostRequest {
                slug: Some(long(81)),
                ..blog("T")
            },
        ),
        (
            "slug",
            CreatePostRequest {
                slug: Some("日本".into()),
                ..blog("T")
            },
        ),
        (
            "slug",
            CreatePostRequest {
                slug: Some("x".into()),
                ..general("x")
            },
        ),
        (
            "excerpt",
            CreatePostRequest {
                excerpt: Some(long(201)),
                ..blog("T")
            },
        ),
        (
            "category",
            CreatePostRequest {
                category: Some(long(101)),
                ..blog("T")
            },
        ),
        (
            "bodyFormat",
            CreatePostRequest {
                body_format: BodyFormat::Markdown.into(),
                ..general("x")
            },
        ),
    ];
    for (field, request) in cases {
        assert_eq!(fields(world.create(&ada, request).await), [field]);
    }
    assert_eq!(
        world
            .value::<i64>("select count(*) from feed.posts", vec![])
            .await,
        0
    );
    assert_eq!(
        world
            .value::<i64>("select count(*) from feed.outbox", vec![])
            .await,
        0
    );
}

#[tokio::test]
async fn fd_20_blog_names_are_unique_and_old_ones_kept() {
    let world = World::start().await;
    let ada = world.person("ada");
    let first = world.create(&ada, blog("Große Idee!")).await.unwrap();
    let second = world.create(&ada, blog("Grosse Idee")).await.unwrap();
    assert_eq!(
        (first.slug.as_deref(), second.slug.as_deref()),
        (Some("grosse-idee"), Some("grosse-idee-2"))
    );
    assert_eq!(
        (first.read_time_minutes, first.excerpt.as_str()),
        (Some(1), "one two three")
    );

    let rename = UpdatePostRequest {
        id: first.id.clone(),
        slug: Some("Better Name".into()),
        ..Default::default()
    };
    assert_eq!(
        world.update(&ada, rename).await.unwrap().slug.as_deref(),
        Some("better-name")
    );
    assert_eq!(
        world
            .value::<String>("select slug from feed.old_slugs", vec![])
            .await,
        "grosse-idee"
    );
    let third = world.create(&ada, blog("Große Idee")).await.unwrap();
    assert_eq!(third.slug.as_deref(), Some("grosse-idee"));

    let titles = (0..8).map(|_| world.create(&ada, blog("Race")));
    let slugs: std::collections::HashSet<_> = futures_util::future::join_all(titles)
        .await
        .into_iter()
        .map(|post| post.unwrap().slug)
        .collect();
    assert_eq!(slugs.len(), 8);
}
