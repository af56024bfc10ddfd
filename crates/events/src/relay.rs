//! The relay: committed outbox rows become stream entries (EB-1, EB-6).
//!
//! Rows are found by `published_at is null`, never by a high-water mark, since sequences commit out of order. A crash
//! between the stream and the mark publishes rows again, which consumers undo by the event id.
//!
//! The stream's last id and its groups are kept beside the lease. One script compares the id with the stream and appends,
//! so that a Redis that was emptied, or came back from an older file, is noticed even when it happens between two steps
//! of ours; the groups are made again then, so that nothing is trimmed before a service that is down has read it.

mod rows;
mod shelf;

use std::time::Duration;

use chassis::{Shutdown, Task};
use fault::Result;
use redis::{Redis, Subscription};
use store::{Db, Lease};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::outbox::commits;
use crate::patience::Patience;
use crate::{stream, wake_signal};

pub use rows::republish;

/// Rows moved at once.
const BATCH: usize = 256;

/// The relay's times; the defaults are what deployments run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often the outbox is looked at when nothing wakes the relay (EB-1). Default 250 ms.
    pub poll: Duration,
    /// Least time between two looks while there is less than a batch, so that what many requests publish one after the
    /// other is moved together. The first event after a pause does not wait. Default 10 ms.
    pub gather: Duration,
    /// How long one grant of the lease lasts. Default 6 s.
    pub lease: Duration,
    /// How often it is renewed, and the stream looked at without news. Default 2 s.
    pub renew: Duration,
    /// How often the stream is trimmed below its slowest group. Default 60 s.
    pub trim: Duration,
    /// Entries younger than this stay, so that a service that has not started yet finds them. Default 1 h.
    pub keep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            gather: Duration::from_millis(10),
            lease: Duration::from_secs(6),
            renew: Duration::from_secs(2),
            trim: Duration::from_secs(60),
            keep: Duration::from_secs(3600),
        }
    }
}

/// What one look at the outbox came to.
enum Batch {
    /// There may be more.
    Full,
    /// That was all.
    Last,
    /// Another relay holds the lease by now.
    Ousted,
}

/// Moves one service's events from its outbox to its stream.
#[derive(Debug)]
pub struct Relay {
    service: String,
    stream: String,
    db: Db,
    redis: Redis,
    lease: Lease,
    pace: Pace,
    trimmed: Instant,
    /// The stream's groups as noted beside the lease.
    groups: Vec<String>,
}

impl Relay {
    /// The background task of a service's relay. Any number of replicas may run it; one at a time works.
    #[must_use]
    pub fn task(service: &str, db: Db, redis: Redis) -> Task {
        Self::paced(service, db, redis, Pace::default())
    }

    /// The same with other times.
    #[must_use]
    pub fn paced(service: &str, db: Db, redis: Redis, pace: Pace) -> Task {
        let service = service.to_owned();
        Task::new(format!("{service}.relay"), move |stop: Shutdown| {
            let relay = Relay {
                stream: stream(&service),
                lease: Lease::new(db.clone(), "relay", "", pace.lease),
                service: service.clone(),
                db: db.clone(),
                redis: redis.clone(),
                pace,
                trimmed: Instant::now(),
                groups: Vec::new(),
            };
            relay.run(stop)
        })
    }

    async fn run(mut self, stop: Shutdown) -> Result<()> {
        let mut woken = commits();
        let mut patience = Patience::new();
        while !stop.is_begun() {
            match self.turn(&stop, &mut woken).await {
                Ok(()) => patience = Patience::new(),
                Err(error) => {
                    tracing::warn!(service = %self.service, %error, "events wait in the outbox");
                    // The lag is to be seen while Redis is away; without PostgreSQL nobody knows it.
                    if let Err(error) = self.measure().await {
                        tracing::debug!(%error, "the lag is not known");
                    }
                    patience.wait(&stop).await;
                }
            }
        }
        self.lease.release().await
    }

    /// Leads while the lease is held, or stands by once.
    async fn turn(&mut self, stop: &Shutdown, woken: &mut watch::Receiver<u64>) -> Result<()> {
        if self.lease.hold().await? {
            let mut signals = self.redis.subscribe(&wake_signal(&self.service)).await?;
            self.lead(stop, woken, &mut signals).await
        } else {
            self.stand_by(stop, woken).await
        }
    }

    async fn lead(
        &mut self,
        stop: &Shutdown,
        woken: &mut watch::Receiver<u64>,
        signals: &mut Subscription,
    ) -> Result<()> {
        let mut known = self.recall().await?;
        let mut renewed = Instant::now();
        // Also without news: a stream that was lost is to be filled again.
        self.append(&mut known, Vec::new()).await?;
        loop {
            let looked = Instant::now();
            while !stop.is_begun() && renewed.elapsed() < self.pace.renew {
                match self.publish_batch(&mut known).await? {
                    Batch::Full => {}
                    Batch::Last => break,
                    Batch::Ousted => return Ok(()),
                }
            }
            if renewed.elapsed() >= self.pace.renew {
                if !self.lease.hold().await? {
                    return Ok(());
                }
                renewed = Instant::now();
                self.append(&mut known, Vec::new()).await?;
            }
            if self.trimmed.elapsed() >= self.pace.trim {
                self.trimmed = Instant::now();
                self.trim(&mut known).await?;
            }
            tokio::select! {
                () = stop.begun() => return Ok(()),
                Ok(()) = woken.changed() => {}
                Some(_) = signals.next() => {}
                () = tokio::time::sleep(self.pace.poll.min(self.pace.renew)) => {}
            }
            tokio::select! {
                () = stop.begun() => return Ok(()),
                () = tokio::time::sleep_until(looked + self.pace.gather) => {}
            }
            // The look that comes now finds all of these.
            woken.mark_unchanged();
        }
    }

    /// Another replica leads: tells it of commits made here, and comes back when its lease may have ended.
    async fn stand_by(&self, stop: &Shutdown, woken: &mut watch::Receiver<u64>) -> Result<()> {
        self.measure().await?;
        let again = tokio::time::sleep(self.pace.renew / 2);
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = stop.begun() => return Ok(()),
                () = &mut again => return Ok(()),
                Ok(()) = woken.changed() => {
                    if let Err(error) = self.redis.publish(&wake_signal(&self.service), "").await {
                        tracing::debug!(%error, "wake-up signal lost; the leading relay polls");
                    }
                }
            }
        }
    }
}
