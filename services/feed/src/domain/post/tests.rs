//! What posts may and may not be.

use super::*;
use time::Duration;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn blank(kind: PostType) -> Post {
    Post::blank(kind, Uuid::from_u128(1), Uuid::from_u128(2), None, NOW)
}

fn text(content: &str) -> Changes {
    Changes {
        content: Some(content.to_owned()),
        ..Changes::default()
    }
}

fn fields(refused: Result<(), Refused>) -> Vec<String> {
    match refused {
        Err(Refused::Invalid(violations)) => violations
            .into_iter()
            .map(|violation| violation.field)
            .collect(),
        other => panic!("not refused as invalid: {other:?}"),
    }
}

fn published(kind: PostType) -> Post {
    let mut post = blank(kind);
    post.fill(
        Changes {
            title: Some(Some("A title".into())),
            ..text("Hello")
        },
        NOW,
    )
    .unwrap();
    post
}

#[test]
fn fd_5_only_a_blog_post_needs_a_title() {
    assert_eq!(
        fields(blank(PostType::Blog).fill(text("Hello"), NOW)),
        ["title"]
    );
    assert!(blank(PostType::General).fill(text("Hello"), NOW).is_ok());
}

#[test]
fn n_25_a_post_has_10_000_characters_and_a_blog_post_more() {
    let long = "é".repeat(10_001);
    assert_eq!(
        fields(blank(PostType::General).fill(text(&long), NOW)),
        ["content"]
    );
    assert!(blank(PostType::General).fill(text(&long[2..]), NOW).is_ok());
    let blog = Changes {
        title: Some(Some("Long".into())),
        ..text(&long)
    };
    assert!(blank(PostType::Blog).fill(blog, NOW).is_ok());
}

#[test]
fn fd_20_a_blog_post_gets_its_name_from_the_title() {
    assert_eq!(published(PostType::Blog).slug.as_deref(), Some("a-title"));
    let mut nameless = blank(PostType::Blog);
    nameless
        .fill(
            Changes {
                title: Some(Some("日本".into())),
                ..text("x")
            },
            NOW,
        )
        .unwrap();
    assert_eq!(nameless.slug.as_deref(), Some("post"));
}

#[test]
fn fd_20_other_posts_have_no_blog_fields() {
    let changes = Changes {
        slug: Some("x".into()),
        category: Some(Some("y".into())),
        excerpt: Some(Some("z".into())),
        body_format: Some(BodyFormat::Markdown),
        ..text("Hello")
    };
    let wrong = fields(blank(PostType::Project).fill(changes, NOW));
    assert_eq!(wrong, ["bodyFormat", "excerpt", "slug", "category"]);
}

#[test]
fn fd_7_a_post_in_a_group_is_always_seen_by_the_group() {
    let mut post = Post::blank(
        PostType::General,
        Uuid::from_u128(1),
        Uuid::from_u128(2),
        Some(Uuid::from_u128(3)),
        NOW,
    );
    post.fill(
        Changes {
            visibility: Some(PostVisibility::Private),
            ..text("Hello")
        },
        NOW,
    )
    .unwrap();
    assert_eq!(post.visibility, PostVisibility::Group);
    let without = Changes {
        visibility: Some(PostVisibility::Group),
        ..text("Hello")
    };
    assert_eq!(
        fields(blank(PostType::General).fill(without, NOW)),
        ["groupId"]
    );
}

#[test]
fn k_9_files_are_refused_by_name() {
    let changes = Changes {
        names_media: true,
        ..text("Hello")
    };
    assert_eq!(
        fields(blank(PostType::General).fill(changes, NOW)),
        ["mediaIds"]
    );
}

#[test]
fn fd_15_editing_content_after_publication_shows() {
    let mut post = published(PostType::General);
    let later = NOW + Duration::HOUR;
    assert!(post.change(text("Hello"), later).unwrap().is_empty());
    assert_eq!((post.version, post.edited_at), (1, None));

    let narrower = Changes {
        visibility: Some(PostVisibility::Private),
        ..Changes::default()
    };
    assert_eq!(post.change(narrower, later).unwrap(), ["visibility"]);
    assert_eq!((post.version, post.edited_at), (2, None));

    assert_eq!(post.change(text("Goodbye"), later).unwrap(), ["content"]);
    assert_eq!((post.version, post.edited_at), (3, Some(later)));
}

#[test]
fn fd_15_editing_a_draft_does_not_show() {
    let mut post = blank(PostType::General);
    let draft = Wish {
        published: Some(false),
        publish_at: None,
    };
    post.fill(
        Changes {
            wish: draft,
            ..text("Hello")
        },
        NOW,
    )
    .unwrap();
    post.change(text("Goodbye"), NOW).unwrap();
    assert_eq!(post.edited_at, None);
}

#[test]
fn cv_3_everything_that_is_wrong_is_said_at_once() {
    let changes = Changes {
        names_media: true,
        metadata: Some(Some(r#"{"ctaUrl":"x"}"#.into())),
        visibility: Some(PostVisibility::Group),
        wish: Wish {
            published: None,
            publish_at: Some(Some(NOW)),
        },
        ..text(&"x".repeat(10_001))
    };
    let wrong = fields(blank(PostType::General).fill(changes, NOW));
    assert_eq!(
        wrong,
        [
            "mediaIds",
            "metadata.ctaUrl",
            "content",
            "groupId",
            "publishAt"
        ]
    );
}
