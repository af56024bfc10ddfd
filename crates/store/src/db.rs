//! One service's connection pool, and transactions that know their deadline and what to do after commit.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fault::{Fault, Result};
use futures_util::future::join_all;
use identity::Context;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait,
};
use tokio::sync::watch;

use crate::unit::{CallConnection, Unit};
use crate::{Tx, fault, role};

/// Where the database is and how many connections one service may hold.
#[derive(Clone)]
pub struct Config {
    /// `postgres://` URL; user and password in it are replaced by [`Config::role`] when that is set.
    pub url: String,
    /// Login role and password; `None` signs in as the URL says.
    pub role: Option<(String, String)>,
    /// Shown in `pg_stat_activity` and as the label `service` of the metrics.
    pub name: String,
    /// Most connections the pool opens. Default 10.
    pub max_connections: u32,
    /// Connections kept open when idle. Default 0.
    pub min_connections: u32,
    /// Longest wait for a free or new connection; after it the caller is told to come back. Default 900 ms.
    pub acquire_timeout: Duration,
    /// Idle connections above the minimum are closed after this time. Default 300 s.
    pub idle_timeout: Duration,
}

impl Config {
    /// Signs in as the URL says, with default pool sizes.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            role: None,
            name: name.into(),
            max_connections: 10,
            min_connections: 0,
            acquire_timeout: Duration::from_millis(900),
            idle_timeout: Duration::from_secs(300),
        }
    }

    /// Signs in as the service's own role, with the password derived from the deployment's role secret (DB-1).
    pub fn for_service(url: impl Into<String>, service: &str, secret: &[u8]) -> Self {
        let role = role::of(service);
        let password = role::password(secret, &role);
        Self {
            role: Some((role, password)),
            ..Self::new(url, service)
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("role", &self.role.as_ref().map(|(name, _)| name))
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// A pool of connections that are all signed in as one role; cheap to clone.
#[derive(Clone)]
pub struct Db {
    connection: DatabaseConnection,
    commits: Arc<watch::Sender<u64>>,
    in_use: InUse,
}

/// Tells how many connections of a pool are in use.
type InUse = Arc<dyn Fn() -> usize + Send + Sync>;

impl Db {
    /// Opens the pool and proves it by one round trip.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when nothing answers within the acquire time-out, `INTERNAL_ERROR` when the role or
    /// the URL is refused.
    pub async fn connect(config: Config) -> Result<Self> {
        let db = Self::connect_lazy(config).await?;
        db.ping().await?;
        Ok(db)
    }

    /// Opens this many connections at once, before calls come: signing in to PostgreSQL can take longer than a call
    /// waits, when it and the first calls to a new process share a busy machine. What fails is tried by whoever calls.
    pub async fn warm(&self, connections: u32) {
        let pool = self.connection.get_postgres_connection_pool();
        // All are held until the last is there: one that were given back would be taken again.
        let _opened = join_all((0..connections).map(|_| pool.acquire())).await;
    }

    /// Makes the pool without opening a connection.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when the URL cannot be read.
    pub async fn connect_lazy(config: Config) -> Result<Self> {
        let mut options = ConnectOptions::new(config.url.clone());
        options
            .connect_lazy(true)
            .max_connections(config.max_connections)
            .min_connections(config.min_connections)
            .acquire_timeout(config.acquire_timeout)
            .idle_timeout(config.idle_timeout)
            .max_lifetime(Duration::from_secs(1800))
            .test_before_acquire_if_idle_for(Duration::from_secs(10))
            .record_stmt_in_spans(false)
            .sqlx_logging(false)
            .set_application_name(config.name.clone());
        if let Some((name, password)) = config.role.clone() {
            options.map_sqlx_postgres_opts(move |options| {
                let user = pooler_user(&name, options.get_username());
                options.username(&user).password(&password)
            });
        }
        let mut connection = Database::connect(options).await.map_err(fault)?;
        let service = config.name.clone();
        connection.set_metric_callback(move |info| {
            metrics::histogram!("sf_db_query_seconds", "service" => service.clone())
                .record(info.elapsed.as_secs_f64());
            telemetry::span::finished(&service, info.elapsed, |span| describe(span, info));
        });
        let pool = connection.get_postgres_connection_pool().clone();
        let db = Self {
            connection,
            commits: Arc::new(watch::Sender::new(0)),
            in_use: Arc::new(move || (pool.size() as usize).saturating_sub(pool.num_idle())),
        };
        db.show_use(config.name);
        Ok(db)
    }

    /// Has the connections in use shown with the metrics, as long as anybody holds this pool.
    fn show_use(&self, service: String) {
        // Weak: what is shown must not keep open what nobody uses.
        let in_use = Arc::downgrade(&self.in_use);
        telemetry::before_render(move || {
            let in_use = in_use.upgrade().map(|in_use| in_use());
            metrics::gauge!("sf_db_pool_in_use", "service" => service.clone())
                .set(in_use.unwrap_or_default() as f64);
            in_use.is_some()
        });
    }

    /// The pool, for reads; each statement takes its own connection and the role's time-out (5 s).
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// What a request reads through once it may have written: its unit of work when it has one, else the pool. A
    /// request in a unit sees its own effects by it alone, and needs no second connection.
    #[must_use]
    pub fn for_call(&self, ctx: &Context) -> CallConnection {
        CallConnection::new(self.connection.clone(), ctx.attached())
    }

    /// Proves by one round trip that the database answers.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn ping(&self) -> Result<()> {
        self.connection.ping().await.map_err(fault)
    }

    /// Returns the names of the migrations that are applied, as every service may ask.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` while the migration is not applied that lets services ask; else see [`fault`](crate::fault).
    pub async fn applied_migrations(&self) -> Result<HashSet<String>> {
        let asked = "select name from app.applied_migrations() as name";
        let asked = Statement::from_string(self.connection.get_database_backend(), asked);
        let rows = self.connection.query_all_raw(asked).await.map_err(fault)?;
        rows.iter()
            .map(|row| row.try_get("", "name").map_err(fault))
            .collect()
    }

    /// Begins a transaction in which no statement takes longer than the call has left (DB-5). In a [`Unit`] of work
    /// it continues what the call has committed before.
    ///
    /// # Errors
    /// `GATEWAY_TIMEOUT` when the deadline has passed, else see [`fault`](crate::fault).
    pub async fn begin(&self, ctx: &Context) -> Result<Tx> {
        let left = ctx.remaining();
        if left.is_zero() {
            return Err(Fault::timeout());
        }
        // 0 would mean "no time-out", hence at least one millisecond; the setting is an int of milliseconds.
        let millis = left.as_millis().clamp(1, i32::MAX as u128);
        let unit = ctx.attached::<Unit>();
        let held = match &unit {
            Some(unit) => unit.go_on().await?,
            None => None,
        };
        let nested = held.is_some();
        let inner = match held {
            Some(savepoint) => savepoint,
            None => self.connection.begin().await.map_err(fault)?,
        };
        let backend = inner.get_database_backend();
        let limit = Statement::from_sql_and_values(
            backend,
            "select set_config('statement_timeout', $1, true)",
            [millis.to_string().into()],
        );
        inner.execute_raw(limit).await.map_err(fault)?;
        let tx = Tx::new(inner, unit.map(|unit| (unit, nested)));
        let commits = Arc::clone(&self.commits);
        tx.after_commit(move || commits.send_modify(|count| *count = count.wrapping_add(1)));
        Ok(tx)
    }

    /// Returns what changes with every transaction that is committed here.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Closes every connection; later use is `SERVICE_UNAVAILABLE`.
    pub async fn close(&self) {
        self.connection.get_postgres_connection_pool().close().await;
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

/// Says of a statement what it does, never with which values (OB-1).
fn describe(span: &mut telemetry::span::Recording, info: &sea_orm::metric::Info<'_>) {
    let sql = info.statement.sql.trim_start();
    let operation = operation(sql);
    span.set("db.system", "postgresql");
    span.set("db.operation", operation.clone());
    span.set("db.statement", sql.to_owned());
    span.name(operation);
    if info.failed {
        span.fail();
    }
}

/// Returns the first word of a statement; of one that begins with common tables what it changes, if it changes anything.
fn operation(sql: &str) -> String {
    let first = sql.split(|c: char| !c.is_ascii_alphabetic()).next();
    let first = first.unwrap_or_default().to_ascii_uppercase();
    if first != "WITH" {
        return first;
    }
    let changes = [
        ("insert into ", "INSERT"),
        ("delete from ", "DELETE"),
        ("update ", "UPDATE"),
    ];
    let found = changes.iter().find(|(words, _)| sql.contains(words));
    found.map_or("SELECT", |(_, name)| name).to_owned()
}

/// Poolers that serve many projects take `user.project` as the user; the project part stays what the URL says.
fn pooler_user(role: &str, url_user: &str) -> String {
    match url_user.split_once('.') {
        Some((_, project)) => format!("{role}.{project}"),
        None => role.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poolers_project_stays_in_the_user_name() {
        assert_eq!(pooler_user("sf_feed", "postgres"), "sf_feed");
        assert_eq!(pooler_user("sf_feed", "postgres.abcdef"), "sf_feed.abcdef");
    }
}
