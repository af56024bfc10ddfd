//! The counters, in tables of their own (D13). A transaction touches them last, so that a viral post's row is held
//! for the commit only (D14): first those of comments, then those of posts, each in the order of their ids.

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::run;

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

impl Counter {
    /// Table, its key and the column.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::PostLikes => ("post_stats", "post_id", "likes"),
            Self::PostComments => ("post_stats", "post_id", "comments"),
            Self::CommentLikes => ("comment_stats", "comment_id", "likes"),
            Self::CommentReplies => ("comment_stats", "comment_id", "replies"),
        }
    }

    /// Adds to the counter of one thing.
    pub(crate) async fn add(self, on: &impl ConnectionTrait, id: Uuid, amount: i32) -> Result<()> {
        let (table, key, column) = self.place();
        let sql = format!("update {table} set {column} = {column} + $2 where {key} = $1");
        run(on, sql, vec![id.into(), amount.into()]).await.map(drop)
    }

    /// Takes one from the counter of a thing for every time it is named.
    pub(crate) async fn take(self, on: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let (table, key, column) = self.place();
        let sql = format!(
            "with wanted as (select id, count(*)::int as times from unnest($1::uuid[]) as id group by id),
               held as (select s.{key}, w.times from {table} s join wanted w on w.id = s.{key} order by s.{key} for update of s)
             update {table} s set {column} = s.{column} - h.times from held h where s.{key} = h.{key}"
        );
        run(on, sql, vec![ids.into()]).await.map(drop)
    }
}
