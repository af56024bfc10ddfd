//! What is measured: servers of its own, the built binary, a community of some size.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use identity::Role;
use identity::access::{AccessGrant, Signer, generate_pem};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use testkit::{OwnPostgres, OwnRedis};
use uuid::Uuid;

use crate::deployment::{Ask, Door, Place, Process, Reply, Servers, Site, free_address};

/// Posts made by one run of `seed`: a run must end within the time a process may take.
const STEP: u64 = 50_000;
/// How long tokens are good for that are minted here.
const LIFETIME: Duration = Duration::from_secs(4 * 3600);
/// Most posts and people that requests are spread over.
const SAMPLE: u64 = 100_000;

/// The plans of statements go to the log when [`Plans`](super::plans::Plans) asks for them, by a setting that must not stand
/// here: the command line would win.
const LOG: [&str; 10] = [
    "logging_collector=on",
    "log_destination=jsonlog",
    "log_rotation_age=0",
    "log_rotation_size=0",
    "session_preload_libraries=auto_explain",
    "auto_explain.log_analyze=on",
    "auto_explain.log_timing=off",
    "auto_explain.log_format=json",
    "max_connections=200",
    "max_wal_size=4GB",
];

/// PostgreSQL, Redis and one process with every service.
///
/// `up` and not several `serve`: the calls between edge and services pass the same layers in both, what hops between
/// processes cost is measured with the edge alone, and on few cores more processes measure the scheduler.
#[derive(Debug)]
pub struct Stage {
    /// The process.
    pub up: Process,
    /// Its public port.
    pub door: Door,
    /// The database, as its owner.
    pub sql: PgPool,
    /// The database's URL.
    pub url: String,
    site: Site,
    signer: Signer,
    _redis: OwnRedis,
    // Last, since what uses it must have ended.
    _postgres: OwnPostgres,
}

/// Somebody of the community.
#[derive(Clone, Debug)]
pub struct Person {
    account: Uuid,
    profile: Uuid,
    /// The address to sign in with.
    pub email: String,
}

impl Stage {
    /// Starts everything, with no posts. `settings` are those of PostgreSQL beside what measuring needs.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(binary: &Path, settings: &[&str]) -> Result<Self> {
        let postgres = OwnPostgres::start(&[&LOG, settings].concat()).await;
        let redis = OwnRedis::start().await;
        let servers = Servers::own(&postgres, &redis);
        let url = servers.database.clone();
        let site = Site::new(Place {
            binary: binary.to_owned(),
            servers,
            settings: String::new(),
        })?;
        let pem = generate_pem().context("a signing key")?;
        let signer = Signer::new("smilefactory", "smilefactory-api", &pem, &[])?;
        let address = free_address();
        let environment = [
            ("SF__EDGE__PORT", address.port().to_string()),
            ("SF__DEVELOPMENT__SEED", "false".to_owned()),
            (
                "SF__DEVELOPMENT__DATA_DIR",
                site.folder().display().to_string(),
            ),
            ("SF__AUTH__SIGNING__ACTIVE", pem.to_string()),
            // 32 clients share ten connections; on a machine that does much else they wait instead of being refused.
            ("SF__DATABASE__ACQUIRE_MS", "4500".to_owned()),
            // As in production: a line for every request.
            ("SF__LOG__FORMAT", "json".to_owned()),
            (
                "SF__LOG__FILTER",
                "info,fred=warn,sqlx=warn,sea_orm_migration=warn".to_owned(),
            ),
        ];
        let mut up = site.process("up", &["up"], &environment);
        up.start()?;
        up.ready().await?;
        let sql = PgPoolOptions::new().max_connections(2).connect(&url);
        let sql = sql.await.context("the database")?;
        Ok(Self {
            door: Door::new(address),
            up,
            sql,
            url,
            site,
            signer,
            _redis: redis,
            _postgres: postgres,
        })
    }

    /// Brings the community to this size by `smilefactory seed --scale`, and returns how long that took.
    ///
    /// # Errors
    /// It fails, or the database does.
    pub async fn grow(&self, posts: u64) -> Result<Duration> {
        let began = Instant::now();
        let there: i64 = sqlx::query_scalar("select count(*) from feed.posts")
            .fetch_one(&self.sql)
            .await?;
        let mut size = u64::try_from(there)?;
        while size < posts {
            size = posts.min(size + STEP);
            let command = ["seed", "--scale", &size.to_string()];
            let (done, said) = self.site.process("seed", &command, &[]).run().await?;
            ensure!(done, "seed --scale {size}: {said}");
        }
        let took = began.elapsed();
        self.run(&sample()).await?;
        Ok(took)
    }

    /// Runs statements as the owner.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn run(&self, sql: &str) -> Result<()> {
        // vacuum refuses to share a transaction with others.
        for statement in sql.split(";\n").filter(|it| !it.trim().is_empty()) {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&self.sql)
                .await
                .with_context(|| statement.to_owned())?;
        }
        Ok(())
    }

    /// One number.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        let row = sqlx::query(AssertSqlSafe(sql.to_owned()));
        Ok(row.fetch_one(&self.sql).await?.try_get(0)?)
    }

    /// The newest posts everybody may see, newest first.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn posts(&self) -> Result<Vec<Uuid>> {
        let posts = sqlx::query_scalar("select id from bench.posts order by n");
        Ok(posts.fetch_all(&self.sql).await?)
    }

    /// People everybody may see.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn people(&self) -> Result<Vec<Person>> {
        let people =
            sqlx::query("select account_id, profile_id, email from bench.people order by n");
        let people = people.fetch_all(&self.sql).await?;
        people
            .iter()
            .map(|row| {
                Ok(Person {
                    account: row.try_get(0)?,
                    profile: row.try_get(1)?,
                    email: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// An access token as auth would mint it.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn token(&self, person: &Person) -> Result<String> {
        let grant = AccessGrant {
            account_id: person.account,
            email: &person.email,
            profile_id: person.profile,
            session_id: Uuid::now_v7(),
            role: Role::User,
        };
        let token = self
            .signer
            .access(&grant, identity::clock::unix(), LIFETIME);
        Ok(token?)
    }

    /// A file with a token of each of these people.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn tokens(&self, people: &[Person]) -> Result<PathBuf> {
        let tokens: Vec<String> = people
            .iter()
            .map(|person| self.token(person))
            .collect::<Result<_>>()?;
        let file = self.site.folder().join("tokens");
        std::fs::write(&file, tokens.join("\n"))?;
        Ok(file)
    }

    /// Asks once, and expects this status.
    ///
    /// # Errors
    /// It is another one.
    pub async fn ask(&self, ask: Ask, status: u16) -> Result<Reply> {
        self.door.send(&ask).await?.with(status)
    }

    /// Ends the process.
    ///
    /// # Errors
    /// It does not end well.
    pub async fn stop(mut self) -> Result<()> {
        self.sql.close().await;
        self.up.stop().await.map(drop)
    }
}

/// Tables of those that requests and bare statements choose from, by number.
fn sample() -> String {
    format!(
        "create schema if not exists bench;
         drop table if exists bench.posts, bench.people;
         create table bench.posts as select row_number() over (order by published_at desc, id desc)::int as n, id
           from (select p.published_at, p.id from feed.posts p join feed.profile_ref r on r.profile_id = p.profile_id
             where p.status = 'published' and p.deleted_at is null and p.visibility = 'public' and r.visibility = 'public'
             order by p.published_at desc, p.id desc limit {SAMPLE}) p;
         alter table bench.posts add primary key (n);
         create table bench.people as select row_number() over (order by r.profile_id)::int as n, r.profile_id, r.account_id, a.email
           from feed.profile_ref r join account.user_accounts a on a.id = r.account_id where r.visibility = 'public' limit {SAMPLE};
         alter table bench.people add primary key (n);
         vacuum analyze bench.posts;
         vacuum analyze bench.people;
         checkpoint;\n"
    )
}
