//! The relay: committed outbox rows become stream entries (EB-1, EB-6).
//!
//! Rows are found by `published_at is null`, never by a high-water mark, since sequences commit out of order. A crash
//! between the stream and the mark publishes rows again, which consumers undo by the event id.
//!
//! The stream's last id is kept beside the lease. One script compares it with the stream and appends, so that a Redis
//! that was emptied, or came back from an older file, is noticed even when it happens between two steps of ours.

use std::time::Duration;

use chassis::{Shutdown, Task};
use fault::Result;
use prost::Message as _;
use redis::{Arg, Redis, Script, Subscription};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use store::{Db, Lease};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::outbox::{commits, envelope_of};
use crate::patience::Patience;
use crate::{FIELD, stream, wake_signal};

/// How often the outbox is looked at when nothing wakes the relay.
const POLL: Duration = Duration::from_millis(250);
/// How long one grant of the lease lasts, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(6);
const RENEW: Duration = Duration::from_secs(2);
/// Rows moved at once.
const BATCH: usize = 256;
/// How often the stream is trimmed below its slowest group.
const TRIM: Duration = Duration::from_secs(60);
/// Entries younger than this stay, so that a service that has not started yet finds them; in seconds.
const TRIM_AGE: i64 = 3600;

/// Appends `ARGV[3..]` as field `ARGV[2]` unless the stream is older than `ARGV[1]`; returns whether it was not, and its
/// last id.
static APPEND: Script = Script::new(
    r"
    local last = '0-0'
    if redis.call('EXISTS', KEYS[1]) == 1 then
      local info = redis.call('XINFO', 'STREAM', KEYS[1])
      for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' then last = info[i + 1] end
      end
    end
    local function parts(id)
      local ms, n = string.match(id, '^(%d+)-(%d+)$')
      return tonumber(ms), tonumber(n)
    end
    local known_ms, known_n = parts(ARGV[1])
    local last_ms, last_n = parts(last)
    if last_ms < known_ms or (last_ms == known_ms and last_n < known_n) then return {0, last} end
    for i = 3, #ARGV do last = redis.call('XADD', KEYS[1], '*', ARGV[2], ARGV[i]) end
    return {1, last}
    ",
);

/// The id before all ids.
const NONE: &str = "0-0";

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
        let mut patience = Patience::new();
        while !stop.is_begun() {
            match self.turn(&stop, &mut woken).await {
                Ok(()) => patience = Patience::new(),
                Err(error) => {
                    tracing::warn!(service = %self.service, %error, "events wait in the outbox");
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
            self.stand_by(stop, woken).await;
            Ok(())
        }
    }

    async fn lead(
        &mut self,
        stop: &Shutdown,
        woken: &mut watch::Receiver<u64>,
        signals: &mut Subscription,
    ) -> Result<()> {
        let mut known = self.known().await?;
        let mut renewed = Instant::now();
        // Also without news: a stream that was lost is to be filled again.
        self.append(&mut known, Vec::new()).await?;
        loop {
            while renewed.elapsed() < RENEW && self.publish_batch(&mut known).await? == BATCH {}
            if renewed.elapsed() >= RENEW {
                if !self.lease.hold().await? {
                    return Ok(());
                }
                renewed = Instant::now();
                self.append(&mut known, Vec::new()).await?;
            }
            if self.trimmed.elapsed() >= TRIM {
                self.trimmed = Instant::now();
                self.trim().await?;
            }
            tokio::select! {
                () = stop.begun() => return Ok(()),
                Ok(()) = woken.changed() => {}
                Some(_) = signals.next() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Another replica leads: tells it of commits made here, and comes back when its lease may have ended.
    async fn stand_by(&self, stop: &Shutdown, woken: &mut watch::Receiver<u64>) {
        let ends = tokio::time::sleep(RENEW);
        tokio::pin!(ends);
        loop {
            tokio::select! {
                () = stop.begun() => return,
                () = &mut ends => return,
                Ok(()) = woken.changed() => {
                    if let Err(error) = self.redis.publish(&wake_signal(&self.service), "").await {
                        tracing::debug!(%error, "wake-up signal lost; the leading relay polls");
                    }
                }
            }
        }
    }

    /// Publishes the oldest waiting rows; returns how many there were.
    async fn publish_batch(&self, known: &mut String) -> Result<usize> {
        let rows = self.waiting().await?;
        self.measure(rows.first())?;
        if rows.is_empty() {
            return Ok(0);
        }
        let mut envelopes = Vec::with_capacity(rows.len());
        let mut ids: Vec<Uuid> = Vec::with_capacity(rows.len());
        for row in &rows {
            envelopes.push(Arg::from(envelope_of(row)?.encode_to_vec()));
            ids.push(row.try_get("", "id").map_err(store::fault)?);
        }
        if self.append(known, envelopes).await? {
            self.mark(ids, known).await?;
            metrics::counter!("sf_events_published_total", "service" => self.service.clone())
                .increment(rows.len() as u64);
        }
        Ok(rows.len())
    }

    async fn waiting(&self) -> Result<Vec<QueryResult>> {
        let select = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select id, aggregate_id, aggregate_version, type, payload, headers, created_at \
             from outbox where published_at is null order by seq limit $1",
            [(BATCH as i64).into()],
        );
        self.db
            .connection()
            .query_all_raw(select)
            .await
            .map_err(store::fault)
    }

    /// The age of the oldest waiting row is how far the stream lags behind.
    fn measure(&self, oldest: Option<&QueryResult>) -> Result<()> {
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

    /// Appends to the stream and moves `known` on; returns false, and has every kept row published again, when the
    /// stream lost entries.
    async fn append(&self, known: &mut String, envelopes: Vec<Arg>) -> Result<bool> {
        let mut args = vec![Arg::from(known.as_str()), Arg::from(FIELD)];
        args.extend(envelopes);
        let reply = self
            .redis
            .eval(&APPEND, &[&self.stream], &args)
            .await?
            .many()?;
        let (done, last) = match reply.as_slice() {
            [done, last] => (done.int()? == 1, last.text()?),
            _ => {
                return Err(fault::Fault::internal(
                    "the relay's script answered in another shape",
                ));
            }
        };
        if !done {
            let rows = self.republish().await?;
            tracing::warn!(stream = %self.stream, %known, found = %last, rows, "the event stream lost entries; publishing the kept rows again");
            NONE.clone_into(known);
        } else if last != NONE {
            *known = last;
        }
        Ok(done)
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

    /// The last id this or another relay of the service is known to have written.
    async fn known(&self) -> Result<String> {
        let state = Statement::from_string(
            DbBackend::Postgres,
            "select coalesce(state->>'lastId', '0-0') as last from job_runs where job = 'relay' and key = ''",
        );
        let row = self
            .db
            .connection()
            .query_one_raw(state)
            .await
            .map_err(store::fault)?;
        row.map_or_else(|| Ok(NONE.to_owned()), |row| row.try_get("", "last"))
            .map_err(store::fault)
    }

    /// Makes every kept row wait again (EB-6); returns how many.
    async fn republish(&self) -> Result<i64> {
        let again = Statement::from_string(
            DbBackend::Postgres,
            "with again as (update outbox set published_at = null where published_at is not null returning 1), \
             forgotten as (update job_runs set state = '{}' where job = 'relay' and key = '') \
             select count(*) as rows from again",
        );
        // All or nothing, however long it takes, hence not with the role's time-out.
        let ctx = identity::Context::background("relay", Duration::from_secs(300));
        let tx = self.db.begin(&ctx).await?;
        let row = tx.query_one_raw(again).await.map_err(store::fault)?;
        let rows = row
            .map_or(Ok(0), |row| row.try_get("", "rows"))
            .map_err(store::fault)?;
        tx.commit().await?;
        Ok(rows)
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
            .map(position)
            .min();
        let Some(slowest) = slowest else {
            return Ok(());
        };
        let oldest_kept = (identity::clock::unix() - TRIM_AGE).max(0).unsigned_abs() * 1000;
        let (millis, counter) = slowest.min((oldest_kept, 0));
        self.redis
            .stream_trim(&self.stream, &format!("{millis}-{counter}"))
            .await?;
        Ok(())
    }
}

/// A stream id as numbers that compare as the ids do.
fn position(id: &str) -> (u64, u64) {
    let (millis, counter) = id.split_once('-').unwrap_or((id, "0"));
    (millis.parse().unwrap_or(0), counter.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn eb_3_stream_ids_compare_as_numbers() {
        assert!(position("1700000000000-10") > position("1700000000000-9"));
        assert!(position("999-0") < position("1000-0"));
    }
}
