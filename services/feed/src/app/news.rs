//! News of the feed: one watcher per process that wakes every stream when something was published (ST-3, K-11).
//!
//! A publication wakes the watcher of its own process at once and those of the others by a signal, which may be lost;
//! hence it looks from time to time too. It looks once for all streams: an idle stream costs nothing.

use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, Task};
use redis::{Redis, Subscription};
use store::{Db, Tx};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;

use crate::domain::snapshot::Snapshot;
use crate::error::Result;
use crate::store::stream;

/// The signal of a publication.
const SIGNAL: &str = "sf:feed:published";
/// How long subscribing may take; while it fails, looking goes on.
const SUBSCRIBE: Duration = Duration::from_millis(500);
/// The least time between two looks, so that a burst of publications is read as one.
const PAUSE: Duration = Duration::from_millis(100);
/// Streams that read at the same time. The others take their turn after them, so that a post that wakes thousands
/// leaves connections to everybody else.
const READERS: usize = 4;

/// What streams wait for.
#[derive(Debug)]
pub(crate) struct News {
    latest: watch::Sender<Latest>,
    published: Notify,
    readers: Semaphore,
}

/// What the watcher knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest {
    /// What had been committed when it looked last.
    pub(crate) snapshot: Option<Snapshot>,
    /// The process stops: streams end.
    pub(crate) closing: bool,
}

impl News {
    /// Nobody has looked yet.
    pub(super) fn new() -> Self {
        Self {
            latest: watch::channel(Latest::default()).0,
            published: Notify::new(),
            readers: Semaphore::new(READERS),
        }
    }

    /// Changes when something was published, and when the process stops.
    pub(super) fn follow(&self) -> watch::Receiver<Latest> {
        self.latest.subscribe()
    }

    /// The right to read, as long as it is kept.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.readers.acquire().await.ok()
    }

    /// Wakes the watchers once the transaction, which publishes a post, is committed.
    pub(crate) fn announce(self: &Arc<Self>, tx: &Tx) {
        let news = Arc::clone(self);
        tx.after_commit(move || news.published.notify_one());
    }

    /// The watcher; it looks at least once a `period`.
    pub(super) fn watch(self: Arc<Self>, db: Db, redis: Redis, period: Duration) -> Task {
        Task::new("feed.news", move |stop: Shutdown| {
            let watcher = Watcher {
                news: Arc::clone(&self),
                db: db.clone(),
                redis: redis.clone(),
                signals: None,
            };
            watcher.run(period, stop)
        })
    }
}

struct Watcher {
    news: Arc<News>,
    db: Db,
    redis: Redis,
    signals: Option<Subscription>,
}

impl Watcher {
    async fn run(mut self, period: Duration, stop: Shutdown) {
        while let Some(here) = stop.run(self.woken(period)).await {
            let (looked, ()) = tokio::join!(self.look(), self.tell(here));
            if let Err(error) = looked {
                tracing::warn!(%error, "the feed's streams wait for news");
            }
            stop.sleep(PAUSE).await;
        }
        self.news.latest.send_modify(|latest| latest.closing = true);
    }

    /// Waits for a reason to look; returns whether it is a publication of this process.
    async fn woken(&mut self, period: Duration) -> bool {
        if self.signals.is_none() {
            let subscribed = timeout(SUBSCRIBE, Box::pin(self.redis.subscribe(SIGNAL))).await;
            self.signals = subscribed.ok().and_then(std::result::Result::ok);
        }
        tokio::select! {
            biased;
            () = self.news.published.notified() => true,
            () = signal(&mut self.signals) => false,
            () = tokio::time::sleep(period) => false,
        }
    }

    async fn tell(&self, here: bool) {
        if here && let Err(error) = self.redis.publish(SIGNAL, "").await {
            tracing::debug!(%error, "signal of a publication lost; the other processes look soon");
        }
    }

    /// Looks, if anybody cares, and wakes the streams when there is news.
    async fn look(&self) -> Result<()> {
        let latest = &self.news.latest;
        if latest.receiver_count() == 0 {
            return Ok(());
        }
        let before = latest.borrow().snapshot.clone();
        let on = self.db.connection();
        let (snapshot, news) = match before {
            Some(before) => stream::look(on, &before).await?,
            // Whoever waits may have waited since before something was published.
            None => (stream::snapshot(on).await?, true),
        };
        latest.send_if_modified(|latest| {
            latest.snapshot = Some(snapshot);
            news
        });
        Ok(())
    }
}

/// Waits for a signal, and takes all that are there: one look answers them together.
async fn signal(signals: &mut Option<Subscription>) {
    let Some(subscription) = signals else {
        return std::future::pending().await;
    };
    let mut open = subscription.next().await.is_some();
    while open && let Ok(next) = timeout(Duration::ZERO, subscription.next()).await {
        open = next.is_some();
    }
    if !open {
        *signals = None;
    }
}
