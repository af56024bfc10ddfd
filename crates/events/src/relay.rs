//! The relay: committed outbox rows become stream entries (EB-1, EB-6).

use std::time::Duration;

use chassis::{Shutdown, Task};
use contracts::common::v1::Envelope;
use fault::Result;
use prost::Message;
use redis::{Redis, Script};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use store::{Db, Lease};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use crate::envelope::timestamp;
use crate::outbox::{Headers, commits};
use crate::{FIELD, stream, wake_signal};

/// How often the outbox is looked at when nothing wakes the relay.
const POLL: Duration = Duration::from_millis(250);
/// How long one grant of the lease lasts, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(6);
const RENEW: Duration = Duration::from_secs(2);
/// Rows moved between two looks at the lease.
const BATCH: i64 = 256;
/// How often the stream is trimmed below its slowest group.
const TRIM: Duration = Duration::from_secs(60);
/// Entries younger than this stay, so that a service that has not started yet finds them.
const TRIM_AGE: Duration = Duration::from_secs(3600);

/// The stream's last id; empty when there is no stream.
static LAST_ID: Script = Script::new(
    r"
    if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then return info[i + 1] end
    end
    return ''
    ",
);

/// Moves one service's events from its outbox to its stream.
#[derive(Debug)]
pub struct Relay {
    service: String,
    stream: String,
    db: Db,
    redis: Redis,
    lease: Lease,
    trimmed: Instant,
}

impl Relay {
    /// The background task of a service's relay. Any number of replicas may run it; one at a time works.
    #[must_use]
    pub fn task(service: &str, db: Db, redis: Redis) -> Task {
        let service = service.to_owned();
        Task::new(format!("{service}.relay"), move |stop: Shutdown| {
            let relay = Relay {
                stream: stream(&service),
                lease: Lease::new(db.clone(), "relay", "", LEASE),
                service: service.clone(),
                db: db.clone(),
                redis: redis.clone(),
                trimmed: Instant::now(),
            };
            relay.run(stop)
        })
    }

    async fn run(mut self, stop: Shutdown) -> Result<()> {
        let mut woken = commits();
        let mut signals = self.redis.subscribe(&wake_signal(&self.service)).await?;
        while !stop.is_begun() {
            if self.lease.hold().await? {
                self.lead(&stop, &mut woken, &mut signals).await?;
            } else {
                self.stand_by(&stop, &mut woken).await;
            }
        }
        self.lease.release().await
    }

    /// Works while the lease is held.
    async fn lead(
        &mut self,
        stop: &Shutdown,
        woken: &mut tokio::sync::watch::Receiver<u64>,
        signals: &mut redis::Subscription,
    ) -> Result<()> {
        self.refill_lost_stream().await?;
        let mut renewed = Instant::now();
        loop {
            let mut moved = self.publish_batch().await?;
            while moved == BATCH && renewed.elapsed() < RENEW {
                moved = self.publish_batch().await?;
            }
            if renewed.elapsed() >= RENEW {
                self.refill_lost_stream().await?;
                if !self.lease.hold().await? {
                    return Ok(());
                }
                renewed = Instant::now();
            }
            if self.trimmed.elapsed() >= TRIM {
                self.trimmed = Instant::now();
                self.trim().await?;
            }
            tokio::select! {
                () = stop.begun() => return Ok(()),
                _ = woken.changed() => {}
                _ = signals.next() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Another replica works: tells it of commits made here, and takes over when its lease ends.
    async fn stand_by(&self, stop: &Shutdown, woken: &mut tokio::sync::watch::Receiver<u64>) {
        let ends = tokio::time::sleep(RENEW);
        tokio::pin!(ends);
        loop {
            tokio::select! {
                () = stop.begun() => return,
                () = &mut ends => return,
                _ = woken.changed() => {
                    if let Err(error) = self.redis.publish(&wake_signal(&self.service), "").await {
                        tracing::debug!(%error, "wake-up signal lost; the leading relay polls");
                    }
                }
            }
        }
    }

    /// Publishes the oldest unpublished rows; returns how many there were.
    async fn publish_batch(&self) -> Result<i64> {
        let select = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select id, aggregate_id, aggregate_version, type, payload, headers, created_at \
             from outbox where published_at is null order by seq limit $1",
            [BATCH.into()],
        );
        let rows = self
            .db
            .connection()
            .query_all_raw(select)
            .await
            .map_err(store::fault)?;
        let lag = metrics::gauge!("sf_outbox_lag_seconds", "service" => self.service.clone());
        let Some(oldest) = rows.first() else {
            lag.set(0.0);
            return Ok(0);
        };
        let oldest: OffsetDateTime = oldest.try_get("", "created_at").map_err(store::fault)?;
        lag.set((identity::clock::now() - oldest).as_seconds_f64().max(0.0));

        let mut ids: Vec<Uuid> = Vec::with_capacity(rows.len());
        let mut last = String::new();
        for row in &rows {
            let envelope = envelope_of(row)?;
            last = self
                .redis
                .stream_add(&self.stream, FIELD, envelope.encode_to_vec())
                .await?;
            ids.push(row.try_get("", "id").map_err(store::fault)?);
        }
        let moved = i64::try_from(ids.len()).unwrap_or(BATCH);
        self.mark(ids, &last).await?;
        metrics::counter!("sf_events_published_total", "service" => self.service.clone())
            .increment(moved.unsigned_abs());
        Ok(moved)
    }

    /// Marks rows as published and remembers the stream's last id, by which a loss is noticed.
    async fn mark(&self, ids: Vec<Uuid>, last: &str) -> Result<()> {
        let mark = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with marked as (update outbox set published_at = now() where id = any($1)) \
             update job_runs set state = jsonb_build_object('lastId', $2::text), last_ok_at = now() \
             where job = 'relay' and key = ''",
            [ids.into(), last.into()],
        );
        self.db
            .connection()
            .execute_raw(mark)
            .await
            .map_err(store::fault)?;
        Ok(())
    }

    /// Redis that was emptied, or came back from an older file, gets every kept row again (EB-6).
    async fn refill_lost_stream(&self) -> Result<()> {
        let state = Statement::from_string(
            DbBackend::Postgres,
            "select state->>'lastId' as last from job_runs where job = 'relay' and key = ''",
        );
        let row = self
            .db
            .connection()
            .query_one_raw(state)
            .await
            .map_err(store::fault)?;
        let known: Option<String> = match row {
            Some(row) => row.try_get("", "last").map_err(store::fault)?,
            None => None,
        };
        let Some(known) = known else { return Ok(()) };
        let found = self
            .redis
            .eval(&LAST_ID, &[&self.stream], &[])
            .await?
            .text()?;
        if position(&found) >= position(&known) {
            return Ok(());
        }
        let again = Statement::from_string(
            DbBackend::Postgres,
            "with again as (update outbox set published_at = null where published_at is not null returning 1), \
             forgotten as (update job_runs set state = '{}' where job = 'relay' and key = '') \
             select count(*) as rows from again",
        );
        let row = self
            .db
            .connection()
            .query_one_raw(again)
            .await
            .map_err(store::fault)?;
        let rows: i64 = row
            .map_or(Ok(0), |row| row.try_get("", "rows"))
            .map_err(store::fault)?;
        tracing::warn!(stream = %self.stream, %known, %found, rows, "the event stream lost entries; publishing the kept rows again");
        Ok(())
    }

    /// Removes entries every group has acknowledged, but none younger than an hour (EB-3).
    async fn trim(&self) -> Result<()> {
        let groups = self.redis.groups(&self.stream).await?;
        let slowest = groups
            .iter()
            .map(|group| {
                group
                    .oldest_pending
                    .as_deref()
                    .unwrap_or(&group.last_delivered)
            })
            .min_by_key(|id| position(id));
        let Some(slowest) = slowest else {
            return Ok(());
        };
        let age = i64::try_from(TRIM_AGE.as_secs()).unwrap_or(i64::MAX);
        let oldest_kept = (identity::clock::unix() - age).max(0).unsigned_abs() * 1000;
        let bound = position(slowest).min((oldest_kept, 0));
        self.redis
            .stream_trim(&self.stream, &format!("{}-{}", bound.0, bound.1))
            .await?;
        Ok(())
    }
}

/// A stream id as numbers that compare as the ids do; the empty id is before all.
fn position(id: &str) -> (u64, u64) {
    let (millis, counter) = id.split_once('-').unwrap_or((id, "0"));
    (millis.parse().unwrap_or(0), counter.parse().unwrap_or(0))
}

fn envelope_of(row: &QueryResult) -> Result<Envelope> {
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

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn eb_6_stream_ids_compare_as_numbers() {
        assert!(position("1700000000000-10") > position("1700000000000-9"));
        assert!(position("999-0") < position("1000-0"));
        assert!(position("") < position("0-1"));
    }
}
