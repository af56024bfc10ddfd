//! Trying failed events again, and removing what is old.

use std::time::Duration;

use chassis::Shutdown;
use fault::Result;
use tokio::time::Instant;

use super::Consumer;
use crate::patience::Patience;
use crate::{dead, retention};

/// How often due letters are looked for.
const RETRY: Duration = Duration::from_secs(1);
/// How often old plumbing rows are removed.
const PURGE: Duration = Duration::from_secs(3600);

/// Tries again until stopped; trouble with PostgreSQL is waited out.
pub(super) async fn run(consumer: Consumer, stop: Shutdown) -> Result<()> {
    let mut purged = None;
    let mut patience = Patience::new();
    while stop.sleep(RETRY).await {
        match turn(&consumer, &mut purged, &stop).await {
            Ok(()) => patience = Patience::new(),
            Err(error) => {
                tracing::warn!(service = %consumer.service, %error, "failed events wait for the database");
                patience.wait(&stop).await;
            }
        }
    }
    Ok(())
}

async fn turn(consumer: &Consumer, purged: &mut Option<Instant>, stop: &Shutdown) -> Result<()> {
    let Consumer { db, service, .. } = consumer;
    let (is_due, mut dead) = dead::look(db, service).await?;
    if is_due {
        while let Some(due) = dead::take_due(db, service).await? {
            if let Err(error) = consumer.apply(due.event, &due.envelope, Some(due.id)).await {
                dead::failed(db, &due, &error).await?;
            }
            if stop.is_begun() {
                return Ok(());
            }
        }
        dead = dead::count(db).await?;
    }
    if purged.is_none_or(|purged: Instant| purged.elapsed() >= PURGE) {
        *purged = Some(Instant::now());
        retention::purge(db, &consumer.projections).await?;
    }
    metrics::gauge!("sf_dead_letters", "service" => service.to_string()).set(dead as f64);
    Ok(())
}
