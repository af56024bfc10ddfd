//! Leases in `job_runs`: of several replicas, one runs a job (JB-1).

use std::time::Duration;

use fault::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetable};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Db, fault};

/// The right to run one job, held by renewing it before it ends.
#[derive(Debug, Clone)]
pub struct Lease {
    db: Db,
    job: String,
    key: String,
    owner: String,
    lasts: Duration,
}

impl Lease {
    /// A lease that is not held yet. `job` and `key` name the work, `lasts` says how long one grant is good for.
    #[must_use]
    pub fn new(db: Db, job: impl Into<String>, key: impl Into<String>, lasts: Duration) -> Self {
        Self {
            db,
            job: job.into(),
            key: key.into(),
            owner: Uuid::now_v7().to_string(),
            lasts,
        }
    }

    /// Takes or renews the lease by the database's clock; returns whether this owner holds it now.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn hold(&self) -> Result<bool> {
        let take = "insert into job_runs as j (job, key, locked_by, locked_until) \
             values ($1, $2, $3, now() + $4 * interval '1 second') \
             on conflict (job, key) do update set locked_by = excluded.locked_by, locked_until = excluded.locked_until \
             where j.locked_by = excluded.locked_by or j.locked_until is null or j.locked_until < now()";
        Ok(self
            .change(take, Some(self.lasts.as_secs_f64().into()))
            .await?
            == 1)
    }

    /// The name this owner holds the lease under, for statements that must fail once it is lost.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Notes facts beside the lease, over those of the same names, for whoever holds it next; returns whether it is still
    /// held. What was lost in mid-work is noticed here, and nothing is noted then.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn note(&self, facts: Value) -> Result<bool> {
        self.write("state = state || $4", facts).await
    }

    /// Notes that the whole job is done, and forgets where it was; returns whether the lease was still held.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn complete(&self) -> Result<bool> {
        self.write("state = $4, last_ok_at = now()", Value::Object(Map::new()))
            .await
    }

    async fn write(&self, change: &str, facts: Value) -> Result<bool> {
        let sql = format!(
            "update job_runs set {change} \
             where job = $1 and key = $2 and locked_by = $3 and locked_until > now()"
        );
        Ok(self.change(&sql, Some(facts.into())).await? == 1)
    }

    /// What was noted last, by whichever owner; an empty object when nothing was.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn noted(&self) -> Result<Value> {
        let noted = self.read("state").await?;
        Ok(noted.unwrap_or_else(|| Value::Object(Map::new())))
    }

    /// When the whole job was done last, by whichever owner; `None` when it never was.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn completed_at(&self) -> Result<Option<OffsetDateTime>> {
        Ok(self.read("last_ok_at").await?.flatten())
    }

    /// Gives the lease back, so that another replica need not wait for its end.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn release(&self) -> Result<()> {
        let give_back = "update job_runs set locked_until = now() where job = $1 and key = $2 and locked_by = $3";
        self.change(give_back, None).await.map(drop)
    }

    /// Changes the lease's row by a statement over its job, key, owner and what else it takes; returns how many rows it did.
    async fn change(&self, sql: &str, more: Option<sea_orm::Value>) -> Result<u64> {
        let own = [&self.job, &self.key, &self.owner].map(|text| text.clone().into());
        let values = own.into_iter().chain(more);
        let change = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let done = self.db.connection().execute_raw(change).await;
        Ok(done.map_err(fault)?.rows_affected())
    }

    /// Reads a column of the lease's row, if there is one.
    async fn read<T: TryGetable>(&self, column: &str) -> Result<Option<T>> {
        let read = Statement::from_sql_and_values(
            DbBackend::Postgres,
            format!("select {column} from job_runs where job = $1 and key = $2"),
            [self.job.clone().into(), self.key.clone().into()],
        );
        let row = self.db.connection().query_one_raw(read).await;
        let row = row.map_err(fault)?;
        row.map(|row| row.try_get("", column).map_err(fault))
            .transpose()
    }
}
