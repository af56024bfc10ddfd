//! The operations: authorise, transact, publish.

pub(crate) mod comment;
pub(crate) mod erasure;
pub(crate) mod guard;
pub(crate) mod like;
pub(crate) mod news;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod recount;
pub(crate) mod schedule;
pub(crate) mod stream;
pub(crate) mod thread;
pub(crate) mod view;
pub(crate) mod viewing;

use std::sync::Arc;
use std::time::Duration;

use chassis::{Keys, Task};
use identity::clock;
use news::News;
use people::People;
use redis::Redis;
use store::Db;
use time::OffsetDateTime;
use viewing::Views;

/// What every operation works with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    db: Db,
    people: People,
    /// Signs the cursors of lists.
    cursor_key: [u8; 32],
    /// Views that are not stored yet.
    views: Arc<Views>,
    /// Wakes streams.
    news: Arc<News>,
}

impl App {
    /// Operations over this database, asking these peers.
    pub(crate) fn new(db: Db, peers: mesh::Peers, keys: &Keys) -> Self {
        Self {
            people: People::new(db.clone(), peers),
            db,
            cursor_key: keys.derive("feed.cursor"),
            views: Arc::new(Views::new(keys.derive("feed.viewer"))),
            news: Arc::new(News::new()),
        }
    }

    /// Looks for news, for all streams of the process.
    pub(crate) fn watch_news(&self, redis: Redis, period: Duration) -> Task {
        Arc::clone(&self.news).watch(self.db.clone(), redis, period)
    }
}

/// Now, as precise as PostgreSQL keeps it, so that a reply shows the times a later one will.
fn now() -> OffsetDateTime {
    let now = clock::now();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}
