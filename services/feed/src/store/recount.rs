//! Counters compared with the rows they count (D12). Both are read by one statement, and whatever changes one changes the other
//! in the same transaction: what differs is drift, whatever happens meanwhile.

use fault::{Fault, Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::engagement::Thing;
use super::{column, row};

/// What one look found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recount {
    /// How many things had wrong counters, which are right now.
    pub(crate) mended: u64,
    /// The last thing looked at, unless there is none after it.
    pub(crate) last: Option<Uuid>,
}

/// Nobody is waited for (D14): what is missing is written down for whoever holds the counter next.
const POSTS: &str = "with page as materialized (
       select s.* from post_stats s where s.post_id > $1 order by s.post_id limit $2),
     drift as materialized (
       select page.post_id, l.likes - page.likes - late.likes as likes,
         l.guarded_likes - page.guarded_likes - late.guarded_likes as guarded_likes,
         c.comments - page.comments - late.comments as comments
       from page
       cross join lateral (select count(*)::int as likes, (count(*) filter (where l.is_guarded))::int as guarded_likes
         from likes l where l.post_id = page.post_id) l
       cross join lateral (select count(*)::int as comments
         from comments c where c.post_id = page.post_id and c.status = 'live') c
       cross join lateral (select coalesce(sum(w.likes), 0)::int as likes,
           coalesce(sum(w.guarded_likes), 0)::int as guarded_likes, coalesce(sum(w.comments), 0)::int as comments
         from post_stats_late w where w.post_id = page.post_id) late),
     mended as (insert into post_stats_late (post_id, likes, guarded_likes, comments)
       select d.* from drift d where (d.likes, d.guarded_likes, d.comments) <> (0, 0, 0) returning post_id)
     select (select count(*) from page) as looked_at, (select count(*) from mended) as mended,
       (select page.post_id from page order by page.post_id desc limit 1) as last";

/// The counters are held in the order of their ids (D14).
const COMMENTS: &str = "with page as materialized (
       select s.*, t.post_id from comment_stats s join comments t on t.id = s.comment_id
       where s.comment_id > $1 order by s.comment_id limit $2),
     drift as materialized (
       select page.comment_id, l.likes - page.likes as likes, c.replies - page.replies as replies
       from page
       cross join lateral (select count(*)::int as likes from likes l where l.comment_id = page.comment_id) l
       cross join lateral (select count(*)::int as replies from comments c
         where c.post_id = page.post_id and c.parent_comment_id = page.comment_id and c.status = 'live') c),
     held as materialized (select s.comment_id, d.likes, d.replies from comment_stats s join drift d on d.comment_id = s.comment_id
       where (d.likes, d.replies) <> (0, 0) order by s.comment_id for update of s),
     mended as (update comment_stats s set likes = s.likes + h.likes, replies = s.replies + h.replies
       from held h where s.comment_id = h.comment_id returning s.comment_id)
     select (select count(*) from page) as looked_at, (select count(*) from mended) as mended,
       (select page.comment_id from page order by page.comment_id desc limit 1) as last";

/// Puts the counters of the things after this one right, of so many at most.
pub(crate) async fn page(
    on: &impl ConnectionTrait,
    thing: Thing,
    after: Uuid,
    at_most: i64,
) -> Result<Recount> {
    let sql = match thing {
        Thing::Post => POSTS,
        Thing::Comment => COMMENTS,
    };
    let found = row(on, sql, vec![after.into(), at_most.into()]).await?;
    let found = found.ok_or_else(|| Fault::internal("a recount says nothing"))?;
    let mended: i64 = column(&found, "mended")?;
    let looked_at: i64 = column(&found, "looked_at")?;
    let last: Option<Uuid> = column(&found, "last")?;
    Ok(Recount {
        mended: mended.unsigned_abs(),
        last: last.filter(|_| looked_at == at_most),
    })
}
