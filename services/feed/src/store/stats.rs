//! The counters, in tables of their own (D13). A transaction touches them last, first those of comments, then those of posts,
//! each in the order of their ids (D14).
//!
//! Nobody waits for the counter of a post that many like at once (T56): who finds it held writes down what is to be counted
//! (`post_stats_late`), and whoever holds it next adds that. So the count is the counter and what waits for it, and only who
//! holds a counter takes away what waits for it.
//!
//! Likes of posts are counted twice: all, and those of guarded profiles ([`guard`](super::guard)).

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{all, rows, run};

/// Counters brought up to date at once.
const BATCH: i64 = 100;

/// Which counter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    /// Live comments on a post.
    PostComments,
    /// Likes of a comment.
    CommentLikes,
    /// Live direct replies to a comment.
    CommentReplies,
}

/// Holds the counters of the post `$1`, unless somebody else does: the common table `held`.
const HELD: &str = "held as materialized (select post_id from post_stats where post_id = $1 for no key update skip locked)";

/// Takes away what waits for the counters of posts that are `held`: the common tables `gone` and `late`.
const LATE: &str = "gone as (delete from post_stats_late l using held h where l.post_id = h.post_id
      returning l.post_id, l.likes, l.guarded_likes, l.comments),
    late as materialized (select post_id, sum(likes)::int as likes, sum(guarded_likes)::int as guarded_likes,
      sum(comments)::int as comments from gone group by post_id)";

/// What is added to the counters of a post, SQL.
struct Added<'a> {
    likes: &'a str,
    guarded_likes: &'a str,
    comments: &'a str,
}

impl Added<'_> {
    const NOTHING: Self = Self {
        likes: "0",
        guarded_likes: "0",
        comments: "0",
    };
}

impl Counter {
    /// Adds to the counter of one thing.
    pub(crate) async fn add(self, on: &impl ConnectionTrait, id: Uuid, amount: i32) -> Result<()> {
        let sql = match self {
            Self::PostComments => of_post(&Added {
                comments: "$2::int",
                ..Added::NOTHING
            }),
            Self::CommentLikes => of_comment("likes"),
            Self::CommentReplies => of_comment("replies"),
        };
        run(on, sql, vec![id.into(), amount.into()]).await.map(drop)
    }

    /// Takes one from the counter of a thing for every time it is named.
    pub(crate) async fn take(self, on: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = match self {
            Self::PostComments => from_posts(
                "select id, count(*)::int as times from unnest($1::uuid[]) as id group by id",
                &Added {
                    comments: "-h.times",
                    ..Added::NOTHING
                },
            ),
            Self::CommentLikes => from_comments("likes"),
            Self::CommentReplies => from_comments("replies"),
        };
        run(on, sql, vec![ids.into()]).await.map(drop)
    }
}

/// Takes likes from the counters of posts: of each the post, and whether it was a guarded profile's.
pub(crate) async fn take_likes(on: &impl ConnectionTrait, gone: &[(Uuid, bool)]) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let (posts, guarded): (Vec<Uuid>, Vec<bool>) = gone.iter().copied().unzip();
    let sql = from_posts(
        "select id, count(*)::int as times, (count(*) filter (where is_guarded))::int as guarded
         from unnest($1::uuid[], $2::bool[]) as gone(id, is_guarded) group by id",
        &Added {
            likes: "-h.times",
            guarded_likes: "-h.guarded",
            ..Added::NOTHING
        },
    );
    run(on, sql, vec![posts.into(), guarded.into()])
        .await
        .map(drop)
}

/// Brings counters up to date for which something waits; those somebody holds are left to them.
pub(crate) async fn fold(on: &impl ConnectionTrait) -> Result<()> {
    let waiting = format!("select post_id from post_stats_late group by post_id limit {BATCH}");
    let waiting: Vec<Uuid> = all(&rows(on, waiting, Vec::new()).await?, "post_id")?;
    for post in waiting {
        let sql = format!("with {HELD}, {LATE} {}", count(&Added::NOTHING));
        run(on, sql, vec![post.into()]).await?;
    }
    Ok(())
}

/// Common tables that count what is in the common table `changed`: a like of a post that was stored (`sign` is `+`) or
/// removed (`-`), if any. The statement they are part of does nothing after them that waits (D14).
pub(super) fn changed(post: &str, sign: &str) -> String {
    let likes = format!("{sign}(select count(*) from changed)::int");
    let guarded_likes = format!("{sign}(select count(*) from changed where is_guarded)::int");
    let added = Added {
        likes: &likes,
        guarded_likes: &guarded_likes,
        ..Added::NOTHING
    };
    let count = count(&added);
    let held = format!(
        "select post_id from post_stats where post_id = {post} and exists (select from changed) for no key update skip locked"
    );
    let wait = wait(post, &added);
    format!(
        "held as materialized ({held}), {LATE}, counted as ({count}),
           waiting as ({wait} and exists (select from changed))"
    )
}

/// Adds this to the counters of the posts that are `held`, and what waits for them.
fn count(added: &Added<'_>) -> String {
    let Added {
        likes,
        guarded_likes,
        comments,
    } = added;
    format!(
        "update post_stats s set likes = s.likes + coalesce(late.likes, 0) + {likes},
           guarded_likes = s.guarded_likes + coalesce(late.guarded_likes, 0) + {guarded_likes},
           comments = s.comments + coalesce(late.comments, 0) + {comments}
         from held h left join late on late.post_id = h.post_id where s.post_id = h.post_id"
    )
}

/// Writes this down for whoever holds the counters of the post next, if they are not `held`.
fn wait(post: &str, added: &Added<'_>) -> String {
    let Added {
        likes,
        guarded_likes,
        comments,
    } = added;
    format!(
        "insert into post_stats_late (post_id, likes, guarded_likes, comments)
         select {post}, {likes}, {guarded_likes}, {comments} where not exists (select from held)"
    )
}

fn of_post(added: &Added<'_>) -> String {
    let (count, wait) = (count(added), wait("$1", added));
    format!("with {HELD}, {LATE}, counted as ({count}) {wait}")
}

fn of_comment(column: &str) -> String {
    format!("update comment_stats set {column} = {column} + $2 where comment_id = $1")
}

/// Adds this to the counters of the posts that `wanted` selects by `id`, the table `h` beside what else it selects.
fn from_posts(wanted: &str, added: &Added<'_>) -> String {
    let count = count(added);
    format!(
        "with wanted as ({wanted}),
           held as materialized (select s.post_id, w.* from post_stats s join wanted w on w.id = s.post_id
             order by s.post_id for update of s), {LATE}
         {count}"
    )
}

fn from_comments(column: &str) -> String {
    format!(
        "with wanted as (select id, count(*)::int as times from unnest($1::uuid[]) as id group by id),
           held as (select s.comment_id, w.times from comment_stats s join wanted w on w.id = s.comment_id
             order by s.comment_id for update of s)
         update comment_stats s set {column} = s.{column} - h.times from held h where s.comment_id = h.comment_id"
    )
}
