//! Which transaction published a post first: what the feed's stream goes by (ST-3, T53).

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000034_feed_stream", up, down)
}

/// The default comes after the column, so that posts of before have none: they are nobody's news.
fn up() -> String {
    "alter table feed.posts add column published_xid xid8;
     alter table feed.posts alter column published_xid set default pg_current_xact_id();
     create index posts_news on feed.posts (published_xid, id) where status = 'published' and deleted_at is null;\n"
        .to_owned()
}

fn down() -> String {
    "alter table feed.posts drop column published_xid;\n".to_owned()
}
