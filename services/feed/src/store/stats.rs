//! The counters, in tables of their own (D13). A transaction touches them last, first those of comments, then those of posts,
//! each in the order of their ids (D14).
//!
//! Nobody waits for the counter of a post that many like at once (T56): who finds it held writes down what is to be counted
//! (`post_stats_late`), and whoever holds it next adds that. So the count is the counter and what waits for it, and only who
//! holds a counter takes away what waits for it.

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{all, rows, run};

/// Counters brought up to date at once.
const BATCH: i64 = 100;

/// Which counter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    /// Likes of a post.
    PostLikes,
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
      returning l.post_id, l.likes, l.comments),
    late as materialized (select post_id, sum(likes)::int as likes, sum(comments)::int as comments from gone group by post_id)";

impl Counter {
    /// Adds to the counter of one thing.
    pub(crate) async fn add(self, on: &impl ConnectionTrait, id: Uuid, amount: i32) -> Result<()> {
        let sql = match self {
            Self::PostLikes => of_post("$2::int", "0"),
            Self::PostComments => of_post("0", "$2::int"),
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
            Self::PostLikes => from_posts("-h.times", "0"),
            Self::PostComments => from_posts("0", "-h.times"),
            Self::CommentLikes => from_comments("likes"),
            Self::CommentReplies => from_comments("replies"),
        };
        run(on, sql, vec![ids.into()]).await.map(drop)
    }
}

/// Brings counters up to date for which something waits; those somebody holds are left to them.
pub(crate) async fn fold(on: &impl ConnectionTrait) -> Result<()> {
    let waiting = format!("select post_id from post_stats_late group by post_id limit {BATCH}");
    let waiting: Vec<Uuid> = all(&rows(on, waiting, Vec::new()).await?, "post_id")?;
    for post in waiting {
        let sql = format!("with {HELD}, {LATE} {}", count("0", "0"));
        run(on, sql, vec![post.into()]).await?;
    }
    Ok(())
}

/// Common tables that count one like of a post if a condition holds, as [`Counter::add`] does. The statement they are
/// part of does nothing after them that waits (D14).
pub(super) fn liked(post: &str, condition: &str) -> String {
    let count = count("1", "0");
    format!(
        "held as materialized (select post_id from post_stats where post_id = {post} and {condition}
             for no key update skip locked),
           {LATE}, counted as ({count}),
           waiting as (insert into post_stats_late (post_id, likes, comments)
             select {post}, 1, 0 where {condition} and not exists (select from held))"
    )
}

/// Adds to the counters of the posts that are `held` what waits for them, and this.
fn count(likes: &str, comments: &str) -> String {
    format!(
        "update post_stats s set likes = s.likes + coalesce(late.likes, 0) + {likes},
           comments = s.comments + coalesce(late.comments, 0) + {comments}
         from held h left join late on late.post_id = h.post_id where s.post_id = h.post_id"
    )
}

fn of_post(likes: &str, comments: &str) -> String {
    let count = count(likes, comments);
    format!(
        "with {HELD}, {LATE}, counted as ({count})
         insert into post_stats_late (post_id, likes, comments) select $1, {likes}, {comments} where not exists (select from held)"
    )
}

fn of_comment(column: &str) -> String {
    format!("update comment_stats set {column} = {column} + $2 where comment_id = $1")
}

fn from_posts(likes: &str, comments: &str) -> String {
    let count = count(likes, comments);
    format!(
        "with wanted as (select id, count(*)::int as times from unnest($1::uuid[]) as id group by id),
           held as materialized (select s.post_id, w.times from post_stats s join wanted w on w.id = s.post_id
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
