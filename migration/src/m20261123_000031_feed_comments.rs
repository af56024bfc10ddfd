//! Threads of comments and their counters.

use crate::ddl::{rls, std, touch};
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000031_feed_comments", up, down)
}

fn up() -> String {
    let std = std();
    let tables = format!(
        "create type feed.comment_status as enum ('live', 'tombstone', 'deleted');
         create table feed.comments (
           {std},
           post_id uuid not null references feed.posts on delete cascade,
           profile_id uuid,
           account_id uuid,
           parent_comment_id uuid,
           depth smallint not null check (depth between 1 and 3),
           content text not null check (char_length(content) <= 1000),
           status feed.comment_status not null default 'live',
           edited_at timestamptz,
           deleted_at timestamptz,
           unique (post_id, id),
           constraint comments_parent_on_same_post foreign key (post_id, parent_comment_id) references feed.comments (post_id, id),
           constraint comments_depth_has_parent check ((depth = 1) = (parent_comment_id is null)),
           constraint comments_live_has_author check (status <> 'live' or profile_id is not null and account_id is not null),
           constraint comments_deleted_has_time check ((status = 'live') = (deleted_at is null))
         );
         create index comments_thread on feed.comments (post_id, parent_comment_id, created_at, id);
         create index comments_flat on feed.comments (post_id, created_at, id) where status <> 'deleted';
         create index comments_author on feed.comments (profile_id, created_at desc);
         create table feed.comment_stats (
           comment_id uuid primary key references feed.comments on delete cascade,
           likes integer not null default 0 check (likes >= 0),
           replies integer not null default 0 check (replies >= 0)
         );\n"
    );
    let security = ["comments", "comment_stats"].map(|table| rls("feed", table, "sf_feed", None));
    [tables, touch("feed", "comments"), security.concat()].concat()
}

fn down() -> String {
    "drop table feed.comment_stats, feed.comments;
     drop type feed.comment_status;\n"
        .to_owned()
}
