//! Connections that are cut in the middle of what they do: what was acknowledged is stored, and a retried keyed request
//! has one effect (I-7, I-8, T42, ID-2).

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::feed::v1::{Comment, CreateCommentRequest, Post};
use fault::{Fault, Reason};
use futures_util::future::join_all;
use identity::Caller;
use testkit::keyed;
use tonic::{Response, Status};

use crate::world::{World, general};

/// People who write at the same time.
const WRITERS: usize = 6;
/// Statements and transactions cut in all.
const CUTS: usize = 24;

/// What one writer was told.
#[derive(Default)]
struct Acknowledged {
    posts: Vec<Post>,
    comments: Vec<Comment>,
    refused: usize,
}

/// Sends a keyed request until it is answered well; counts how often it was not.
async fn until_acknowledged<T, F>(world: &World, key: &str, refused: &mut usize, call: F) -> T
where
    F: AsyncFn() -> Result<Response<T>, Status>,
{
    loop {
        match call().await {
            Ok(reply) => return reply.into_inner(),
            Err(status) => {
                let reason = Fault::from(status).reason();
                assert!(
                    matches!(
                        reason,
                        Reason::ServiceUnavailable | Reason::IdempotencyInProgress
                    ),
                    "{key}: {reason:?}"
                );
                *refused += 1;
            }
        }
        // A claim that could not be released counts as dead some seconds later; here at once.
        let age = format!(
            "update feed.idempotency_keys set created_at = created_at - interval '1 minute'
             where key = '{key}' and state = 'claimed'"
        );
        world.run(&age).await;
    }
}

/// Writes posts and comments under keys until enough was cut.
async fn write(
    world: &World,
    who: &Caller,
    nth: usize,
    hot: &str,
    cuts: &AtomicUsize,
) -> Acknowledged {
    let mut told = Acknowledged::default();
    let mut round = 0;
    while cuts.load(Ordering::SeqCst) < CUTS {
        round += 1;
        let text = format!("writer {nth}, round {round}");
        let key = format!("post-{nth}-{round}");
        let post = until_acknowledged(world, &key, &mut told.refused, async || {
            let request = keyed(&key, general(&text));
            world.client(who).create_post(request).await
        });
        told.posts.push(post.await);
        let key = format!("comment-{nth}-{round}");
        let comment = until_acknowledged(world, &key, &mut told.refused, async || {
            let request = CreateCommentRequest {
                id: hot.to_owned(),
                content: text.clone(),
                ..CreateCommentRequest::default()
            };
            world.client(who).create_comment(keyed(&key, request)).await
        });
        told.comments.push(comment.await);
    }
    told
}

/// Ends connections of the service that are at work, one after the other.
async fn cut(world: &World, cuts: &AtomicUsize) {
    let cut = "select count(pg_terminate_backend(pid)) from (
        select pid from pg_stat_activity where datname = current_database() and usename = 'sf_feed'
          and state <> 'idle' and query !~ 'outbox where published_at' order by random() limit 1) busy";
    while cuts.load(Ordering::SeqCst) < CUTS {
        let ended: i64 = world.value(cut, vec![]).await;
        cuts.fetch_add(usize::try_from(ended).unwrap(), Ordering::SeqCst);
        world.run("select pg_sleep(random() * 0.03)").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i_8_connections_cut_in_mid_work_lose_nothing_acknowledged_and_repeat_no_keyed_request() {
    let world = World::start().await;
    let people: Vec<Caller> = (0..WRITERS)
        .map(|nth| world.person(&format!("writer.{nth}")))
        .collect();
    let hot = world.post(&people[0], "hot").await.id;
    let cuts = AtomicUsize::new(0);
    let writers = people.iter().enumerate();
    let writers = join_all(writers.map(|(nth, who)| write(&world, who, nth, &hot, &cuts)));
    let (told, ()) = tokio::join!(writers, cut(&world, &cuts));

    let refused: usize = told.iter().map(|told| told.refused).sum();
    assert!(refused > 0, "no call was hit by {CUTS} cuts");
    let posts: HashSet<&str> = told.iter().flat_map(|t| &t.posts).map(|p| &*p.id).collect();
    let comments: HashSet<&str> = told
        .iter()
        .flat_map(|t| &t.comments)
        .map(|c| &*c.id)
        .collect();
    let (posts, comments) = (numbers(&posts), numbers(&comments));
    for (sql, expected) in [
        (
            "select count(*) from feed.posts where content <> 'hot'",
            posts,
        ),
        (
            "select count(distinct content) from feed.posts where content <> 'hot'",
            posts,
        ),
        ("select count(*) from feed.comments", comments),
        (
            "select count(distinct content) from feed.comments",
            comments,
        ),
        (
            "select (select sum(comments) from feed.post_stats)::bigint + (select coalesce(sum(comments), 0) from feed.post_stats_late)::bigint",
            comments,
        ),
        (
            "select count(*) from feed.outbox where type like '%PostCreated'",
            posts + 1,
        ),
        (
            "select count(*) from feed.outbox where type like '%CommentCreated'",
            comments,
        ),
        (
            "select count(*) from feed.idempotency_keys where state = 'claimed'",
            0,
        ),
    ] {
        assert_eq!(world.value::<i64>(sql, vec![]).await, expected, "{sql}");
    }
    // What was acknowledged is what a repeat is told.
    for (who, told) in people.iter().zip(&told) {
        for post in &told.posts {
            assert_eq!(
                world.get(who, &post.id).await.unwrap().content,
                post.content
            );
        }
    }
}

fn numbers(ids: &HashSet<&str>) -> i64 {
    i64::try_from(ids.len()).unwrap()
}
