//! Publishing: the outbox row in the transaction of the change (EB-1, EB-2).

use std::sync::LazyLock;

use contracts::common::v1::Envelope;
use fault::Result;
use identity::Context;
use prost::{Message, Name};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use store::Tx;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::envelope::timestamp;

/// Counts commits with news in this process; relays wait for it to rise.
static COMMITS: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::channel(0).0);

/// A commit counter that changes whenever something was published in this process.
pub(crate) fn commits() -> watch::Receiver<u64> {
    COMMITS.subscribe()
}

/// A fact about to be published.
#[derive(Debug, Clone)]
pub struct Event {
    aggregate_id: Uuid,
    aggregate_version: i32,
    type_name: String,
    payload: Vec<u8>,
    quiet: bool,
}

impl Event {
    /// An event of the thing `aggregate_id`, which has `version` after the change.
    ///
    /// The row of that thing must be locked by the transaction, so that its events are ordered as its changes are.
    #[must_use]
    pub fn of<M: Message + Name>(aggregate_id: Uuid, version: i32, payload: &M) -> Self {
        Self {
            aggregate_id,
            aggregate_version: version,
            type_name: M::full_name(),
            payload: payload.encode_to_vec(),
            quiet: false,
        }
    }

    /// Marks bulk work: nobody is notified.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }
}

impl Event {
    /// The envelope as the relay would make it of the outbox row: for streams that are written without one, in tests.
    #[must_use]
    pub fn into_envelope(self, ctx: &Context) -> Envelope {
        let headers = Headers::of(ctx, self.quiet);
        Envelope {
            event_id: Uuid::now_v7().to_string(),
            r#type: self.type_name,
            version: headers.version,
            occurred_at: Some(timestamp(identity::clock::now())),
            aggregate_id: self.aggregate_id.to_string(),
            aggregate_version: self.aggregate_version,
            actor_account_id: headers.actor_account_id,
            actor_profile_id: headers.actor_profile_id,
            correlation_id: headers.correlation_id,
            quiet: headers.quiet,
            payload: self.payload,
            traceparent: headers.traceparent,
        }
    }
}

/// What the outbox row keeps beside its columns.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    pub(crate) version: i32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) actor_account_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) actor_profile_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) correlation_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) traceparent: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quiet: bool,
}

impl Headers {
    fn of(ctx: &Context, quiet: bool) -> Self {
        let caller = ctx.caller();
        Self {
            version: 1,
            actor_account_id: caller
                .map(|caller| caller.account_id.to_string())
                .unwrap_or_default(),
            actor_profile_id: caller
                .map(|caller| caller.profile_id.to_string())
                .unwrap_or_default(),
            correlation_id: ctx.request_id().to_owned(),
            traceparent: ctx.trace().unwrap_or_default().to_owned(),
            quiet,
        }
    }
}

/// The start of a statement that appends an event by [`row`]'s values, its parameters `$1` to `$6`: a `select` without
/// its `from`, so that a change and its event can be one statement.
pub const APPEND: &str = "insert into outbox (id, aggregate_id, aggregate_version, type, payload, headers) select $1, $2, $3, $4, $5, $6";

/// The values [`APPEND`] takes. Whoever runs such a statement calls [`wake`] too.
///
/// # Errors
/// None in practice.
pub fn row(ctx: &Context, event: Event) -> Result<[Value; 6]> {
    let headers = Headers::of(ctx, event.quiet);
    let headers = serde_json::to_value(headers).map_err(fault::Fault::internal)?;
    Ok([
        Uuid::now_v7().into(),
        event.aggregate_id.into(),
        event.aggregate_version.into(),
        event.type_name.into(),
        event.payload.into(),
        headers.into(),
    ])
}

/// Wakes the relay once the transaction is committed.
pub fn wake(tx: &Tx) {
    tx.after_commit(|| COMMITS.send_modify(|commits| *commits = commits.wrapping_add(1)));
}

/// Appends an event to the outbox of the transaction's schema, and wakes the relay once it is committed.
///
/// # Errors
/// See [`store::fault`].
pub async fn publish(tx: &mut Tx, ctx: &Context, event: Event) -> Result<()> {
    let insert = Statement::from_sql_and_values(DbBackend::Postgres, APPEND, row(ctx, event)?);
    tx.execute_raw(insert).await.map_err(store::fault)?;
    wake(tx);
    Ok(())
}

/// The envelope of an outbox row.
pub(crate) fn envelope_of(row: &QueryResult) -> Result<Envelope> {
    let headers: serde_json::Value = row.try_get("", "headers").map_err(store::fault)?;
    let headers: Headers = serde_json::from_value(headers).map_err(fault::Fault::internal)?;
    let id: Uuid = row.try_get("", "id").map_err(store::fault)?;
    let aggregate: Uuid = row.try_get("", "aggregate_id").map_err(store::fault)?;
    let created: OffsetDateTime = row.try_get("", "created_at").map_err(store::fault)?;
    Ok(Envelope {
        event_id: id.to_string(),
        r#type: row.try_get("", "type").map_err(store::fault)?,
        version: headers.version,
        occurred_at: Some(timestamp(created)),
        aggregate_id: aggregate.to_string(),
        aggregate_version: row.try_get("", "aggregate_version").map_err(store::fault)?,
        actor_account_id: headers.actor_account_id,
        actor_profile_id: headers.actor_profile_id,
        correlation_id: headers.correlation_id,
        quiet: headers.quiet,
        payload: row.try_get("", "payload").map_err(store::fault)?,
        traceparent: headers.traceparent,
    })
}
