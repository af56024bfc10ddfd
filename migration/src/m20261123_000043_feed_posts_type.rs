//! The index of a feed filtered by type, in the whole order of the feed.

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000043_feed_posts_type", up, down)
}

/// What is visible to everybody who may see its author; the words are those of the queries.
const LIVE: &str = "status = 'published' and deleted_at is null";

/// With the id in it the index answers the order of the list alone: posts of one moment need not be sorted, and no more
/// rows are read than are shown or counted.
fn up() -> String {
    made("post_type, published_at desc, id desc")
}

fn down() -> String {
    made("post_type, published_at desc")
}

fn made(columns: &str) -> String {
    format!(
        "drop index feed.posts_type;
         create index posts_type on feed.posts ({columns}) where {LIVE};\n"
    )
}
