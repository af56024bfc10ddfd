//! What clients were told, to be compared with what is stored.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::deployment::Session;

/// What was acknowledged. Whatever is in here must be found at the end.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<Entries>,
}

/// The lists of a journal.
#[derive(Debug, Default, Clone)]
pub struct Entries {
    /// Texts of posts, each sent with one key until it was acknowledged.
    pub posts: Vec<String>,
    /// By profile and post: whether the last acknowledged request was a like.
    pub likes: Vec<(String, String, bool)>,
    /// By profile: the last acknowledged display name.
    pub names: Vec<(String, String)>,
    /// Sessions that were signed out.
    pub left: Vec<Session>,
    /// Sessions that were not, with their refresh tokens in order.
    pub kept: Vec<(Session, Vec<String>)>,
    /// What should not have happened on the way.
    pub wrong: Vec<String>,
    /// Requests that were acknowledged.
    pub acknowledged: u64,
}

impl Journal {
    /// Writes into it.
    pub fn note(&self, write: impl FnOnce(&mut Entries)) {
        write(&mut self.lock());
    }

    /// One more request was acknowledged.
    pub(super) fn count(&self) {
        self.note(|it| it.acknowledged += 1);
    }

    /// Requests acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.lock().acknowledged
    }

    /// What is in it now.
    #[must_use]
    pub fn read(&self) -> Entries {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
