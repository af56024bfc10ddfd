//! Consuming: each event has its effect once, whatever is delivered how often (EB-3..EB-5).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, Task};
use contracts::common::v1::Envelope;
use fault::{Fault, Result};
use futures_util::future::BoxFuture;
use prost::{Message, Name};
use redis::{Entry, Read, Reader, Redis};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::{Db, Tx};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{FIELD, context, dead, decode, full_name_parts, retention, stream};

/// How long a read waits for news.
const WAIT: Duration = Duration::from_secs(2);
/// Entries taken of each stream at once.
const COUNT: u64 = 64;
/// Entries another consumer left unacknowledged for this long are taken over.
const CLAIM_IDLE: Duration = Duration::from_secs(60);
/// How often that, the lag and the counts of dead letters are looked at.
const LOOK: Duration = Duration::from_secs(15);
/// How often due dead letters are looked for.
const RETRY: Duration = Duration::from_secs(1);
/// How often old plumbing rows are removed.
const PURGE: Duration = Duration::from_secs(3600);
/// The first wait when PostgreSQL cannot take a result.
const BACK_OFF: Duration = Duration::from_millis(200);

type Handler =
    Arc<dyn for<'a> Fn(&'a mut Tx, &'a Envelope) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// One service's consumer group over the streams of the types it handles.
#[derive(Clone)]
pub struct Consumer {
    service: Arc<str>,
    db: Db,
    redis: Redis,
    handlers: HashMap<String, Handler>,
}

impl Consumer {
    /// A consumer that handles nothing yet.
    #[must_use]
    pub fn new(service: &str, db: Db, redis: Redis) -> Self {
        Self {
            service: service.into(),
            db,
            redis,
            handlers: HashMap::new(),
        }
    }

    /// Handles events of type `M` in the transaction of their inbox row.
    ///
    /// The handler must do nothing outside the transaction that may not happen twice. An error undoes its work and
    /// the event is tried again later. Registering a type again replaces its handler.
    #[must_use]
    pub fn on<M>(
        mut self,
        handler: impl for<'a> Fn(&'a mut Tx, &'a Envelope, M) -> BoxFuture<'a, Result<()>>
        + Send
        + Sync
        + 'static,
    ) -> Self
    where
        M: Message + Name + Default + 'static,
    {
        let handler: Handler = Arc::new(move |tx, envelope| match decode::<M>(envelope) {
            Ok(event) => handler(tx, envelope, event),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        });
        self.handlers.insert(M::full_name(), handler);
        self
    }

    /// The background tasks: reading, and trying again what failed.
    #[must_use]
    pub fn tasks(self) -> Vec<Task> {
        let reading = self.clone();
        let retrying = self;
        vec![
            Task::new(
                format!("{}.consumer", reading.service),
                move |stop: Shutdown| {
                    let consumer = reading.clone();
                    consumer.read(stop)
                },
            ),
            Task::new(
                format!("{}.consumer.retry", retrying.service),
                move |stop: Shutdown| {
                    let consumer = retrying.clone();
                    consumer.retry(stop)
                },
            ),
        ]
    }

    fn streams(&self) -> Vec<String> {
        let mut streams: Vec<String> = self
            .handlers
            .keys()
            .filter_map(|full| full_name_parts(full))
            .map(|(service, _)| stream(service))
            .collect();
        streams.sort();
        streams.dedup();
        streams
    }

    async fn read(self, stop: Shutdown) -> Result<()> {
        let streams = self.streams();
        if streams.is_empty() {
            stop.begun().await;
            return Ok(());
        }
        self.make_groups(&streams).await?;
        let reader = self
            .redis
            .reader(&*self.service, Uuid::now_v7().to_string())
            .await?;
        let mut looked = Instant::now();
        while !stop.is_begun() {
            let read = tokio::select! {
                () = stop.begun() => break,
                read = reader.read(&streams, COUNT, WAIT) => read?,
            };
            self.take(&reader, read, &streams, &stop).await?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.take_over(&reader, &streams, &stop).await?;
                self.measure(&streams).await?;
            }
        }
        reader.close().await;
        for stream in &streams {
            self.leave(&reader, stream).await?;
        }
        Ok(())
    }

    /// A consumer that ends with nothing unacknowledged leaves no name behind.
    async fn leave(&self, reader: &Reader, stream: &str) -> Result<()> {
        let consumers = self.redis.consumers(stream, &self.service).await?;
        let done = consumers
            .iter()
            .any(|(name, pending, _)| name == reader.consumer() && *pending == 0);
        if done {
            self.redis
                .consumer_remove(stream, &self.service, reader.consumer())
                .await?;
        }
        Ok(())
    }

    async fn make_groups(&self, streams: &[String]) -> Result<()> {
        for stream in streams {
            self.redis.group_create(stream, &self.service).await?;
        }
        Ok(())
    }

    async fn take(
        &self,
        reader: &Reader,
        read: Read,
        streams: &[String],
        stop: &Shutdown,
    ) -> Result<()> {
        match read {
            Read::NoGroup => self.make_groups(streams).await,
            Read::Entries(entries) => {
                for entry in entries {
                    if !self.settle(&entry, stop).await {
                        // Stopping: what is not settled stays pending and is claimed by another.
                        return Ok(());
                    }
                    reader.ack(&entry.stream, vec![entry.id.clone()]).await?;
                }
                Ok(())
            }
        }
    }

    async fn take_over(&self, reader: &Reader, streams: &[String], stop: &Shutdown) -> Result<()> {
        for stream in streams {
            let left = reader.claim(stream, CLAIM_IDLE, COUNT).await?;
            self.take(reader, left, streams, stop).await?;
        }
        Ok(())
    }

    /// Brings an entry to its effect or among the dead letters; returns false when stopping came first.
    async fn settle(&self, entry: &Entry, stop: &Shutdown) -> bool {
        let Some(envelope) = entry
            .field(FIELD)
            .and_then(|bytes| Envelope::decode(bytes.clone()).ok())
        else {
            tracing::error!(stream = %entry.stream, id = %entry.id, "a stream entry is no envelope; skipped");
            return true;
        };
        let mut wait = BACK_OFF;
        loop {
            let error = match self.apply(&envelope, None).await {
                Ok(()) => return true,
                Err(error) => error,
            };
            match dead::keep(&self.db, &self.service, &envelope, &error).await {
                Ok(()) => {
                    tracing::warn!(event = %envelope.event_id, r#type = %envelope.r#type, %error, "an event failed; it is tried again");
                    return true;
                }
                // PostgreSQL is away: the event neither has its effect nor may be passed over.
                Err(down) => {
                    tracing::warn!(event = %envelope.event_id, error = %down, "events wait for the database")
                }
            }
            tokio::select! {
                () = stop.begun() => return false,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(5)),
            }
        }
    }

    /// One try: inbox row, effect and, for a letter, its removal, in one transaction.
    async fn apply(&self, envelope: &Envelope, letter: Option<Uuid>) -> Result<()> {
        let Some(handler) = self.handlers.get(&envelope.r#type) else {
            return Ok(());
        };
        let event: Uuid = envelope.event_id.parse().map_err(Fault::internal)?;
        let mut tx = self.db.begin(&context(envelope)).await?;
        let first = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
            [self.service.to_string().into(), event.into()],
        );
        let first = tx
            .execute_raw(first)
            .await
            .map_err(store::fault)?
            .rows_affected()
            == 1;
        if first {
            let started = Instant::now();
            let outcome = handler(&mut tx, envelope).await;
            let label = if outcome.is_ok() { "ok" } else { "failed" };
            metrics::counter!("sf_events_handled_total", "service" => self.service.to_string(), "outcome" => label)
                .increment(1);
            tracing::debug!(r#type = %envelope.r#type, outcome = label, elapsed = ?started.elapsed(), "event");
            outcome?;
        }
        if let Some(id) = letter {
            dead::settle(&*tx, id).await?;
        }
        tx.commit().await
    }

    async fn retry(self, stop: Shutdown) -> Result<()> {
        let mut purged = Instant::now();
        loop {
            while let Some(due) = dead::take_due(&self.db, &self.service).await? {
                if let Err(error) = self.apply(&due.envelope, Some(due.id)).await {
                    dead::failed(&self.db, &due, &error).await?;
                }
            }
            if purged.elapsed() >= PURGE {
                purged = Instant::now();
                retention::purge(&self.db).await?;
            }
            tokio::select! {
                () = stop.begun() => return Ok(()),
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    async fn measure(&self, streams: &[String]) -> Result<()> {
        for stream in streams {
            let group = self
                .redis
                .groups(stream)
                .await?
                .into_iter()
                .find(|group| group.name == *self.service);
            if let Some(group) = group {
                let behind = group.pending + group.lag.unwrap_or_default();
                metrics::gauge!("sf_consumer_lag", "service" => self.service.to_string(), "stream" => stream.clone())
                    .set(behind as f64);
            }
        }
        let letters = dead::waiting(&self.db).await?;
        metrics::gauge!("sf_dead_letters", "service" => self.service.to_string())
            .set(letters as f64);
        Ok(())
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("service", &self.service)
            .field("types", &self.handlers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
