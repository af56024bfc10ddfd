//! Reading the streams: every entry comes to its effect or among the dead letters, then it is acknowledged.

use std::time::Duration;

use chassis::Shutdown;
use contracts::common::v1::Envelope;
use fault::Result;
use prost::Message as _;
use redis::{Entry, Read, Reader};
use tokio::time::Instant;
use uuid::Uuid;

use super::Consumer;
use crate::patience::Patience;
use crate::{FIELD, dead};

/// How long a read waits for news.
const WAIT: Duration = Duration::from_secs(2);
/// Entries taken of each stream at once.
const COUNT: u64 = 64;
/// How often entries of dead consumers are looked for (T50: taken over within 5 s of being idle).
const CLAIM: Duration = Duration::from_secs(4);
/// How often the lag is measured and dead consumers' names are removed.
const MEASURE: Duration = Duration::from_secs(15);
/// A consumer without entries that was not seen for this long is gone, in milliseconds.
const GONE: u64 = 3_600_000;

/// Reads until stopped; trouble with Redis or PostgreSQL is waited out.
pub(super) async fn run(consumer: Consumer, stop: Shutdown) -> Result<()> {
    let streams = consumer.streams();
    if streams.is_empty() {
        stop.begun().await;
        return Ok(());
    }
    let mut patience = Patience::new();
    while !stop.is_begun() {
        let mut reading = match Reading::begin(&consumer, &streams).await {
            Ok(reading) => reading,
            Err(error) => {
                tracing::warn!(service = %consumer.service, %error, "events wait for Redis");
                patience.wait(&stop).await;
                continue;
            }
        };
        while !stop.is_begun() {
            match Box::pin(reading.turn(&stop)).await {
                Ok(()) => patience = Patience::new(),
                Err(error) => {
                    tracing::warn!(service = %consumer.service, %error, "events wait for Redis");
                    patience.wait(&stop).await;
                }
            }
        }
        reading.end().await;
    }
    Ok(())
}

/// One member of the service's consumer group.
struct Reading<'a> {
    consumer: &'a Consumer,
    streams: &'a [String],
    reader: Reader,
    claimed: Option<Instant>,
    measured: Option<Instant>,
}

impl<'a> Reading<'a> {
    async fn begin(consumer: &'a Consumer, streams: &'a [String]) -> Result<Self> {
        let reader = consumer
            .redis
            .reader(&*consumer.service, Uuid::now_v7().to_string())
            .await?;
        let reading = Self {
            consumer,
            streams,
            reader,
            claimed: None,
            measured: None,
        };
        reading.make_groups().await?;
        Ok(reading)
    }

    async fn make_groups(&self) -> Result<()> {
        for stream in self.streams {
            self.consumer
                .redis
                .group_create(stream, &self.consumer.service)
                .await?;
        }
        Ok(())
    }

    async fn turn(&mut self, stop: &Shutdown) -> Result<()> {
        let idle = self.consumer.idle;
        if is_due(&mut self.claimed, CLAIM.min(idle)) {
            for stream in self.streams {
                // As long as a claim brings a whole batch, there may be more.
                while self.claim(stream, idle, stop).await? {}
            }
        }
        if is_due(&mut self.measured, MEASURE) {
            self.measure().await?;
        }
        let read = Box::pin(self.reader.read(self.streams, COUNT, WAIT));
        let Some(read) = stop.run(read).await else {
            return Ok(());
        };
        self.take(read?, stop).await
    }

    /// Takes over a batch of what others left; returns whether there may be more.
    async fn claim(&self, stream: &str, idle: Duration, stop: &Shutdown) -> Result<bool> {
        let left = self.reader.claim(stream, idle, COUNT).await?;
        let is_full = matches!(&left, Read::Entries(entries) if entries.len() as u64 == COUNT);
        self.take(left, stop).await?;
        Ok(is_full && !stop.is_begun())
    }

    async fn take(&self, read: Read, stop: &Shutdown) -> Result<()> {
        let entries = match read {
            Read::NoGroup => return self.make_groups().await,
            Read::Entries(entries) => entries,
        };
        for stream in self.streams {
            let mut settled = Vec::new();
            for entry in entries.iter().filter(|entry| entry.stream == *stream) {
                // Stopping: what is not settled stays pending and is handed over.
                if stop.is_begun() || !self.settle(entry, stop).await {
                    break;
                }
                settled.push(entry.id.clone());
            }
            self.reader.ack(stream, settled).await?;
        }
        Ok(())
    }

    /// Brings an entry to its effect or among the dead letters; returns false when stopping came first.
    async fn settle(&self, entry: &Entry, stop: &Shutdown) -> bool {
        let mut patience = Patience::new();
        loop {
            match self.try_to_settle(entry).await {
                Ok(()) => return true,
                // PostgreSQL is away: the event neither has its effect nor may be passed over.
                Err(error) => {
                    tracing::warn!(stream = %entry.stream, id = %entry.id, %error, "events wait for the database")
                }
            }
            if !patience.wait(stop).await {
                return false;
            }
        }
    }

    async fn try_to_settle(&self, entry: &Entry) -> Result<()> {
        let Consumer { db, service, .. } = self.consumer;
        let bytes = entry.field(FIELD).cloned().unwrap_or_default();
        let envelope = Envelope::decode(bytes.clone()).unwrap_or_default();
        let Ok(event) = Uuid::parse_str(&envelope.event_id) else {
            tracing::error!(stream = %entry.stream, id = %entry.id, "a stream entry is no envelope");
            return dead::keep_broken(db, service, &bytes).await;
        };
        let Err(error) = self.consumer.apply(event, &envelope, None).await else {
            return Ok(());
        };
        dead::keep(db, service, event, &envelope, &error).await?;
        tracing::warn!(%event, r#type = %envelope.r#type, %error, "an event failed; it is tried again");
        Ok(())
    }

    async fn measure(&self) -> Result<()> {
        let Consumer { redis, service, .. } = self.consumer;
        for stream in self.streams {
            let groups = redis.groups(stream).await?;
            if let Some(group) = groups.into_iter().find(|group| group.name == **service) {
                let backlog = group.pending + group.lag.unwrap_or_default();
                let oldest = match group.oldest_pending {
                    Some(id) => Some(id),
                    None => redis.next_id(stream, &group.last_delivered).await?,
                };
                metrics::gauge!("sf_consumer_lag", "service" => service.to_string(), "stream" => stream.clone())
                    .set(oldest.map_or(0.0, |id| age(&id)));
                metrics::gauge!("sf_consumer_backlog", "service" => service.to_string(), "stream" => stream.clone())
                    .set(backlog as f64);
            }
            for (name, pending, idle) in redis.consumers(stream, service).await? {
                if pending == 0 && idle > GONE && name != self.reader.consumer() {
                    redis.consumer_remove(stream, service, &name).await?;
                }
            }
        }
        Ok(())
    }

    /// Leaves what is not acknowledged to the others at once, and no name behind where there is nothing.
    async fn end(self) {
        self.reader.close().await;
        for stream in self.streams {
            if let Err(error) = self.reader.hand_over(stream, self.consumer.idle).await {
                tracing::debug!(%stream, %error, "a consumer's name stays behind");
            }
        }
    }
}

/// How long ago an entry was written, in seconds: ids begin with the time in milliseconds.
fn age(id: &str) -> f64 {
    let millis = id.split('-').next().and_then(|millis| millis.parse().ok());
    let written: i64 = millis.unwrap_or_default();
    let now = identity::clock::now().unix_timestamp_nanos() / 1_000_000;
    (now - i128::from(written)).max(0) as f64 / 1000.0
}

/// Whether something done every so often is due; the first time it is.
fn is_due(last: &mut Option<Instant>, period: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= period);
    if due {
        *last = Some(Instant::now());
    }
    due
}
