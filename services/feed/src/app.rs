//! The operations: authorise, transact, publish.

pub(crate) mod comment;
pub(crate) mod erasure;
pub(crate) mod like;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod schedule;
pub(crate) mod thread;
pub(crate) mod view;

use people::People;
use store::Db;

/// What every operation works with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    db: Db,
    people: People,
    /// Signs the cursors of lists.
    cursor_key: [u8; 32],
}

impl App {
    /// Operations over this database, asking these peers.
    pub(crate) fn new(db: Db, peers: mesh::Peers, cursor_key: [u8; 32]) -> Self {
        Self { people: People::new(db.clone(), peers), db, cursor_key }
    }
}
