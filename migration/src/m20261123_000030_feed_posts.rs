//! Posts, their counters and the names blog posts had before.

use crate::ddl::{rls, std, touch};
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000030_feed_posts", up, down)
}

/// What the feed lists; indexes and queries say it in the same words.
const LIVE: &str = "status = 'published' and deleted_at is null";

fn up() -> String {
    let types = "create type feed.post_type as enum ('general', 'opportunity', 'project', 'marketplace', 'event', 'blog', 'update');
         create type feed.post_visibility as enum ('public', 'connections', 'targeted', 'private', 'group');
         create type feed.post_status as enum ('draft', 'scheduled', 'published', 'hidden', 'archived');
         create type feed.body_format as enum ('plain', 'markdown');\n";
    [
        types.to_owned(),
        posts(),
        indexes(),
        small_tables(),
        security(),
    ]
    .concat()
}

fn posts() -> String {
    let std = std();
    format!(
        "create table feed.posts (
           {std},
           profile_id uuid not null,
           account_id uuid not null,
           post_type feed.post_type not null,
           title varchar(500),
           content text not null check (char_length(content) <= 100000),
           body_format feed.body_format not null default 'plain',
           image_url text check (char_length(image_url) <= 2048),
           metadata json not null default '{{}}' check (json_typeof(metadata) = 'object'),
           tags text[] not null default '{{}}' check (cardinality(tags) <= 10),
           visibility feed.post_visibility not null default 'public',
           target_profile_types text[] not null default '{{}}' check (target_profile_types <@ array['innovator', 'mentor',
             'investor', 'academic_student', 'academic_institution', 'organization', 'professional', 'industry_expert']),
           target_tags text[] not null default '{{}}' check (cardinality(target_tags) <= 10),
           group_id uuid,
           status feed.post_status not null,
           is_published boolean not null generated always as (status = 'published') stored,
           published_at timestamptz,
           publish_at timestamptz,
           slug varchar(100),
           category varchar(100),
           excerpt varchar(200),
           mentions uuid[] not null default '{{}}' check (cardinality(mentions) <= 20),
           is_featured boolean not null default false,
           edited_at timestamptz,
           deleted_at timestamptz,
           search text not null generated always as (app.fold(coalesce(title, '') || E'\\n' || content)) stored,
           constraint posts_published_has_time check (status <> 'published' or published_at is not null),
           constraint posts_scheduled_has_time check ((status = 'scheduled') = (publish_at is not null)),
           constraint posts_group_is_group check ((visibility = 'group') = (group_id is not null)),
           constraint posts_deleted_is_archived check ((status = 'archived') = (deleted_at is not null)),
           constraint posts_blog_has_name check (post_type = 'blog' and slug is not null or post_type <> 'blog' and slug is null),
           constraint posts_blog_has_title check (post_type <> 'blog' or title is not null or deleted_at is not null)
         );\n{}",
        touch("feed", "posts")
    )
}

fn indexes() -> String {
    format!(
        "create index posts_live on feed.posts (published_at desc, id desc) where {LIVE};
         create index posts_author on feed.posts (profile_id, published_at desc);
         create index posts_type on feed.posts (post_type, published_at desc) where {LIVE};
         create index posts_group on feed.posts (group_id, published_at desc) where group_id is not null;
         create index posts_due on feed.posts (publish_at) where status = 'scheduled';
         create index posts_tags on feed.posts using gin (tags);
         create unique index posts_slug on feed.posts (slug) where post_type = 'blog' and deleted_at is null;
         create index profile_ref_username on feed.profile_ref (username) where username is not null;
         create index profile_ref_guarded on feed.profile_ref (profile_id) where visibility <> 'public';
         create index account_ref_suspended on feed.account_ref (account_id) where state = 'suspended';\n"
    )
}

fn small_tables() -> String {
    "create table feed.post_stats (
       post_id uuid primary key references feed.posts on delete cascade,
       likes integer not null default 0 check (likes >= 0),
       comments integer not null default 0 check (comments >= 0)
     );
     create table feed.old_slugs (
       slug varchar(100) primary key,
       post_id uuid not null references feed.posts on delete cascade
     );
     create index old_slugs_post on feed.old_slugs (post_id);\n"
        .to_owned()
}

fn security() -> String {
    ["posts", "post_stats", "old_slugs"]
        .map(|table| rls("feed", table, "sf_feed", None))
        .concat()
}

fn down() -> String {
    "drop table feed.old_slugs, feed.post_stats, feed.posts;
     drop index feed.profile_ref_username, feed.profile_ref_guarded, feed.account_ref_suspended;
     drop type feed.post_type, feed.post_visibility, feed.post_status, feed.body_format;\n"
        .to_owned()
}
