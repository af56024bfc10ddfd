//! The relay's side of the outbox: what waits, what is marked, what is published again.

use std::time::Duration;

use fault::Result;
use identity::Context;
use prost::Message as _;
use redis::Arg;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use serde_json::json;
use store::Db;
use time::OffsetDateTime;
use uuid::Uuid;

use super::shelf::NONE;
use super::{BATCH, Batch, Relay};
use crate::outbox::envelope_of;

/// Time the rows of a week have to be made wait again.
const REPUBLISH: Duration = Duration::from_secs(300);

impl Relay {
    /// Publishes the oldest waiting rows.
    pub(super) async fn publish_batch(&self, known: &mut String) -> Result<Batch> {
        let rows = self.waiting(BATCH).await?;
        self.show_lag(rows.first())?;
        if rows.is_empty() {
            return Ok(Batch::Last);
        }
        let mut envelopes = Vec::with_capacity(rows.len());
        let mut ids: Vec<Uuid> = Vec::with_capacity(rows.len());
        for row in &rows {
            envelopes.push(Arg::from(envelope_of(row)?.encode_to_vec()));
            ids.push(row.try_get("", "id").map_err(store::fault)?);
        }
        if self.append(known, envelopes).await? {
            let held = self.mark(ids, known).await?;
            metrics::counter!("sf_events_published_total", "service" => self.service.clone())
                .increment(rows.len() as u64);
            if !held {
                tracing::warn!(service = %self.service, "the relay's lease was lost in mid-work; another leads");
                return Ok(Batch::Ousted);
            }
        }
        Ok(if rows.len() == BATCH {
            Batch::Full
        } else {
            Batch::Last
        })
    }

    async fn waiting(&self, at_most: usize) -> Result<Vec<QueryResult>> {
        let select = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select id, aggregate_id, aggregate_version, type, payload, headers, created_at \
             from outbox where published_at is null order by seq limit $1",
            [i64::try_from(at_most).unwrap_or(i64::MAX).into()],
        );
        self.db
            .connection()
            .query_all_raw(select)
            .await
            .map_err(store::fault)
    }

    /// Shows how far the stream lags behind, whoever leads.
    pub(super) async fn measure(&self) -> Result<()> {
        self.show_lag(self.waiting(1).await?.first())
    }

    /// The age of the oldest waiting row is how far the stream lags behind.
    fn show_lag(&self, oldest: Option<&QueryResult>) -> Result<()> {
        let lag = match oldest {
            Some(row) => {
                let since: OffsetDateTime = row.try_get("", "created_at").map_err(store::fault)?;
                (identity::clock::now() - since).as_seconds_f64().max(0.0)
            }
            None => 0.0,
        };
        metrics::gauge!("sf_outbox_lag_seconds", "service" => self.service.clone()).set(lag);
        Ok(())
    }

    /// Marks rows as published and remembers the stream's last id, by which a loss is noticed; returns whether the lease
    /// was still held. The rows are in the stream either way.
    async fn mark(&self, ids: Vec<Uuid>, last: &str) -> Result<bool> {
        let mark = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with marked as (update outbox set published_at = now() where id = any($1)) \
             update job_runs set state = state || jsonb_build_object('lastId', $2::text), last_ok_at = now() \
             where job = 'relay' and key = '' and locked_by = $3 and locked_until > now()",
            [ids.into(), last.into(), self.lease.owner().into()],
        );
        let marked = self
            .db
            .connection()
            .execute_raw(mark)
            .await
            .map_err(store::fault)?;
        Ok(marked.rows_affected() == 1)
    }

    /// Recalls what this or another relay of the service noted: the groups, and the last id it is known to have written.
    pub(super) async fn recall(&mut self) -> Result<String> {
        let noted = self.lease.noted().await?;
        let groups = noted["groups"].as_array().into_iter().flatten();
        self.groups = groups
            .filter_map(|group| group.as_str().map(str::to_owned))
            .collect();
        Ok(noted["lastId"].as_str().unwrap_or(NONE).to_owned())
    }

    /// Makes every kept row wait again (EB-6); returns how many.
    pub(super) async fn republish(&self) -> Result<u64> {
        let rows = republish(&self.db, OffsetDateTime::UNIX_EPOCH).await?;
        // Afterwards: should this end in between, the loss is noticed again.
        self.lease.note(json!({"lastId": NONE})).await?;
        Ok(rows)
    }
}

/// Makes every kept outbox row of the schema that was written since then wait again, so that its relay publishes it once
/// more; consumers that had the event do nothing (EB-6). Returns how many rows there were.
///
/// # Errors
/// See [`store::fault`].
pub async fn republish(db: &Db, since: OffsetDateTime) -> Result<u64> {
    let again = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "update outbox set published_at = null where published_at is not null and created_at >= $1",
        [since.into()],
    );
    // All or nothing, however long it takes, hence not with the role's time-out.
    let tx = db.begin(&Context::background("relay", REPUBLISH)).await?;
    let rows = tx.execute_raw(again).await.map_err(store::fault)?;
    tx.commit().await?;
    Ok(rows.rows_affected())
}
