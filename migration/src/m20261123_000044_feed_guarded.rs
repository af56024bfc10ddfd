//! Who is guarded, not to be seen by everybody, and how many likes of a post are theirs (VIS-8).

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000044_feed_guarded", up, down)
}

/// Whoever is not known yet counts as guarded: nobody is shown a count that holds somebody hidden. A like that a process of the
/// version before stores is not counted as a guarded one, and so is not marked as one; the next night puts it right.
fn up() -> String {
    "alter table feed.profile_ref add column is_guarded boolean not null default true;
     update feed.profile_ref r set is_guarded = false where r.visibility = 'public'
       and not exists (select from feed.account_ref a where a.account_id = r.account_id and a.state <> 'live');
     drop index feed.profile_ref_guarded;
     create index profile_ref_guarded on feed.profile_ref (profile_id) where is_guarded;

     alter table feed.likes add column is_guarded boolean not null default false;
     update feed.likes l set is_guarded = true
       where not exists (select from feed.profile_ref r where r.profile_id = l.profile_id and not r.is_guarded);
     create index likes_guarded_comment on feed.likes (comment_id) where is_guarded and comment_id is not null;

     alter table feed.post_stats add column guarded_likes integer not null default 0 check (guarded_likes >= 0);
     update feed.post_stats s set guarded_likes = g.likes
       from (select l.post_id, count(*)::int as likes from feed.likes l where l.is_guarded and l.post_id is not null group by l.post_id) g
       where s.post_id = g.post_id;
     alter table feed.post_stats_late add column guarded_likes integer not null default 0;\n"
        .to_owned()
}

fn down() -> String {
    "alter table feed.post_stats_late drop column guarded_likes;
     alter table feed.post_stats drop column guarded_likes;
     drop index feed.likes_guarded_comment;
     alter table feed.likes drop column is_guarded;
     drop index feed.profile_ref_guarded;
     alter table feed.profile_ref drop column is_guarded;
     create index profile_ref_guarded on feed.profile_ref (profile_id) where visibility <> 'public';\n"
        .to_owned()
}
