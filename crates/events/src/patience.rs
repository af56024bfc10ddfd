//! Waiting longer and longer for PostgreSQL or Redis to come back, without giving up the task.

use std::time::Duration;

use chassis::Shutdown;

/// The first and the longest wait.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The next wait.
#[derive(Debug)]
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(FIRST)
    }

    /// Waits, next time twice as long; returns false when stopping came first.
    pub(crate) async fn wait(&mut self, stop: &Shutdown) -> bool {
        let wait = self.0;
        self.0 = (self.0 * 2).min(LONGEST);
        stop.sleep(wait).await
    }
}
