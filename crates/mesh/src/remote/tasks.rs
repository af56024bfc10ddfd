//! The tasks of a mesh: they end with it.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
};

use tokio::task::{AbortHandle, JoinSet};

/// What drives connections and watches endpoints. Dropping it ends all of it.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    /// Starts a task on the runtime of whoever calls.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What has ended is forgotten here, so that the set stays as small as what runs.
        while running.try_join_next().is_some() {}
        running.spawn(work)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}
