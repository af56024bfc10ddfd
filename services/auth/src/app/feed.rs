//! The feed of revocations: one poller a process, any number of watchers (AU-9).
//!
//! Every poll reads the rows of the last 30 s again, since sequence numbers commit out of order, and sends what
//! it has not sent before; an empty batch is the heartbeat. When the database does not answer nothing is sent,
//! so that watchers see the feed grow old. A watcher registers first and reads what is unexpired then, so that
//! nothing falls between; one that is too slow is cut off and opens anew.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ::store::Tx;
use chassis::Shutdown;
use fault::{Fault, Result};
use futures_util::stream::{self, Stream, StreamExt as _};
use redis::Subscription;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

use super::App;
use crate::domain::revocation::Revocation;
use crate::store;

/// How often the table is read; with the time the reading takes, batches stay within 500 ms of each other.
const POLL: Duration = Duration::from_millis(250);
/// Batches a watcher may be behind.
const BEHIND: usize = 64;
/// Where writers say that there is something new.
const CHANNEL: &str = "auth:revocations";

type Batch = Arc<[Revocation]>;

/// Where watchers listen. `None` is the end: the process is stopping.
pub(crate) struct Feed {
    batches: broadcast::Sender<Option<Batch>>,
    wake: Arc<Notify>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            batches: broadcast::Sender::new(BEHIND),
            wake: Arc::default(),
        }
    }
}

impl App {
    /// Wakes the pollers of other processes; they would find out by themselves soon after.
    pub(crate) async fn announce_revocations(&self) {
        if let Err(error) = self.redis.publish(CHANNEL, "").await {
            tracing::debug!(%error, "revocations were not announced");
        }
    }

    /// Wakes the poller of this process once the transaction is committed.
    pub(crate) fn wake_feed_after(&self, tx: &Tx) {
        let wake = Arc::clone(&self.feed.wake);
        tx.after_commit(move || wake.notify_one());
    }

    /// Returns the unexpired revocations above `after` and those of the last 30 s, then what is new.
    ///
    /// # Errors
    /// Only those of the database; the stream fails with `SERVICE_UNAVAILABLE` when its reader is too slow.
    pub(crate) async fn watch_revocations(
        &self,
        after: i64,
    ) -> Result<impl Stream<Item = Result<Batch>> + Send + 'static> {
        let live = self.feed.batches.subscribe();
        let known = store::revocation::unexpired(self.db.connection(), after).await?;
        let first = stream::once(std::future::ready(Ok(Batch::from(known))));
        let rest = stream::unfold(Some(live), |live| async move {
            let mut live = live?;
            match live.recv().await {
                Ok(Some(batch)) => Some((Ok(batch), Some(live))),
                Ok(None) | Err(RecvError::Closed) => None,
                Err(RecvError::Lagged(_)) => {
                    Some((Err(Fault::unavailable("the watcher was too slow")), None))
                }
            }
        });
        Ok(first.chain(rest))
    }

    /// Polls until asked to stop; then ends the streams.
    pub(crate) async fn poll_revocations(self: Arc<Self>, stop: Shutdown) {
        let mut sent = HashSet::new();
        let mut signals = None;
        while !stop.is_begun() {
            if self.feed.batches.receiver_count() == 0 {
                sent.clear();
            } else if let Err(error) = self.poll_once(&mut sent).await {
                tracing::warn!(%error, "revocations could not be read");
            }
            if signals.is_none() {
                signals = self.redis.subscribe(CHANNEL).await.ok();
            }
            tokio::select! {
                () = stop.begun() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.feed.wake.notified() => {}
                heard = hear(&mut signals) => if !heard { signals = None; },
            }
        }
        // Nobody listening is no failure.
        drop(self.feed.batches.send(None));
    }

    async fn poll_once(&self, sent: &mut HashSet<i64>) -> Result<()> {
        let memory = self.revocation_memory();
        let mut rows = store::revocation::of_late(self.db.connection(), memory).await?;
        let seen: HashSet<i64> = rows.iter().map(|row| row.seq).collect();
        rows.retain(|row| !sent.contains(&row.seq));
        *sent = seen;
        drop(self.feed.batches.send(Some(rows.into())));
        Ok(())
    }
}

/// Waits for a signal; false when there will be none.
async fn hear(signals: &mut Option<Subscription>) -> bool {
    match signals {
        Some(signals) => signals.next().await.is_some(),
        None => std::future::pending().await,
    }
}
