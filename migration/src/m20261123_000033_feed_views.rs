//! Views of posts: one row a viewer, post and UTC day, and their number beside the other counters (FD-19, N-34).

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000033_feed_views", up, down)
}

/// No foreign key: the rows of an erased post say nothing and go with the purge.
fn up() -> String {
    let table = "alter table feed.post_stats add column views integer not null default 0 check (views >= 0);
         create table feed.post_views (
           post_id uuid not null,
           viewer_key bytea not null check (octet_length(viewer_key) = 32),
           day date not null,
           primary key (post_id, viewer_key, day)
         );
         create index post_views_day on feed.post_views (day);\n";
    [table.to_owned(), rls("feed", "post_views", "sf_feed", None)].concat()
}

fn down() -> String {
    "drop table feed.post_views;
     alter table feed.post_stats drop column views;\n"
        .to_owned()
}
