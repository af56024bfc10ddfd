//! Drafts and scheduled posts (FD-15).

use contracts::feed::v1::*;
use fault::Reason;
use feed::Config;
use prost_types::{FieldMask, Timestamp};

use crate::world::{World, fields, general, reason};

fn in_an_hour() -> Option<Timestamp> {
    Some(Timestamp {
        seconds: identity::clock::unix() + 3600,
        nanos: 0,
    })
}

#[tokio::test]
async fn fd_15_a_draft_is_its_authors_until_it_is_published() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let draft = CreatePostRequest {
        is_published: Some(false),
        ..general("draft")
    };
    let draft = world.create(&ada, draft).await.unwrap();
    assert_eq!(
        (draft.status(), draft.published_at),
        (PostStatus::Draft, None)
    );
    assert_eq!(reason(world.get(&eve, &draft.id).await), Reason::NotFound);
    assert_eq!(world.published("PostCreated").await, 0);

    let edit = UpdatePostRequest {
        id: draft.id.clone(),
        content: Some("better".into()),
        ..Default::default()
    };
    assert!(!world.update(&ada, edit).await.unwrap().is_edited);
    assert_eq!(
        world.published("PostUpdated").await,
        0,
        "drafts are nobody's business"
    );

    let publish = UpdatePostRequest {
        id: draft.id.clone(),
        is_published: Some(true),
        ..Default::default()
    };
    let published = world.update(&ada, publish.clone()).await.unwrap();
    assert_eq!(published.status(), PostStatus::Published);
    assert!(world.get(&eve, &draft.id).await.is_ok());
    assert_eq!(world.published("PostCreated").await, 1);

    let back = UpdatePostRequest {
        id: draft.id.clone(),
        is_published: Some(false),
        ..Default::default()
    };
    assert_eq!(
        world.update(&ada, back).await.unwrap().status(),
        PostStatus::Draft
    );
    assert_eq!(reason(world.get(&eve, &draft.id).await), Reason::NotFound);
    let again = world.update(&ada, publish).await.unwrap();
    assert_eq!(
        again.published_at, published.published_at,
        "the first publication orders the feed"
    );
    let told = (
        world.published("PostCreated").await,
        world.published("PostArchived").await,
        world.published("PostUpdated").await,
    );
    assert_eq!(told, (1, 1, 1));
}

#[tokio::test]
async fn fd_15_a_scheduled_post_is_published_when_its_time_has_come() {
    let world = World::with(Config {
        publish_every_ms: 50,
        ..Config::default()
    })
    .await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let at = in_an_hour();
    let later = CreatePostRequest {
        publish_at: at,
        ..general("soon")
    };
    let (post, other) = (
        world.create(&ada, later.clone()).await.unwrap(),
        world.create(&ada, later).await.unwrap(),
    );
    assert_eq!(
        (post.status(), post.published_at, post.publish_at),
        (PostStatus::Scheduled, None, at)
    );
    assert_eq!(reason(world.get(&eve, &post.id).await), Reason::NotFound);
    assert!(world.shown(&ada).await.is_empty());

    world
        .run(&format!(
            "update feed.posts set publish_at = now() - interval '1 s' where id = '{}'",
            post.id
        ))
        .await;
    let seen = world
        .rig
        .eventually(async || world.get(&eve, &post.id).await.ok())
        .await;
    assert_eq!(
        (seen.status(), seen.publish_at, seen.is_edited),
        (PostStatus::Published, None, false)
    );
    assert!(seen.published_at.is_some());
    assert_eq!(world.shown(&eve).await, std::slice::from_ref(&post.id));
    assert_eq!(world.published("PostCreated").await, 1);
    assert_eq!(
        world.get(&ada, &other.id).await.unwrap().status(),
        PostStatus::Scheduled
    );
}

#[tokio::test]
async fn fd_15_a_published_post_cannot_be_scheduled_and_a_time_must_be_ahead() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let schedule = UpdatePostRequest {
        id: post.id.clone(),
        publish_at: in_an_hour(),
        ..Default::default()
    };
    assert_eq!(
        reason(world.update(&ada, schedule).await),
        Reason::InvalidState
    );

    let later = CreatePostRequest {
        publish_at: in_an_hour(),
        ..general("soon")
    };
    let later = world.create(&ada, later).await.unwrap();
    let past = Some(Timestamp {
        seconds: 1,
        nanos: 0,
    });
    let back = UpdatePostRequest {
        id: later.id.clone(),
        publish_at: past,
        ..Default::default()
    };
    assert_eq!(fields(world.update(&ada, back).await), ["publishAt"]);
    let mask = Some(FieldMask {
        paths: vec!["publish_at".into()],
    });
    let clear = UpdatePostRequest {
        id: later.id.clone(),
        update_mask: mask,
        ..Default::default()
    };
    assert_eq!(
        world.update(&ada, clear).await.unwrap().status(),
        PostStatus::Draft
    );
}

#[tokio::test]
async fn d15_a_published_post_without_a_time_cannot_be_stored() {
    let world = World::start().await;
    let sql = "insert into feed.posts (profile_id, account_id, post_type, content, status)
      values (gen_random_uuid(), gen_random_uuid(), 'general', 'x', 'published')";
    let refused = sea_orm::ConnectionTrait::execute_unprepared(world.rig.owner(), sql)
        .await
        .unwrap_err();
    assert_eq!(
        store::violated(&refused).as_deref(),
        Some("posts_published_has_time")
    );
}
