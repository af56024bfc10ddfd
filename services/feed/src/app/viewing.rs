//! Views: collected in memory, stored in batches (FD-19, N-34).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::{Shutdown, Task};
use identity::{Context, clock};
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use super::App;
use super::view::PostView;
use crate::domain::viewing::{View, viewer_key};
use crate::error::Result;
use crate::store::views;

/// Views stored in one transaction; so many waiting are stored at once.
const FULL: usize = 2_000;
/// Most views that wait. It is reached only while the database is away; further ones are dropped and counted.
const MOST: usize = 100_000;
/// How long storing one batch may take.
const RUN: Duration = Duration::from_secs(10);
/// How often old views are removed.
const PURGE: Duration = Duration::from_secs(3_600);

/// The views of this replica that are not stored yet. A view leaves only when it is stored, and storing it twice counts
/// it once, so that a failure half-way loses and doubles nothing.
#[derive(Debug)]
pub(super) struct Views {
    key: [u8; 32],
    waiting: Mutex<HashSet<View>>,
    full: Notify,
    closing: AtomicBool,
}

impl Views {
    /// None yet; viewers are hashed with this key.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            waiting: Mutex::default(),
            full: Notify::new(),
            closing: AtomicBool::new(false),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<View>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, view: View) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST {
            waiting.insert(view);
        } else if !waiting.contains(&view) {
            metrics::counter!("sf_views_dropped_total").increment(1);
        }
        if waiting.len() >= FULL {
            self.full.notify_one();
        }
    }

    fn batch(&self) -> Vec<View> {
        self.waiting().iter().take(FULL).cloned().collect()
    }

    fn stored(&self, batch: &[View]) {
        let mut waiting = self.waiting();
        for view in batch {
            waiting.remove(view);
        }
    }

    /// Gives up what could not be stored when the process ends.
    fn abandon(&self) {
        let lost = std::mem::take(&mut *self.waiting()).len() as u64;
        metrics::counter!("sf_views_dropped_total").increment(lost);
    }
}

impl App {
    /// Counts that the viewer has seen the post; the author's account does not count.
    pub(super) async fn count_view(&self, ctx: &Context, seen: &PostView) {
        if seen.is_author {
            return;
        }
        let Some(viewer) = viewer_key(&self.views.key, &ctx.viewer(), ctx.ip()) else {
            return;
        };
        self.views.add(View {
            post: seen.post.id,
            viewer,
            day: clock::now().date(),
        });
        // The last requests of a process that stops come after the task's last turn.
        if self.views.closing.load(Ordering::SeqCst)
            && let Err(error) = self.store_views().await
        {
            tracing::warn!(cause = %error, "views were not stored before the end");
            self.views.abandon();
        }
    }

    /// Stores what waits, and once more when the process stops.
    pub(crate) fn flush_views(&self, period: Duration) -> Task {
        let app = self.clone();
        Task::new("feed.views.flush", move |stop: Shutdown| {
            let app = app.clone();
            async move { app.keep_storing_views(period, &stop).await }
        })
    }

    /// Removes views of more than 40 days ago (N-34).
    pub(crate) fn purge_views(&self) -> Task {
        let db = self.db.clone();
        Task::every("feed.views.purge", PURGE, move || {
            let db = db.clone();
            async move { views::purge(db.connection()).await }
        })
    }

    async fn keep_storing_views(&self, period: Duration, stop: &Shutdown) -> Result<()> {
        while stop
            .run(timeout(period, self.views.full.notified()))
            .await
            .is_some()
        {
            if let Err(error) = self.store_views().await {
                let waiting = self.views.waiting().len();
                tracing::warn!(cause = %error, waiting, "views were not stored, will try again");
                stop.sleep(period).await;
            }
        }
        self.views.closing.store(true, Ordering::SeqCst);
        self.store_views()
            .await
            .inspect_err(|_| self.views.abandon())
    }

    async fn store_views(&self) -> Result<()> {
        loop {
            let batch = self.views.batch();
            if batch.is_empty() {
                return Ok(());
            }
            let ctx = Context::background(Uuid::now_v7().to_string(), RUN);
            let tx = self.db.begin(&ctx).await?;
            let counted = views::add(&*tx, &batch).await?;
            tx.commit().await?;
            self.views.stored(&batch);
            metrics::counter!("sf_views_total").increment(counted);
            if batch.len() < FULL {
                return Ok(());
            }
        }
    }
}
