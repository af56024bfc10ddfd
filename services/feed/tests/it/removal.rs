//! What the deletion of a profile or an account leaves (PJ-4, FD-14).

use contracts::auth::v1::AccountDeleted;
use contracts::feed::v1::LikeCommentRequest;
use contracts::profile::v1::{ProfileDeleted, ProfileRef, ProfileState};
use events::Event;
use fault::Reason;
use feed::Config;
use identity::Caller;

use crate::replica::Replica;
use crate::world::{World, profile, reason};

/// A post of Ada's that Eve likes and comments, a reply by Ada, a like of it by Eve, and a post of Eve's that Ada likes.
async fn scene(world: &World, ada: &Caller, eve: &Caller) -> (String, String) {
    let (post, other) = (
        world.post(ada, "of ada").await.id,
        world.post(eve, "of eve, secret").await.id,
    );
    world.like(eve, &post).await.unwrap();
    world.like(ada, &other).await.unwrap();
    let comment = world.comment(eve, &post, "", "words of eve").await.unwrap();
    world
        .comment(eve, &post, "", "more words of eve")
        .await
        .unwrap();
    let reply = world
        .comment(ada, &post, &comment.id, "reply")
        .await
        .unwrap();
    world
        .client(eve)
        .like_comment(LikeCommentRequest { id: reply.id })
        .await
        .unwrap();
    (post, other)
}

/// What everybody else sees afterwards, and that the counters are right.
async fn check(world: &World, ada: &Caller, post: &str, other: &str) {
    assert_eq!(reason(world.get(ada, other).await), Reason::NotFound);
    assert_eq!(world.shown(ada).await, [post.to_owned()]);
    let seen = world.get(ada, post).await.unwrap();
    assert_eq!((seen.likes_count, seen.comments_count), (0, 1));
    let tree = world.tree(ada, post).await;
    assert_eq!(
        (tree.len(), tree[0].is_deleted, tree[0].content.as_str()),
        (1, true, "")
    );
    assert_eq!(tree[0].author.as_ref().unwrap().name, "Deleted user");
    assert_eq!(
        (
            tree[0].replies[0].content.as_str(),
            tree[0].replies[0].likes_count
        ),
        ("reply", 0)
    );
    let drift = "select count(*) from feed.post_stats s
      cross join lateral (select coalesce(sum(l.likes), 0) as likes, coalesce(sum(l.guarded_likes), 0) as guarded, coalesce(sum(l.comments), 0) as comments
        from feed.post_stats_late l where l.post_id = s.post_id) late
      where s.likes + late.likes <> (select count(*) from feed.likes l where l.post_id = s.post_id)
      or s.guarded_likes + late.guarded <> (select count(*) from feed.likes l where l.post_id = s.post_id and l.is_guarded)
      or s.comments + late.comments <> (select count(*) from feed.comments c where c.post_id = s.post_id and c.status = 'live')";
    assert_eq!(world.value::<i64>(drift, vec![]).await, 0);
    let drift = "select count(*) from feed.comment_stats s where likes <> (select count(*) from feed.likes l where l.comment_id = s.comment_id)
      or replies <> (select count(*) from feed.comments c where c.parent_comment_id = s.comment_id and c.status = 'live')";
    assert_eq!(world.value::<i64>(drift, vec![]).await, 0);
}

#[tokio::test]
async fn pj_4_a_deleted_profile_leaves_empty_comments_and_right_counters() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let second = world.sibling(&eve, "eve.two");
    let kept = world.post(&second, "of the other profile").await;
    let (post, other) = scene(&world, &ada, &eve).await;
    let gone = ProfileRef {
        state: ProfileState::Deleted.into(),
        version: 2,
        ..profile(&eve, "eve")
    };
    let event = ProfileDeleted {
        profile: Some(gone),
        new_primary_id: second.profile_id.to_string(),
    };
    world
        .rig
        .emit("profile", Event::of(eve.profile_id, 2, &event))
        .await;
    world
        .wait_for(
            "select count(*) from feed.profile_ref where state = 'deleted'",
            1,
        )
        .await;

    assert!(world.get(&ada, &kept.id).await.is_ok());
    world.delete(&second, &kept.id).await.unwrap();
    check(&world, &ada, &post, &other).await;
    assert_eq!(
        reason(world.get(&second, &other).await),
        Reason::NotFound,
        "not even for its own account"
    );
    assert_eq!(world.published("CommentDeleted").await, 2);
    assert_eq!(
        reason(world.create(&eve, crate::world::general("x")).await),
        Reason::Forbidden
    );
}

#[tokio::test]
async fn i_21_a_deleted_account_leaves_no_text() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (post, other) = scene(&world, &ada, &eve).await;
    let event = AccountDeleted {
        account_id: eve.account_id.to_string(),
        version: 2,
    };
    world
        .rig
        .emit("auth", Event::of(eve.account_id, 2, &event))
        .await;
    world
        .wait_for(
            "select count(*) from feed.account_ref where state = 'deleted'",
            1,
        )
        .await;

    check(&world, &ada, &post, &other).await;
    let text = "select (select count(*) from feed.posts where content like '%eve%') + (select count(*) from feed.comments where content like '%eve%')";
    assert_eq!(world.value::<i64>(text, vec![]).await, 0);
    let named = format!(
        "select count(*) from feed.comments where profile_id = '{0}' or account_id = '{1}'",
        eve.profile_id, eve.account_id
    );
    assert_eq!(world.value::<i64>(&named, vec![]).await, 0);
    assert_eq!(
        world
            .value::<i64>(
                "select count(*) from feed.likes where account_id <> $1",
                vec![ada.account_id.into()]
            )
            .await,
        0
    );
}

#[tokio::test]
async fn eb_4_an_event_delivered_twice_has_its_effect_once() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (post, other) = scene(&world, &ada, &eve).await;
    let event = AccountDeleted {
        account_id: eve.account_id.to_string(),
        version: 2,
    };
    let envelope = Event::of(eve.account_id, 2, &event).into_envelope(&world.context(None));
    for _ in 0..3 {
        world.rig.deliver("auth", &envelope).await;
    }
    world
        .wait_for(
            "select count(*) from feed.account_ref where state = 'deleted'",
            1,
        )
        .await;
    // Something later in the same stream shows that the repeats were read.
    let last = AccountDeleted {
        account_id: ada.session_id.to_string(),
        version: 1,
    };
    world
        .rig
        .emit("auth", Event::of(ada.session_id, 1, &last))
        .await;
    world
        .wait_for(
            "select count(*) from feed.account_ref where state = 'deleted'",
            2,
        )
        .await;
    check(&world, &ada, &post, &other).await;
    assert_eq!(world.published("CommentDeleted").await, 2);
}

#[tokio::test]
async fn d_5_what_is_left_of_who_is_gone_is_swept_whatever_became_of_the_event() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (post, other) = scene(&world, &ada, &eve).await;
    world.connect(&ada, &eve).await;
    // As a comparison with the owner leaves it.
    let gone = format!(
        "update feed.profile_ref set state = 'deleted', version = 2 where profile_id = '{}'",
        eve.profile_id
    );
    world.run(&gone).await;
    // A sweep that meets another leaves it at that, so each starts when none is going on.
    let idle =
        "select count(*) from feed.job_runs where job = 'feed.leftovers' and locked_until <= now()";
    world.wait_for(idle, 1).await;
    let sweeper = Replica::start(world.rig.config().clone(), Config::default()).await;
    let ended = "select count(*) from feed.connection_ref where removed_at is not null";
    world.wait_for(ended, 1).await;
    sweeper.stop.begin();
    check(&world, &ada, &post, &other).await;
    assert_eq!(world.published("CommentDeleted").await, 2);
    let text = "select count(*) from feed.posts where content like '%eve%'";
    assert_eq!(
        world.value::<i64>(text, vec![]).await,
        1,
        "only the profile is gone"
    );
    let gone = format!(
        "insert into feed.account_ref (account_id, state, version) values ('{}', 'deleted', 2)",
        eve.account_id
    );
    world.run(&gone).await;
    world.wait_for(idle, 1).await;
    let sweeper = Replica::start(world.rig.config().clone(), Config::default()).await;
    world.wait_for(text, 0).await;
    sweeper.stop.begin();
}
