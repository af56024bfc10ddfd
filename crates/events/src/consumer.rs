//! Consuming: each event has its effect once, whatever is delivered how often (EB-3..EB-5).

mod reading;
mod retrying;

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, Task};
use contracts::common::v1::Envelope;
use fault::{Fault, Result};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prost::{Message, Name};
use redis::Redis;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::{Db, Tx};
use telemetry::{
    Span, TraceContext,
    span::{self, Kind},
};
use uuid::Uuid;

use crate::{context, dead, decode, full_name_parts, stream};

type Handler =
    Arc<dyn for<'a> Fn(&'a mut Tx, &'a Envelope) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// Entries another consumer left unacknowledged for this long are taken over (N-56).
const CLAIM_IDLE: Duration = Duration::from_secs(60);

/// One service's consumer group over the streams of the types it handles.
#[derive(Clone)]
pub struct Consumer {
    service: Arc<str>,
    db: Db,
    redis: Redis,
    handlers: HashMap<String, Handler>,
    /// Tables whose ended rows go once no event of theirs can come any more.
    projections: Vec<&'static str>,
    idle: Duration,
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
            projections: Vec::new(),
            idle: CLAIM_IDLE,
        }
    }

    /// Takes over what another consumer left unacknowledged for this long instead of 60 s. It must be longer than the
    /// slowest handler; a shorter one costs work done twice, never an effect.
    #[must_use]
    pub fn claims_after(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
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

    /// Has rows of these tables removed 8 days after they ended (`removed_at`).
    pub(crate) fn keeps(mut self, tables: &[&'static str]) -> Self {
        self.projections.extend_from_slice(tables);
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
                move |stop: Shutdown| reading::run(reading.clone(), stop),
            ),
            Task::new(
                format!("{}.consumer.retry", retrying.service),
                move |stop: Shutdown| retrying::run(retrying.clone(), stop),
            ),
        ]
    }

    fn streams(&self) -> Vec<String> {
        let services = self
            .handlers
            .keys()
            .filter_map(|full| full_name_parts(full));
        let mut streams: Vec<String> = services.map(|(service, _)| stream(service)).collect();
        streams.sort();
        streams.dedup();
        streams
    }

    /// One try: inbox row, effect and, for a letter, its removal, in one transaction.
    async fn apply(&self, event: Uuid, envelope: &Envelope, letter: Option<Uuid>) -> Result<()> {
        if letter.is_none() && !self.handlers.contains_key(&envelope.r#type) {
            return Ok(());
        }
        let trace = TraceContext::continued(Some(&envelope.traceparent));
        let mut span = Span::begin(&trace, Kind::Consumer, &self.service);
        let work = self.apply_in(&trace, event, envelope, letter);
        let outcome = span::within(&trace, work).await;
        span.record(|span| {
            span.name(format!("{} process", envelope.r#type));
            span.set("messaging.system", "redis");
            span.set("messaging.operation", "process");
            span.set("messaging.message.id", event.to_string());
            span.set("sf.event_type", envelope.r#type.clone());
            span.set("sf.request_id", envelope.correlation_id.clone());
            if outcome.is_err() {
                span.fail();
            }
        });
        outcome
    }

    async fn apply_in(
        &self,
        trace: &TraceContext,
        event: Uuid,
        envelope: &Envelope,
        letter: Option<Uuid>,
    ) -> Result<()> {
        let handler = self.handlers.get(&envelope.r#type);
        let ctx = context(envelope).with_trace(trace.to_string());
        let mut tx = self.db.begin(&ctx).await?;
        if let Some(handler) = handler
            && self.is_first(&tx, event).await?
        {
            // Nothing of a handler that panicked is used again; its transaction is rolled back.
            let effect = AssertUnwindSafe(handler(&mut tx, envelope))
                .catch_unwind()
                .await;
            let outcome = effect.unwrap_or_else(|_| Err(Fault::internal("the handler panicked")));
            let label = if outcome.is_ok() { "ok" } else { "failed" };
            metrics::counter!("sf_events_handled_total", "service" => self.service.to_string(), "outcome" => label)
                .increment(1);
            outcome?;
        }
        if let Some(id) = letter {
            dead::settle(&*tx, id).await?;
        }
        tx.commit().await
    }

    /// Writes the inbox row; returns false when the event had its effect before (EB-4).
    ///
    /// An event that comes again keeps its row: the outbox row it came from lives on, and may come once more.
    async fn is_first(&self, tx: &Tx, event: Uuid) -> Result<bool> {
        let insert = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into inbox (consumer, event_id) values ($1, $2) \
             on conflict (consumer, event_id) do update set processed_at = now() \
               where inbox.processed_at < now() - interval '1 day' \
             returning xmax = 0 as is_new",
            [self.service.to_string().into(), event.into()],
        );
        let row = tx.query_one_raw(insert).await.map_err(store::fault)?;
        row.map_or(Ok(false), |row| row.try_get("", "is_new"))
            .map_err(store::fault)
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
