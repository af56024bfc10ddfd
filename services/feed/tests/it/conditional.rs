//! `If-Match` on posts and comments: CQ-2, CQ-3, K-4.

use contracts::feed::v1::*;
use fault::Reason;
use futures_util::future::join_all;
use identity::Caller;
use tonic::{Code, Request};

use crate::world::{Answer, World, reason};

/// A request that expects a version.
fn expecting<T>(message: T, version: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = version.parse().expect("metadata");
    request.metadata_mut().insert("if-match", value);
    request
}

fn retitled(id: &str, title: &str) -> UpdatePostRequest {
    UpdatePostRequest {
        id: id.to_owned(),
        title: Some(title.to_owned()),
        ..Default::default()
    }
}

async fn retitle(
    world: &World,
    who: &Caller,
    id: &str,
    title: &str,
    version: &str,
) -> Answer<Post> {
    let request = expecting(retitled(id, title), version);
    Ok(world.client(who).update_post(request).await?.into_inner())
}

async fn reword(
    world: &World,
    who: &Caller,
    id: &str,
    content: &str,
    version: &str,
) -> Answer<Comment> {
    let message = UpdateCommentRequest {
        id: id.to_owned(),
        content: content.to_owned(),
    };
    let request = expecting(message, version);
    Ok(world
        .client(who)
        .update_comment(request)
        .await?
        .into_inner())
}

async fn delete_post(world: &World, who: &Caller, id: &str, version: &str) -> Answer<()> {
    let request = expecting(DeletePostRequest { id: id.to_owned() }, version);
    world.client(who).delete_post(request).await.map(drop)
}

async fn delete_comment(world: &World, who: &Caller, id: &str, version: &str) -> Answer<()> {
    let request = expecting(DeleteCommentRequest { id: id.to_owned() }, version);
    world.client(who).delete_comment(request).await.map(drop)
}

#[tokio::test]
async fn cq_2_a_post_changes_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "first").await;
    for stale in [
        "2",
        "0",
        "\"2-0123456789abcdef\"",
        "W/\"1-0123456789abcdef\"",
        "5, 6",
    ] {
        let answer = retitle(&world, &ada, &post.id, "no", stale).await;
        assert_eq!(reason(answer), Reason::PreconditionFailed, "{stale}");
    }
    let answer = retitle(&world, &ada, &post.id, "no", "\"1").await;
    assert_eq!(reason(answer), Reason::ValidationError);
    assert_eq!(world.get(&ada, &post.id).await.unwrap().version, 1);

    let mut version = 1;
    for (title, expected) in [
        ("one", "1"),
        ("two", "\"2-0123456789abcdef\""),
        ("three", "9, 3"),
        ("four", "*"),
    ] {
        let answer = retitle(&world, &ada, &post.id, title, expected).await;
        version += 1;
        assert_eq!(answer.unwrap().version, version, "{expected}");
    }
    // Without an expectation the last write wins.
    let last = world.update(&ada, retitled(&post.id, "five")).await;
    assert_eq!(last.unwrap().version, version + 1);
}

#[tokio::test]
async fn cq_2_a_change_that_changes_nothing_needs_the_version_too() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "same").await;
    let comment = world.comment(&ada, &post.id, "", "same").await.unwrap();
    let same = UpdatePostRequest {
        id: post.id.clone(),
        content: Some("same".to_owned()),
        ..Default::default()
    };
    let answer = world.client(&ada).update_post(expecting(same, "7")).await;
    assert_eq!(reason(answer), Reason::PreconditionFailed);
    let answer = reword(&world, &ada, &comment.id, "same", "7").await;
    assert_eq!(reason(answer), Reason::PreconditionFailed);
}

#[tokio::test]
async fn cq_2_a_post_is_deleted_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "kept").await;
    let refused = delete_post(&world, &ada, &post.id, "2").await;
    assert_eq!(reason(refused), Reason::PreconditionFailed);
    assert!(world.get(None, &post.id).await.is_ok());
    delete_post(&world, &ada, &post.id, "1").await.unwrap();
    assert_eq!(reason(world.get(None, &post.id).await), Reason::NotFound);
}

#[tokio::test]
async fn cq_2_a_comment_is_changed_and_deleted_only_in_the_version_that_is_expected() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "post").await;
    let comment = world.comment(&ada, &post.id, "", "first").await.unwrap();
    let refused = reword(&world, &ada, &comment.id, "no", "2").await;
    assert_eq!(reason(refused), Reason::PreconditionFailed);
    let changed = reword(&world, &ada, &comment.id, "second", "1").await;
    assert_eq!(changed.unwrap().version, 2);

    let refused = delete_comment(&world, &ada, &comment.id, "1").await;
    assert_eq!(reason(refused), Reason::PreconditionFailed);
    let kept = world.get(&ada, &post.id).await.unwrap();
    assert_eq!(kept.comments_count, 1, "what was refused is undone");
    delete_comment(&world, &ada, &comment.id, "2")
        .await
        .unwrap();
    let empty = world.get(&ada, &post.id).await.unwrap();
    assert_eq!(empty.comments_count, 0);
}

#[tokio::test]
async fn cv_20_who_may_not_change_a_post_learns_nothing_of_its_version() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "mine").await;
    for version in ["1", "2", "*"] {
        let foreign = retitle(&world, &eve, &post.id, "no", version).await;
        assert_eq!(reason(foreign), Reason::Forbidden, "{version}");
        let unknown = uuid::Uuid::now_v7().to_string();
        let unknown = retitle(&world, &ada, &unknown, "no", version).await;
        assert_eq!(reason(unknown), Reason::NotFound, "{version}");
    }
}

#[tokio::test]
async fn cq_3_counters_do_not_change_the_version() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    let post = world.post(&ada, "liked").await;
    world.like(&bob, &post.id).await.unwrap();
    world.comment(&bob, &post.id, "", "well").await.unwrap();
    let seen = world.get(&ada, &post.id).await.unwrap();
    assert_eq!((seen.likes_count, seen.comments_count), (1, 1));
    assert_eq!(seen.version, 1);
}

#[tokio::test]
async fn k_4_of_fifty_parallel_writes_with_one_tag_one_wins() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "contended").await;
    let titles: Vec<String> = (0..50).map(|number| format!("title {number}")).collect();
    let writes = titles
        .iter()
        .map(|title| retitle(&world, &ada, &post.id, title, "1"));
    let answers = join_all(writes).await;
    let won: Vec<&Post> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok())
        .collect();
    assert_eq!(won.len(), 1);
    assert_eq!(world.get(&ada, &post.id).await.unwrap().title, won[0].title);
    for lost in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(lost.code(), Code::FailedPrecondition, "{lost:?}");
        let fault = fault::Fault::from(lost.clone());
        assert_eq!(fault.reason(), Reason::PreconditionFailed);
    }
}
