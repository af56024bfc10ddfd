//! The runs: one at a time on the whole server, roles first, then migrations as the owner.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sea_orm_migration::sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_migration::{MigrationStatus, MigratorTrait};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use store::role;

use crate::{Migrator, roles};

/// Key of the advisory lock in the maintenance database ("smilefac").
const LOCK: i64 = 0x736d_696c_6566_6163;

/// What is to be migrated.
#[derive(Clone)]
pub struct Target {
    /// `postgres://` URL of the database, naming the migrating user; a direct connection, not a transaction pooler.
    pub url: String,
    /// Name of the database the lock is taken in, equal for everybody who migrates on this server. Default `postgres`.
    pub maintenance: String,
    /// The secret the passwords of the service roles are derived from.
    pub role_secret: Vec<u8>,
}

impl Target {
    /// Takes the URL and the role secret, with the maintenance database `postgres`.
    pub fn new(url: impl Into<String>, role_secret: impl Into<Vec<u8>>) -> Self {
        Self {
            url: url.into(),
            maintenance: "postgres".to_owned(),
            role_secret: role_secret.into(),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("maintenance", &self.maintenance)
            .finish_non_exhaustive()
    }
}

/// Applies every pending migration; returns their names.
///
/// # Errors
/// When the server cannot be reached, the user may not act as the owner, or a migration fails; those before it stay.
pub async fn up(target: &Target) -> Result<Vec<String>> {
    let run = Run::start(target).await?;
    let pending = names(
        &Migrator::get_pending_migrations(&run.owner).await?,
        MigrationStatus::Pending,
    );
    Migrator::up(&run.owner, None).await?;
    run.end().await?;
    Ok(pending)
}

/// Takes back the last applied migration; returns its name, `None` when there is none.
///
/// # Errors
/// As [`up`].
pub async fn down(target: &Target) -> Result<Option<String>> {
    let run = Run::start(target).await?;
    let last = names(
        &Migrator::get_applied_migrations(&run.owner).await?,
        MigrationStatus::Applied,
    )
    .pop();
    Migrator::down(&run.owner, Some(1)).await?;
    run.end().await?;
    Ok(last)
}

/// Returns every migration's name and whether it is applied, in order; changes nothing.
///
/// # Errors
/// When the database cannot be reached.
pub async fn status(target: &Target) -> Result<Vec<(String, bool)>> {
    let options = PgConnectOptions::from_str(&target.url)?.disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options).await?;
    let made: bool = sqlx::query_scalar("select to_regclass('app.seaql_migrations') is not null")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    if !made {
        return Ok(Migrator::migrations()
            .iter()
            .map(|migration| (migration.name().to_owned(), false))
            .collect());
    }
    let owner = owner(target).await?;
    let all = Migrator::get_migration_with_status_read_only(&owner).await?;
    owner.close().await?;
    Ok(all
        .iter()
        .map(|one| {
            (
                one.name().to_owned(),
                one.status() == MigrationStatus::Applied,
            )
        })
        .collect())
}

fn names(migrations: &[sea_orm_migration::Migration], status: MigrationStatus) -> Vec<String> {
    migrations
        .iter()
        .filter(|one| one.status() == status)
        .map(|one| one.name().to_owned())
        .collect()
}

/// A run that holds the lock until its connection ends.
struct Run {
    lock: PgConnection,
    owner: DatabaseConnection,
}

impl Run {
    async fn start(target: &Target) -> Result<Self> {
        let lock = lock(target).await?;
        prepare(target).await?;
        let owner = owner(target).await?;
        Ok(Self { lock, owner })
    }

    async fn end(self) -> Result<()> {
        self.owner.close().await?;
        self.lock.close().await?;
        Ok(())
    }
}

async fn lock(target: &Target) -> Result<PgConnection> {
    let options = PgConnectOptions::from_str(&target.url)?
        .database(&target.maintenance)
        .application_name("smilefactory migrate lock")
        .disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options)
        .await
        .with_context(|| {
            format!(
                "cannot reach the maintenance database `{}`",
                target.maintenance
            )
        })?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

async fn prepare(target: &Target) -> Result<()> {
    let options = PgConnectOptions::from_str(&target.url)?.disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options)
        .await
        .context("cannot reach the database")?;
    sqlx::raw_sql("set client_min_messages = warning")
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(roles::statements(&target.role_secret)))
        .execute(&mut connection)
        .await
        .context("cannot make the roles: the user needs CREATEROLE and CREATE on the database")?;
    connection.close().await?;
    Ok(())
}

/// Connections that act as the owner and find the migration log in `app`.
async fn owner(target: &Target) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(target.url.clone());
    options
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false)
        .set_application_name("smilefactory migrate")
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    let session = format!(
                        "set role {}; set search_path = app; set statement_timeout = 0; set lock_timeout = '30s';
                         set client_min_messages = warning",
                        role::OWNER
                    );
                    sqlx::raw_sql(AssertSqlSafe(session)).execute(connection).await.map(drop)
                })
            })
        });
    Database::connect(options)
        .await
        .context("cannot act as the owner of the schemas")
}
