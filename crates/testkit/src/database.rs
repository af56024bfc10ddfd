//! A migrated database per test, cloned from a template.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use migration::Target;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use uuid::Uuid;

/// The role secret of every test, one for all, since roles belong to the whole server.
pub const ROLE_SECRET: &[u8] = b"smilefactory tests";

/// The template's name says what is in it.
const TEMPLATE: &str = concat!("sf_template_", env!("SF_TEMPLATE"));
/// Held while the template is made.
const LOCK: i64 = 0x7366_7465_7374;
/// A database of a test older than this belongs to a run that was killed; in seconds.
const STALE: i64 = 3600;
/// A template nobody made anew for this long is of an old state of the migrations; in seconds.
const STALE_TEMPLATE: i64 = 24 * 3600;
/// Whether this process has put away what killed runs left behind.
static CLEARED: AtomicBool = AtomicBool::new(false);
/// How often a clone is tried while somebody else is cloning the template or still leaving it.
const TRIES: usize = 200;

/// One test's database.
#[derive(Debug)]
pub(crate) struct Database {
    server: PgConnectOptions,
    name: String,
}

impl Database {
    pub(crate) async fn create(url: &str) -> Self {
        let server = PgConnectOptions::from_str(url)
            .expect("SF_TEST_DATABASE_URL is a postgres:// URL")
            .disable_statement_logging();
        let mut admin = server.connect().await.expect("the test server answers");
        if !CLEARED.swap(true, Ordering::Relaxed) {
            clear(&mut admin).await;
        }
        template(&server, &mut admin).await;
        let name = format!(
            "sf_test_{}_{}",
            identity::clock::unix(),
            Uuid::new_v4().simple()
        );
        clone(&mut admin, &name).await;
        Self { server, name }
    }

    pub(crate) fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    pub(crate) async fn drop(self) {
        if let Ok(mut admin) = self.server.connect().await {
            // What is left is cleared by a later run.
            let _dropped = try_execute(
                &mut admin,
                &format!("drop database if exists {} with (force)", self.name),
            )
            .await;
        }
    }
}

fn url_of(server: &PgConnectOptions, database: &str) -> String {
    server.clone().database(database).to_url_lossy().to_string()
}

/// Makes the template unless it is there: under another name first, so that a half-made one never counts.
async fn template(server: &PgConnectOptions, admin: &mut PgConnection) {
    if exists(admin).await {
        return;
    }
    execute(admin, &format!("select pg_advisory_lock({LOCK})")).await;
    if !exists(admin).await {
        let draft = format!("{TEMPLATE}_draft");
        execute(
            admin,
            &format!("drop database if exists {draft} with (force)"),
        )
        .await;
        execute(
            admin,
            &format!("create database {draft} template template0"),
        )
        .await;
        let target = Target::new(url_of(server, &draft), ROLE_SECRET);
        migration::up(&target).await.expect("the migrations apply");
        execute(
            admin,
            &format!(
                "comment on database {draft} is '{}'",
                identity::clock::unix()
            ),
        )
        .await;
        execute(
            admin,
            &format!("alter database {draft} rename to {TEMPLATE}"),
        )
        .await;
    }
    execute(admin, &format!("select pg_advisory_unlock({LOCK})")).await;
}

async fn exists(admin: &mut PgConnection) -> bool {
    sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
        .bind(TEMPLATE)
        .fetch_one(admin)
        .await
        .expect("the catalogue answers")
}

/// Drops what killed runs and old states of the migrations left behind.
async fn clear(admin: &mut PgConnection) {
    let old: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database
         where (datname ~ '^sf_test_[0-9]+_' and split_part(datname, '_', 3)::bigint < $1 - $2)
            or (datname ~ '^sf_template_' and coalesce(shobj_description(oid, 'pg_database'), '0')::bigint < $1 - $3)",
    )
    .bind(identity::clock::unix())
    .bind(STALE)
    .bind(STALE_TEMPLATE)
    .fetch_all(&mut *admin)
    .await
    .unwrap_or_default();
    for name in old {
        // Another run may be faster, or still use it.
        let _dropped = try_execute(
            admin,
            &format!("drop database if exists {name} with (force)"),
        )
        .await;
    }
}

async fn clone(admin: &mut PgConnection, name: &str) {
    for _ in 0..TRIES {
        match try_execute(
            admin,
            &format!("create database {name} template {TEMPLATE}"),
        )
        .await
        {
            Ok(()) => return,
            Err(error) if is_busy(&error) => tokio::time::sleep(Duration::from_millis(25)).await,
            Err(error) => panic!("cannot clone the template: {error}"),
        }
    }
    panic!("the template stays in use");
}

/// "source database is being accessed by other users"
fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code == "55006")
}

async fn try_execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map(drop)
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    try_execute(connection, sql)
        .await
        .unwrap_or_else(|error| panic!("`{sql}`: {error}"));
}
