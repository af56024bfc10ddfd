//! Likes of posts and comments, with two real foreign keys (D10).

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000032_feed_likes", up, down)
}

fn up() -> String {
    let table = "create type feed.likeable_type as enum ('post', 'comment');
         create table feed.likes (
           id uuid primary key default gen_random_uuid(),
           profile_id uuid not null,
           account_id uuid not null,
           likeable_type feed.likeable_type not null,
           post_id uuid references feed.posts on delete cascade,
           comment_id uuid references feed.comments on delete cascade,
           created_at timestamptz not null default now(),
           constraint likes_one_thing check (
             (likeable_type = 'post') = (post_id is not null) and (likeable_type = 'comment') = (comment_id is not null)),
           constraint likes_once_a_post unique (profile_id, post_id),
           constraint likes_once_a_comment unique (profile_id, comment_id)
         );
         create index likes_post on feed.likes (post_id);
         create index likes_comment on feed.likes (comment_id);
         create index likes_recent on feed.likes (profile_id, created_at desc);\n";
    [table.to_owned(), rls("feed", "likes", "sf_feed", None)].concat()
}

fn down() -> String {
    "drop table feed.likes;
     drop type feed.likeable_type;\n"
        .to_owned()
}
