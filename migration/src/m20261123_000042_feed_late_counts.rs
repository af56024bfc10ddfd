//! What was counted while somebody else held the counter of the same post (D14, T56).

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000042_feed_late_counts", up, down)
}

/// Rows live for a moment: whoever counts next, or looks for them, adds them to the counter. No foreign key: it would lock
/// the row that everybody counts at.
fn up() -> String {
    let table = "create table feed.post_stats_late (
           post_id uuid not null,
           likes integer not null default 0,
           comments integer not null default 0
         );
         create index post_stats_late_post on feed.post_stats_late (post_id);\n";
    [
        table.to_owned(),
        rls("feed", "post_stats_late", "sf_feed", None),
    ]
    .concat()
}

/// Counts nothing twice and loses nothing: what waits is added before the table goes.
fn down() -> String {
    "update feed.post_stats s set likes = s.likes + l.likes, comments = s.comments + l.comments
       from (select post_id, sum(likes)::int as likes, sum(comments)::int as comments from feed.post_stats_late group by post_id) l
       where s.post_id = l.post_id;
     drop table feed.post_stats_late;\n"
        .to_owned()
}
