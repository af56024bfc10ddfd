//! What is done from time to time.

use std::sync::Arc;
use std::time::Duration;

use chassis::Task;
use fault::Result;

use super::App;
use crate::metrics;
use crate::store;

/// How often old rows are removed.
const PURGE: Duration = Duration::from_secs(3_600);
/// How often the accounts that were active are counted: it reads the sessions of 30 days.
const COUNT_ACTIVE: Duration = Duration::from_secs(600);
/// How often the live sessions are counted.
const COUNT: Duration = Duration::from_secs(60);
/// How long ended sessions are kept, to tell known devices from new ones.
const ENDED_SESSIONS: time::Duration = time::Duration::days(30);

impl App {
    /// The jobs. Each is idempotent, so that replicas may run them side by side (JB-1).
    pub(crate) fn jobs(self: &Arc<Self>) -> Vec<Task> {
        let (purging, counting) = (Arc::clone(self), Arc::clone(self));
        let active = Arc::clone(self);
        vec![
            Task::every("auth.purge", PURGE, move || {
                let app = Arc::clone(&purging);
                Box::pin(async move { app.purge().await })
            }),
            Task::every("auth.sessions", COUNT, move || {
                let app = Arc::clone(&counting);
                Box::pin(async move { app.count_sessions().await })
            }),
            Task::every("auth.active", COUNT_ACTIVE, move || {
                let app = Arc::clone(&active);
                Box::pin(async move { app.count_active().await })
            }),
        ]
    }

    /// Removes expired revocations, sessions long ended with their refresh tokens, and old audit rows (N-10).
    pub(crate) async fn purge(&self) -> Result<()> {
        let db = self.db.connection();
        let now = store::clock(db).await?;
        let revocations = store::revocation::purge(db).await?;
        let sessions = store::session::purge(db, now - ENDED_SESSIONS).await?;
        let kept = time::Duration::days(self.config.audit_retention_days.into());
        let audit = store::audit::purge(db, now - kept).await?;
        tracing::debug!(revocations, sessions, audit, "old rows removed");
        Ok(())
    }

    async fn count_active(&self) -> Result<()> {
        metrics::users_active(store::session::count_active(self.db.connection()).await?);
        Ok(())
    }

    async fn count_sessions(&self) -> Result<()> {
        metrics::sessions_active(store::session::count_live(self.db.connection()).await?);
        Ok(())
    }
}
