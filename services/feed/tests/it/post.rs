//! Posts: written, read, changed, deleted.

use contracts::feed::v1::*;
use contracts::group::v1::{GroupCreated, GroupMemberJoined};
use contracts::profile::v1::ProfileType;
use events::Event;
use fault::Reason;
use prost_types::FieldMask;
use uuid::Uuid;

use crate::world::{World, fields, general, reason};

#[tokio::test]
async fn fd_2_a_post_comes_back_whole_and_with_every_default() {
    let world = World::start().await;
    let ada = world.person("ada");
    let request = CreatePostRequest {
        title: Some("Hello".into()),
        tags: vec!["#AI".into(), "Health Tech".into(), "ai".into()],
        metadata: Some(r#"{"b":1.0,"a":1e2,"x":{"z":null}}"#.into()),
        image_url: Some("https://example.com/a.png".into()),
        ..general("  Some text\r\nwith two lines  ")
    };
    let post = world.create(&ada, request).await.unwrap();
    assert_eq!(post, world.get(&ada, &post.id).await.unwrap());

    assert_eq!(post.r#type(), PostType::General);
    assert_eq!(post.content, "Some text\nwith two lines");
    assert_eq!(post.tags, ["ai", "health-tech"]);
    assert_eq!(post.metadata, r#"{"b":1.0,"a":1e2,"x":{"z":null}}"#);
    assert_eq!(post.excerpt, "Some text with two lines");
    assert_eq!(
        (post.visibility(), post.status()),
        (PostVisibility::Public, PostStatus::Published)
    );
    assert_eq!((post.body_format(), post.version), (BodyFormat::Plain, 1));
    assert_eq!(
        (
            post.likes_count,
            post.comments_count,
            post.shares_count,
            post.views_count
        ),
        (0, 0, 0, 0)
    );
    assert!(
        post.is_author
            && !post.is_liked
            && !post.is_bookmarked
            && !post.is_edited
            && !post.is_featured
    );
    assert!(post.published_at.is_some() && post.shared_post.is_none() && post.media.is_empty());
    let author = post.author.unwrap();
    assert_eq!(
        (author.name.as_str(), author.username.as_deref()),
        ("Name of ada", Some("ada"))
    );
    assert_eq!(author.profile_type(), ProfileType::Mentor);
    assert!(!world.get(None, &post.id).await.unwrap().is_author);
}

#[tokio::test]
async fn fd_2_a_card_has_600_characters_and_says_that_there_are_more() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, &"ü".repeat(601)).await;
    let card = world
        .feed(None, ListFeedRequest::default())
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(
        (card.content.chars().count(), card.is_truncated),
        (600, true)
    );
    assert_eq!(
        (post.content.chars().count(), post.is_truncated),
        (601, false)
    );
}

#[tokio::test]
async fn fd_1_every_type_can_be_written() {
    let world = World::start().await;
    let ada = world.person("ada");
    for kind in 1..=7 {
        let request = CreatePostRequest {
            r#type: kind,
            title: Some("T".into()),
            ..general("text")
        };
        assert_eq!(world.create(&ada, request).await.unwrap().r#type, kind);
    }
    assert_eq!(world.shown(None).await.len(), 7);
}

#[tokio::test]
async fn fd_6_a_plain_event_post_is_not_actionable_and_never_shows_its_link() {
    let world = World::start().await;
    let ada = world.person("ada");
    let metadata =
        Some(r#"{"dateText":"March 25, 2024","virtualLink":"https://meet.example/1"}"#.into());
    let request = CreatePostRequest {
        r#type: PostType::Event.into(),
        title: Some("Meet".into()),
        metadata,
        ..general("text")
    };
    let post = world.create(&ada, request).await.unwrap();
    assert_eq!(
        post.metadata,
        r#"{"dateText":"March 25, 2024","isActionable":false}"#
    );
    let stored: i64 = world
        .value(
            "select count(*) from feed.posts where metadata::text like '%meet.example%'",
            vec![],
        )
        .await;
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn cv_24_one_writes_as_an_own_profile_only() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let second = world.sibling(&ada, "ada.two");
    let as_profile = |id: Uuid| CreatePostRequest {
        profile_id: id.to_string(),
        ..general("x")
    };
    let post = world
        .create(&ada, as_profile(second.profile_id))
        .await
        .unwrap();
    assert_eq!(post.author.unwrap().id, second.profile_id.to_string());
    assert_eq!(
        reason(world.create(&ada, as_profile(eve.profile_id)).await),
        Reason::Forbidden
    );
    assert_eq!(
        reason(world.create(&ada, as_profile(Uuid::now_v7())).await),
        Reason::Forbidden
    );
    assert_eq!(
        world
            .value::<i64>("select count(*) from feed.posts", vec![])
            .await,
        1
    );
}

#[tokio::test]
async fn fd_7_only_members_write_in_a_group() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (open, closed) = (Uuid::now_v7(), Uuid::now_v7());
    for (group, visibility) in [(open, "public"), (closed, "private")] {
        let (group_id, name) = (group.to_string(), "G".to_owned());
        let made = GroupCreated {
            group_id: group_id.clone(),
            name,
            visibility: visibility.into(),
            version: 1,
        };
        world.rig.emit("group", Event::of(group, 1, &made)).await;
        let joined = GroupMemberJoined {
            group_id,
            profile_id: ada.profile_id.to_string(),
            account_id: ada.account_id.to_string(),
            role: "member".into(),
            version: 1,
        };
        world.rig.emit("group", Event::of(group, 1, &joined)).await;
    }
    world
        .wait_for(
            "select count(*) from feed.group_ref g join feed.group_member_ref m using (group_id)",
            2,
        )
        .await;

    let within = |group: Uuid| CreatePostRequest {
        group_id: group.to_string(),
        ..general("for us")
    };
    let post = world.create(&ada, within(closed)).await.unwrap();
    assert_eq!(
        (post.visibility(), post.group_id),
        (PostVisibility::Group, Some(closed.to_string()))
    );
    assert_eq!(
        reason(world.create(&eve, within(open)).await),
        Reason::Forbidden
    );
    assert_eq!(
        reason(world.create(&eve, within(closed)).await),
        Reason::NotFound
    );
    assert_eq!(
        reason(world.create(&eve, within(Uuid::now_v7())).await),
        Reason::NotFound
    );

    let wider = UpdatePostRequest {
        id: post.id.clone(),
        visibility: Some(PostVisibility::Public.into()),
        ..Default::default()
    };
    assert_eq!(
        world.update(&ada, wider).await.unwrap().visibility(),
        PostVisibility::Group
    );
    assert_eq!(reason(world.get(&eve, &post.id).await), Reason::NotFound);
}

#[tokio::test]
async fn cv_14_absent_fields_stay_and_null_clears() {
    let world = World::start().await;
    let ada = world.person("ada");
    let request = CreatePostRequest {
        title: Some("T".into()),
        tags: vec!["a".into()],
        ..general("one")
    };
    let post = world.create(&ada, request).await.unwrap();

    let edit = UpdatePostRequest {
        id: post.id.clone(),
        content: Some("two".into()),
        ..Default::default()
    };
    let edited = world.update(&ada, edit.clone()).await.unwrap();
    assert_eq!(
        (
            edited.content.as_str(),
            edited.title.as_deref(),
            edited.version
        ),
        ("two", Some("T"), 2)
    );
    assert!(edited.is_edited && edited.tags == ["a"]);
    assert_eq!(edited, world.get(&ada, &post.id).await.unwrap());
    assert_eq!(world.last::<PostUpdated>().await.changed, ["content"]);

    let again = world.update(&ada, edit).await.unwrap();
    assert_eq!(
        (again.version, world.published("PostUpdated").await),
        (2, 1),
        "nothing changed"
    );

    let paths = vec!["title".into(), "tags".into()];
    let clear = UpdatePostRequest {
        id: post.id.clone(),
        update_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    let cleared = world.update(&ada, clear).await.unwrap();
    assert_eq!(
        (cleared.title, cleared.tags.len(), cleared.content.as_str()),
        (None, 0, "two")
    );

    let paths = vec!["content".into()];
    let empty = UpdatePostRequest {
        id: post.id.clone(),
        update_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    assert_eq!(fields(world.update(&ada, empty).await), ["content"]);
}

#[tokio::test]
async fn cv_20_foreign_posts_are_403_and_invisible_ones_404() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let second = world.sibling(&ada, "ada.two");
    let open = world.post(&ada, "open").await;
    let private = CreatePostRequest {
        visibility: PostVisibility::Private.into(),
        ..general("mine")
    };
    let private = world.create(&ada, private).await.unwrap();
    let edit = |id: &str, content: &str| UpdatePostRequest {
        id: id.into(),
        content: Some(content.into()),
        ..Default::default()
    };

    assert_eq!(
        reason(world.update(&eve, edit(&open.id, "hacked")).await),
        Reason::Forbidden
    );
    assert_eq!(
        reason(world.delete(&eve, &open.id).await),
        Reason::Forbidden
    );
    assert_eq!(
        reason(world.update(&eve, edit(&private.id, "hacked")).await),
        Reason::NotFound
    );
    assert_eq!(
        reason(world.delete(&eve, &private.id).await),
        Reason::NotFound
    );
    assert_eq!(world.get(&ada, &open.id).await.unwrap().content, "open");
    // The other profile of the account acts for the owner.
    assert_eq!(
        world
            .update(&second, edit(&private.id, "changed"))
            .await
            .unwrap()
            .content,
        "changed"
    );
    let hidden = world.get(&eve, &private.id).await.unwrap_err();
    let unknown = world
        .get(&eve, &Uuid::now_v7().to_string())
        .await
        .unwrap_err();
    assert_eq!(
        (hidden.code(), hidden.message()),
        (unknown.code(), unknown.message())
    );
}

#[tokio::test]
async fn fd_14_a_deleted_post_is_gone_from_every_surface_and_kept() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "bye").await;
    let comment = world.comment(&eve, &post.id, "", "why").await.unwrap();
    world.delete(&ada, &post.id).await.unwrap();

    for who in [Some(&ada), Some(&eve), None] {
        assert_eq!(reason(world.get(who, &post.id).await), Reason::NotFound);
        let list = ListCommentsRequest {
            id: post.id.clone(),
            ..Default::default()
        };
        assert_eq!(reason(world.comments(who, list).await), Reason::NotFound);
        assert!(world.shown(who).await.is_empty());
    }
    assert_eq!(reason(world.like(&eve, &post.id).await), Reason::NotFound);
    assert_eq!(
        reason(world.comment(&eve, &post.id, "", "x").await),
        Reason::NotFound
    );
    assert_eq!(
        reason(world.uncomment(&eve, &comment.id).await),
        Reason::NotFound
    );
    assert_eq!(reason(world.delete(&ada, &post.id).await), Reason::NotFound);
    assert_eq!(
        world
            .value::<String>(
                "select status::text from feed.posts where deleted_at is not null",
                vec![]
            )
            .await,
        "archived"
    );
    assert_eq!(world.published("PostArchived").await, 1);
}

#[tokio::test]
async fn fd_12_mentions_name_those_who_may_see_the_post() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.person("ada"),
        world.person("bob"),
        world.person("eve"),
    );
    for who in [&bob, &eve] {
        world.post(who, "here I am").await;
    }
    world.block(&ada, &eve).await;
    world.post(&ada, "@bob @EVE @ada @nobody see this").await;
    let facts = world.last::<PostCreated>().await.post.unwrap();
    assert_eq!(facts.mentioned_profile_ids, [bob.profile_id.to_string()]);
}

#[tokio::test]
async fn eb_2_the_event_carries_what_others_need() {
    let world = World::start().await;
    let ada = world.person("ada");
    let request = CreatePostRequest {
        visibility: PostVisibility::Targeted.into(),
        target_profile_types: vec![ProfileType::Mentor.into()],
        target_tags: vec!["AI".into()],
        ..general("for some")
    };
    let post = world.create(&ada, request).await.unwrap();
    let facts = world.last::<PostCreated>().await.post.unwrap();
    assert_eq!(
        (
            facts.post_id,
            facts.visibility.as_str(),
            facts.status.as_str()
        ),
        (post.id, "targeted", "published")
    );
    assert_eq!(
        (facts.target_profile_types, facts.target_tags),
        (vec!["mentor".to_owned()], vec!["ai".to_owned()])
    );
    assert_eq!(facts.account_id, ada.account_id.to_string());
}
