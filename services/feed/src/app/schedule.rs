//! Scheduled publishing (FD-15).

use std::time::Duration;

use identity::Context;
use store::Lease;
use uuid::Uuid;

use super::{App, now};
use crate::domain::publication::Wish;
use crate::error::Result;
use crate::events;
use crate::store::post;

/// Posts published in one transaction.
const BATCH: u64 = 100;
/// How long one run may take.
const RUN: Duration = Duration::from_secs(30);

impl App {
    /// Publishes every scheduled post whose time has come; does nothing while another replica does. Returns how many.
    pub(crate) async fn publish_due(&self, lease: &Lease) -> Result<usize> {
        let mut published = 0;
        while lease.hold().await? {
            let batch = self.publish_batch().await?;
            published += batch;
            if batch == 0 {
                break;
            }
        }
        Ok(published)
    }

    async fn publish_batch(&self) -> Result<usize> {
        let ctx = Context::background(Uuid::now_v7().to_string(), RUN);
        let now = now();
        let mut tx = self.db.begin(&ctx).await?;
        let due = post::due(&*tx, now, BATCH).await?;
        for before in &due {
            let mut post = before.clone();
            post.standing = before
                .standing
                .changed(
                    Wish {
                        published: Some(true),
                        publish_at: None,
                    },
                    now,
                )
                .unwrap_or(before.standing);
            post.version += 1;
            let post = post::save(&*tx, before.version, &post).await?;
            events::post_changed(&mut tx, &ctx, before, &post, &["isPublished", "publishAt"])
                .await?;
        }
        self.news.announce(&tx);
        tx.commit().await?;
        Ok(due.len())
    }
}
