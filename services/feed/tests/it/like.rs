//! Likes: idempotent and counted exactly, whatever races.

use contracts::feed::v1::{LikeCommentRequest, PostLiked, UnlikeCommentRequest};
use contracts::profile::v1::{ProfileRef, ProfileVisibility};
use fault::Reason;
use sea_orm::{ConnectionTrait, TransactionTrait};
use uuid::Uuid;

use crate::world::{World, profile, reason};

#[tokio::test]
async fn fd_11_like_and_unlike_are_idempotent() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    for _ in 0..2 {
        let state = world.like(&eve, &post.id).await.unwrap();
        assert_eq!((state.liked, state.likes_count), (true, 1));
    }
    let seen = world.get(&eve, &post.id).await.unwrap();
    assert_eq!(
        (seen.is_liked, seen.likes_count, seen.version),
        (true, 1, 1)
    );
    assert_eq!(
        seen.updated_at, post.updated_at,
        "counting is no change of the post (D13)"
    );
    assert!(!world.get(&ada, &post.id).await.unwrap().is_liked);
    assert_eq!(world.published("PostLiked").await, 1);
    let event = world.last::<PostLiked>().await;
    assert_eq!(
        (event.author_profile_id, event.profile_id),
        (ada.profile_id.to_string(), eve.profile_id.to_string())
    );

    for _ in 0..2 {
        let state = world.unlike(&eve, &post.id).await.unwrap();
        assert_eq!((state.liked, state.likes_count), (false, 0));
    }
    assert_eq!(world.published("PostUnliked").await, 1);
    assert_eq!(
        reason(world.like(&eve, &Uuid::now_v7().to_string()).await),
        Reason::NotFound
    );
}

/// A viral post's counter is always held by somebody who commits (T56).
#[tokio::test]
async fn t56_likes_and_comments_do_not_wait_for_who_holds_the_counter() {
    let world = World::start().await;
    let people: Vec<_> = ["ada", "eve", "kim"].map(|name| world.person(name)).into();
    let post = world.post(&people[0], "x").await;
    let holder = world.rig.owner().begin().await.unwrap();
    let hold = format!(
        "select 1 from feed.post_stats where post_id = '{}' for update",
        post.id
    );
    holder.execute_unprepared(&hold).await.unwrap();
    for (nth, who) in people.iter().enumerate() {
        let state = world.like(who, &post.id).await.unwrap();
        assert_eq!(usize::try_from(state.likes_count).unwrap(), nth + 1);
    }
    assert_eq!(
        world
            .unlike(&people[1], &post.id)
            .await
            .unwrap()
            .likes_count,
        2
    );
    world.comment(&people[1], &post.id, "", "hi").await.unwrap();
    let seen = world.get(&people[2], &post.id).await.unwrap();
    assert_eq!(
        (seen.likes_count, seen.comments_count, seen.is_liked),
        (2, 1, true)
    );
    let counted = "select likes + comments from feed.post_stats";
    assert_eq!(
        world.value::<i32>(counted, vec![]).await,
        0,
        "somebody held it"
    );
    holder.rollback().await.unwrap();
    // Whoever counts next, or looks after it, adds what waited.
    world
        .wait_for("select count(*) from feed.post_stats_late", 0)
        .await;
    assert_eq!(world.value::<i32>(counted, vec![]).await, 3);
    let seen = world.get(&people[2], &post.id).await.unwrap();
    assert_eq!((seen.likes_count, seen.comments_count), (2, 1));
}

/// The counter is held and let go all the time, and what waits is added by many at once: nothing is lost or counted twice.
#[tokio::test]
async fn t56_a_post_that_is_liked_by_all_at_once_counts_exactly() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let people: Vec<_> = (0..60).map(|n| world.person(&format!("fan{n}"))).collect();
    let rounds = people.iter().enumerate().map(|(n, who)| {
        let (world, post) = (&world, &post.id);
        async move {
            for _ in 0..3 {
                assert!(world.like(who, post).await.unwrap().liked);
                world.comment(who, post, "", "hi").await.unwrap();
                if n % 2 == 0 {
                    assert!(!world.unlike(who, post).await.unwrap().liked);
                }
            }
        }
    });
    futures_util::future::join_all(rounds).await;
    let seen = world.get(&ada, &post.id).await.unwrap();
    assert_eq!((seen.likes_count, seen.comments_count), (30, 180));
    world
        .wait_for("select count(*) from feed.post_stats_late", 0)
        .await;
    let counted = "select likes + comments from feed.post_stats";
    assert_eq!(world.value::<i32>(counted, vec![]).await, 210);
}

#[tokio::test]
async fn i_1_the_counter_equals_the_rows_after_50_parallel_toggles() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let people: Vec<_> = (0..10)
        .map(|n| world.person(&format!("liker{n}")))
        .collect();
    let toggles = (0..50).map(|n| {
        let (world, who, post) = (&world, &people[n % 10], &post.id);
        async move {
            if n % 3 == 0 {
                world.unlike(who, post).await
            } else {
                world.like(who, post).await
            }
        }
    });
    for state in futures_util::future::join_all(toggles).await {
        assert!(state.unwrap().likes_count >= 0);
    }
    let rows: i64 = world.value("select count(*) from feed.likes", vec![]).await;
    assert_eq!(
        i64::from(world.get(None, &post.id).await.unwrap().likes_count),
        rows
    );

    // One more like of everybody, 5 times each: all end as liked.
    let likes = (0..50).map(|n| world.like(&people[n % 10], &post.id));
    for state in futures_util::future::join_all(likes).await {
        assert!(state.unwrap().liked);
    }
    assert_eq!(world.get(None, &post.id).await.unwrap().likes_count, 10);
    let news = world.published("PostLiked").await - world.published("PostUnliked").await;
    assert_eq!(news, 10, "every change of the rows was told once");
}

#[tokio::test]
async fn i_1_likes_of_a_comment_are_counted_the_same_way() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let comment = world.comment(&ada, &post.id, "", "first").await.unwrap();
    let people: Vec<_> = (0..5).map(|n| world.person(&format!("liker{n}"))).collect();
    let likes = (0..25).map(|n| {
        let mut client = world.client(&people[n % 5]);
        let id = comment.id.clone();
        async move { client.like_comment(LikeCommentRequest { id }).await }
    });
    for state in futures_util::future::join_all(likes).await {
        assert!(state.unwrap().into_inner().liked);
    }
    let seen = world.tree(&people[0], &post.id).await.remove(0);
    assert_eq!(
        (seen.likes_count, seen.is_liked, seen.version),
        (5, true, 1)
    );
    let mut client = world.client(&people[0]);
    let state = client
        .unlike_comment(UnlikeCommentRequest { id: comment.id })
        .await
        .unwrap()
        .into_inner();
    assert_eq!((state.liked, state.likes_count), (false, 4));
    assert_eq!(world.published("CommentLiked").await, 5);
}

#[tokio::test]
async fn vis_8_likes_of_the_blocked_are_not_counted_for_the_other_side() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.person("ada"),
        world.person("bob"),
        world.person("eve"),
    );
    let post = world.post(&ada, "x").await;
    for who in [&bob, &eve] {
        world.like(who, &post.id).await.unwrap();
    }
    world.block(&bob, &eve).await;
    for (who, count) in [(&ada, 2), (&bob, 1), (&eve, 1)] {
        assert_eq!(world.get(who, &post.id).await.unwrap().likes_count, count);
        assert_eq!(
            world.feed(who, Default::default()).await.unwrap().items[0].likes_count,
            count
        );
    }
}

#[tokio::test]
async fn vis_8_likes_and_comments_of_private_profiles_are_counted_for_their_own_account_only() {
    let world = World::start().await;
    let (ada, eve, bob) = (
        world.person("ada"),
        world.person("eve"),
        world.person("bob"),
    );
    let post = world.post(&ada, "x").await;
    let comment = world.comment(&eve, &post.id, "", "one").await.unwrap();
    world
        .comment(&ada, &post.id, &comment.id, "two")
        .await
        .unwrap();
    world.like(&eve, &post.id).await.unwrap();
    world.connect(&eve, &bob).await;
    for (visibility, seen_by_bob) in [
        (ProfileVisibility::Connections, true),
        (ProfileVisibility::Private, false),
    ] {
        let version = if seen_by_bob { 2 } else { 3 };
        world
            .becomes(ProfileRef {
                visibility: visibility.into(),
                version,
                ..profile(&eve, "eve")
            })
            .await;
        for (who, sees) in [
            (None, false),
            (Some(&ada), false),
            (Some(&bob), seen_by_bob),
            (Some(&eve), true),
        ] {
            let seen = world.get(who, &post.id).await.unwrap();
            // Under a comment that is not shown nothing is shown, and nothing is counted.
            assert_eq!(
                (seen.likes_count, seen.comments_count),
                if sees { (1, 2) } else { (0, 0) },
                "{visibility:?}"
            );
            assert_eq!(world.tree(who, &post.id).await.len(), usize::from(sees));
        }
    }
}
