//! Comments: threads, tombstones, counts, races.

use contracts::feed::v1::*;
use fault::Reason;
use identity::Caller;
use uuid::Uuid;

use crate::world::{World, fields, reason};

/// Everything that is shown of a thread, as `content[replies]`.
fn drawn(comments: &[Comment]) -> String {
    let one = |comment: &Comment| {
        let name = if comment.is_deleted {
            "-"
        } else {
            &comment.content
        };
        if comment.replies.is_empty() {
            name.to_owned()
        } else {
            format!("{name}[{}]", drawn(&comment.replies))
        }
    };
    comments.iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn count(world: &World, who: &Caller, post: &str) -> i32 {
    world.get(who, post).await.unwrap().comments_count
}

#[tokio::test]
async fn fd_13_threads_go_three_levels_deep() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    let one = world.comment(&eve, &post.id, "", "1").await.unwrap();
    let two = world.comment(&ada, &post.id, &one.id, "2").await.unwrap();
    let three = world.comment(&eve, &post.id, &two.id, "3").await.unwrap();
    assert_eq!((one.depth, two.depth, three.depth), (1, 2, 3));
    assert_eq!(
        (one.parent_comment_id, two.parent_comment_id.as_deref()),
        (None, Some(one.id.as_str()))
    );
    assert_eq!(
        fields(world.comment(&eve, &post.id, &three.id, "4").await),
        ["parentCommentId"]
    );
    assert_eq!(drawn(&world.tree(None, &post.id).await), "1[2[3]]");
    assert_eq!(count(&world, &ada, &post.id).await, 3);
    assert_eq!(
        (
            world.published("CommentCreated").await,
            world.published("CommentReplied").await
        ),
        (1, 2)
    );
    let facts = world.last::<CommentReplied>().await.comment.unwrap();
    assert_eq!(
        (facts.parent_author_profile_id, facts.excerpt.as_str()),
        (ada.profile_id.to_string(), "3")
    );
}

#[tokio::test]
async fn d16_a_parent_on_another_post_is_unknown() {
    let world = World::start().await;
    let ada = world.person("ada");
    let (here, there) = (world.post(&ada, "x").await, world.post(&ada, "y").await);
    let foreign = world.comment(&ada, &there.id, "", "1").await.unwrap();
    for parent in [foreign.id.as_str(), &Uuid::now_v7().to_string()] {
        assert_eq!(
            fields(world.comment(&ada, &here.id, parent, "2").await),
            ["parentCommentId"]
        );
    }
    assert_eq!(count(&world, &ada, &here.id).await, 0);
    let forced = format!(
        "insert into feed.comments (post_id, profile_id, account_id, parent_comment_id, depth, content)
         values ('{}', gen_random_uuid(), gen_random_uuid(), '{}', 2, 'x')",
        here.id, foreign.id
    );
    let refused = sea_orm::ConnectionTrait::execute_unprepared(world.rig.owner(), &forced)
        .await
        .unwrap_err();
    assert_eq!(
        store::violated(&refused).as_deref(),
        Some("comments_parent_on_same_post")
    );
}

#[tokio::test]
async fn fd_13_the_tree_shows_three_replies_and_says_how_many_there_are() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let root = world.comment(&ada, &post.id, "", "r").await.unwrap();
    for n in 0..5 {
        world
            .comment(&ada, &post.id, &root.id, &n.to_string())
            .await
            .unwrap();
    }
    let tree = world.tree(None, &post.id).await;
    assert_eq!(
        (drawn(&tree).as_str(), tree[0].replies_count),
        ("r[0 1 2]", 5)
    );

    let mut walked = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(from) = cursor {
        let request = ListRepliesRequest {
            id: root.id.clone(),
            limit: Some(2),
            cursor: Some(from),
            ..Default::default()
        };
        let page = world
            .client(None)
            .list_replies(request)
            .await
            .unwrap()
            .into_inner();
        walked.extend(page.items.into_iter().map(|reply| reply.content));
        cursor = page.pagination.unwrap().next_cursor;
    }
    assert_eq!(walked, ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn lists_of_comments_are_sorted_laid_out_and_counted() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let one = world.comment(&ada, &post.id, "", "1").await.unwrap();
    world.comment(&ada, &post.id, &one.id, "1.1").await.unwrap();
    world.comment(&ada, &post.id, "", "2").await.unwrap();
    world
        .client(&ada)
        .like_comment(LikeCommentRequest { id: one.id.clone() })
        .await
        .unwrap();
    let list = |sort: &str, view: CommentView| ListCommentsRequest {
        id: post.id.clone(),
        sort: sort.into(),
        view: view.into(),
        ..Default::default()
    };
    for (sort, view, want) in [
        ("", CommentView::Unspecified, "2 1[1.1]"),
        ("createdAt", CommentView::Tree, "1[1.1] 2"),
        ("-likesCount", CommentView::Tree, "1[1.1] 2"),
        ("createdAt", CommentView::Flat, "1 1.1 2"),
    ] {
        let page = world.comments(None, list(sort, view)).await.unwrap();
        assert_eq!(drawn(&page.items), want);
    }
    let flat = world
        .comments(None, list("createdAt", CommentView::Flat))
        .await
        .unwrap();
    assert_eq!(
        (flat.pagination.unwrap().total, flat.total_capped),
        (Some(3), false)
    );
    assert_eq!(
        fields(
            world
                .comments(None, list("content", CommentView::Tree))
                .await
        ),
        ["sort"]
    );
}

#[tokio::test]
async fn fd_13_a_deleted_comment_stays_empty_while_it_has_replies_and_goes_with_them() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    let one = world.comment(&eve, &post.id, "", "1").await.unwrap();
    let two = world.comment(&eve, &post.id, &one.id, "2").await.unwrap();
    let three = world.comment(&ada, &post.id, &two.id, "3").await.unwrap();
    world.comment(&ada, &post.id, "", "other").await.unwrap();

    assert_eq!(
        world.uncomment(&eve, &one.id).await.unwrap().comments_count,
        3
    );
    let tree = world.tree(&eve, &post.id).await;
    assert_eq!(drawn(&tree), "-[2[3]] other");
    let author = tree[0].author.clone().unwrap();
    assert_eq!(
        (author.name.as_str(), author.is_deleted, tree[0].is_author),
        ("Deleted user", true, false)
    );
    assert_eq!((tree[0].content.as_str(), tree[0].replies_count), ("", 1));
    assert_eq!(
        fields(world.comment(&eve, &post.id, &one.id, "late").await),
        ["parentCommentId"]
    );
    assert_eq!(
        reason(world.uncomment(&eve, &one.id).await),
        Reason::NotFound
    );

    assert_eq!(
        world.uncomment(&eve, &two.id).await.unwrap().comments_count,
        2
    );
    assert_eq!(drawn(&world.tree(None, &post.id).await), "-[-[3]] other");
    assert_eq!(
        world.tree(None, &post.id).await[0].replies_count,
        0,
        "deleted ones do not count"
    );

    assert_eq!(
        world
            .uncomment(&ada, &three.id)
            .await
            .unwrap()
            .comments_count,
        1
    );
    assert_eq!(drawn(&world.tree(None, &post.id).await), "other");
    assert_eq!(count(&world, &eve, &post.id).await, 1);
    assert_eq!(
        world
            .value::<i64>(
                "select count(*) from feed.comments where content = '2' and status = 'deleted'",
                vec![]
            )
            .await,
        1,
        "kept for audit"
    );
    assert_eq!(world.published("CommentDeleted").await, 3);
}

#[tokio::test]
async fn fd_13_siblings_deleted_at_once_leave_nothing_behind() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let root = world.comment(&ada, &post.id, "", "root").await.unwrap();
    let mut replies = Vec::new();
    for n in 0..12 {
        replies.push(
            world
                .comment(&ada, &post.id, &root.id, &n.to_string())
                .await
                .unwrap(),
        );
    }
    world.uncomment(&ada, &root.id).await.unwrap();
    let deletions = replies.iter().map(|reply| world.uncomment(&ada, &reply.id));
    for gone in futures_util::future::join_all(deletions).await {
        gone.unwrap();
    }
    assert!(world.tree(&ada, &post.id).await.is_empty());
    assert_eq!(count(&world, &ada, &post.id).await, 0);
    assert_eq!(
        world
            .value::<i64>(
                "select count(*) from feed.comments where status <> 'deleted'",
                vec![]
            )
            .await,
        0
    );
    assert_eq!(
        world
            .value::<i64>("select sum(replies) from feed.comment_stats", vec![])
            .await,
        0
    );
}

#[tokio::test]
async fn fd_13_replies_racing_a_deletion_are_never_lost() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    let root = world.comment(&ada, &post.id, "", "root").await.unwrap();
    let replies = (0..10).map(|n| {
        let (world, eve, post, root) = (&world, &eve, &post.id, &root.id);
        async move { world.comment(eve, post, root, &n.to_string()).await }
    });
    let (gone, replies) = tokio::join!(
        world.uncomment(&ada, &root.id),
        futures_util::future::join_all(replies)
    );
    gone.unwrap();
    let written = replies.into_iter().filter(Result::is_ok).count();
    assert_eq!(
        usize::try_from(count(&world, &ada, &post.id).await).unwrap(),
        written
    );
    let flat = ListCommentsRequest {
        id: post.id.clone(),
        view: CommentView::Flat.into(),
        limit: Some(100),
        ..Default::default()
    };
    let shown = world.comments(None, flat).await.unwrap().items;
    assert_eq!(
        shown.iter().filter(|comment| !comment.is_deleted).count(),
        written
    );
}

#[tokio::test]
async fn a_comment_is_changed_by_its_author_and_deleted_by_the_posts_author_too() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.person("ada"),
        world.person("bob"),
        world.person("eve"),
    );
    let post = world.post(&ada, "x").await;
    let comment = world.comment(&bob, &post.id, "", "one").await.unwrap();
    let edit = |content: &str| UpdateCommentRequest {
        id: comment.id.clone(),
        content: content.into(),
    };
    let changed = world
        .client(&bob)
        .update_comment(edit("two"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (changed.content.as_str(), changed.is_edited, changed.version),
        ("two", true, 2)
    );
    assert_eq!(
        world
            .client(&bob)
            .update_comment(edit("two"))
            .await
            .unwrap()
            .into_inner()
            .version,
        2
    );
    assert_eq!(world.published("CommentUpdated").await, 1);

    for who in [&ada, &eve] {
        let refused = world.client(who).update_comment(edit("three")).await;
        assert_eq!(
            reason(refused.map(|reply| reply.into_inner())),
            Reason::Forbidden
        );
    }
    assert_eq!(
        reason(world.uncomment(&eve, &comment.id).await),
        Reason::Forbidden
    );
    assert_eq!(
        world
            .uncomment(&ada, &comment.id)
            .await
            .unwrap()
            .comments_count,
        0
    );
}

#[tokio::test]
async fn n_25_a_comment_has_1_to_1000_characters() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    for content in ["", "  ", &"x".repeat(1001)] {
        assert_eq!(
            fields(world.comment(&ada, &post.id, "", content).await),
            ["content"]
        );
    }
    assert_eq!(count(&world, &ada, &post.id).await, 0);
    let comment = world
        .comment(&ada, &post.id, "", &"é".repeat(1000))
        .await
        .unwrap();
    let edit = UpdateCommentRequest {
        id: comment.id,
        content: "x".repeat(1001),
    };
    assert_eq!(
        fields(
            world
                .client(&ada)
                .update_comment(edit)
                .await
                .map(|reply| reply.into_inner())
        ),
        ["content"]
    );
}

#[tokio::test]
async fn cv_24_one_comments_as_an_own_profile_only() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let second = world.sibling(&ada, "ada.two");
    let post = world.post(&ada, "x").await;
    let as_profile = |id: Uuid| CreateCommentRequest {
        id: post.id.clone(),
        content: "hi".into(),
        parent_comment_id: String::new(),
        profile_id: id.to_string(),
    };
    let comment = world
        .client(&ada)
        .create_comment(as_profile(second.profile_id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(comment.author.unwrap().username.as_deref(), Some("ada.two"));
    let foreign = world
        .client(&ada)
        .create_comment(as_profile(eve.profile_id))
        .await;
    assert_eq!(
        reason(foreign.map(|reply| reply.into_inner())),
        Reason::Forbidden
    );
}
