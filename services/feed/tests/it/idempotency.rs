//! Keyed posts, comments and likes: one effect, one answer (ID-1..ID-4, T41).

use contracts::feed::v1::*;
use fault::{Fault, Reason};
use futures_util::future::join_all;
use identity::Caller;
use testkit::{is_replayed, keyed};
use tonic::{Response, Status};

use crate::world::{World, general};

async fn comment(
    world: &World,
    who: &Caller,
    post: &str,
    key: &str,
) -> Result<Response<Comment>, Status> {
    let request = CreateCommentRequest {
        id: post.to_owned(),
        content: "@eve, look".to_owned(),
        ..CreateCommentRequest::default()
    };
    world.client(who).create_comment(keyed(key, request)).await
}

async fn like(
    world: &World,
    who: &Caller,
    post: &str,
    key: &str,
) -> Result<Response<LikeState>, Status> {
    let id = post.to_owned();
    world
        .client(who)
        .like_post(keyed(key, LikePostRequest { id }))
        .await
}

/// What two answers to one keyed request have in common: everything.
fn same<T: PartialEq + std::fmt::Debug>(
    first: Result<Response<T>, Status>,
    again: Result<Response<T>, Status>,
) -> T {
    assert!(!is_replayed(&first) && is_replayed(&again));
    let first = first.unwrap().into_inner();
    assert_eq!(again.unwrap().into_inner(), first);
    first
}

#[tokio::test]
async fn id_3_every_post_of_the_feed_answers_a_repeat_as_it_answered_first() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let create = || async {
        world
            .client(&ada)
            .create_post(keyed("key-1", general("x")))
            .await
    };
    let post = same(create().await, create().await);
    let plain = world.create(&ada, general("x")).await.unwrap();
    let facts = |post: &Post| {
        (
            post.content.clone(),
            post.author.clone(),
            post.likes_count,
            post.is_author,
        )
    };
    assert_eq!(
        facts(&post),
        facts(&plain),
        "a key changes nothing but repeats"
    );
    assert_eq!(world.get(&ada, &post.id).await.unwrap().content, "x");
    assert_eq!(world.published("PostCreated").await, 2);

    let state = same(
        like(&world, &eve, &post.id, "key-1").await,
        like(&world, &eve, &post.id, "key-1").await,
    );
    assert_eq!(
        (state.liked, state.likes_count),
        (true, 1),
        "the like is counted in its own answer"
    );
    world.unlike(&eve, &post.id).await.unwrap();
    assert!(
        is_replayed(&like(&world, &eve, &post.id, "key-1").await),
        "a repeat is not a new like"
    );
    assert_eq!(world.get(&eve, &post.id).await.unwrap().likes_count, 0);

    let made = same(
        comment(&world, &eve, &post.id, "key-2").await,
        comment(&world, &eve, &post.id, "key-2").await,
    );
    assert_eq!(world.get(&ada, &post.id).await.unwrap().comments_count, 1);
    let like_comment = || async {
        let id = made.id.clone();
        world
            .client(&ada)
            .like_comment(keyed("key-2", LikeCommentRequest { id }))
            .await
    };
    assert_eq!(
        same(like_comment().await, like_comment().await).likes_count,
        1
    );
}

#[tokio::test]
async fn t41_fifty_equal_posts_with_one_key_are_one_post() {
    let world = World::start().await;
    let ada = world.person("ada");
    let posts = (0..50).map(|_| async {
        world
            .client(&ada)
            .create_post(keyed("key-1", general("x")))
            .await
    });
    let mut ids = Vec::new();
    for answer in join_all(posts).await {
        match answer {
            Ok(post) => ids.push(post.into_inner().id),
            Err(status) => assert_eq!(Fault::from(status).reason(), Reason::IdempotencyInProgress),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let rows: i64 = world.value("select count(*) from feed.posts", vec![]).await;
    assert_eq!(rows, 1);
    let other = world
        .client(&ada)
        .create_post(keyed("key-1", general("y")))
        .await;
    assert_eq!(
        Fault::from(other.unwrap_err()).reason(),
        Reason::IdempotencyKeyReused
    );
}

#[tokio::test]
async fn id_2_fifty_comments_of_fifty_strangers_need_no_second_connection_each() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let strangers: Vec<Caller> = (0..50)
        .map(|n| world.person(&format!("person{n}")))
        .collect();
    let comments = strangers
        .iter()
        .map(|who| comment(&world, who, &post.id, "key-1"));
    for answer in join_all(comments).await {
        answer.unwrap();
    }
    assert_eq!(world.get(&ada, &post.id).await.unwrap().comments_count, 50);
}

#[tokio::test]
async fn id_4_a_post_whose_answer_fails_is_not_written() {
    let world = World::start().await;
    let ada = world.person("ada");
    // The author is known, so that only what comes after the commit can fail.
    world.post(&ada, "before").await;
    world
        .run("alter table feed.post_stats rename to post_stats_away")
        .await;
    let failed = world
        .client(&ada)
        .create_post(keyed("key-1", general("x")))
        .await
        .unwrap_err();
    assert_eq!(Fault::from(failed).reason(), Reason::InternalError);
    world
        .run("alter table feed.post_stats_away rename to post_stats")
        .await;
    let written: i64 = world
        .value(
            "select count(*) from feed.posts where content = 'x'",
            vec![],
        )
        .await;
    let keys: i64 = world
        .value("select count(*) from feed.idempotency_keys", vec![])
        .await;
    assert_eq!((written, keys), (0, 0));
    let again = world
        .client(&ada)
        .create_post(keyed("key-1", general("x")))
        .await;
    assert!(!is_replayed(&again) && again.is_ok());
}

#[tokio::test]
async fn id_4_a_refusal_is_repeated_although_it_would_go_well_now() {
    let world = World::start().await;
    let ada = world.person("ada");
    let eve = world.person("eve");
    let post = world.post(&ada, "x").await;
    world.delete(&ada, &post.id).await.unwrap();
    let first = like(&world, &eve, &post.id, "key-1").await;
    let again = like(&world, &eve, &post.id, "key-1").await;
    assert!(!is_replayed(&first) && is_replayed(&again));
    let [first, again] = [first, again].map(|answer| Fault::from(answer.unwrap_err()));
    assert_eq!(first.reason(), Reason::NotFound);
    assert_eq!(
        (again.reason(), again.message()),
        (first.reason(), first.message())
    );
}
