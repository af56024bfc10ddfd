//! The operations: authorise, transact, publish.

pub(crate) mod comment;
pub(crate) mod erasure;
pub(crate) mod like;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod schedule;
pub(crate) mod thread;
pub(crate) mod view;
pub(crate) mod viewing;

use std::sync::Arc;

use chassis::Keys;
use identity::clock;
use people::People;
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
}

impl App {
    /// Operations over this database, asking these peers.
    pub(crate) fn new(db: Db, peers: mesh::Peers, keys: &Keys) -> Self {
        Self {
            people: People::new(db.clone(), peers),
            db,
            cursor_key: keys.derive("feed.cursor"),
            views: Arc::new(Views::new(keys.derive("feed.viewer"))),
        }
    }
}

/// Now, as precise as PostgreSQL keeps it, so that a reply shows the times a later one will.
fn now() -> OffsetDateTime {
    let now = clock::now();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}
