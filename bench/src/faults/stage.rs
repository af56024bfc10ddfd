//! A deployment on servers that only it uses.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sqlx::{Connection as _, PgConnection};
use testkit::{OwnPostgres, OwnRedis};

use crate::deployment::{Cluster, Place, Servers, until};

/// Processes and the servers they use. The processes end first.
#[derive(Debug)]
pub struct Stage {
    /// The processes.
    pub cluster: Cluster,
    /// Their Redis, without persistence.
    pub redis: OwnRedis,
    /// Their PostgreSQL.
    pub postgres: OwnPostgres,
    /// From the end of the migration until every process was ready.
    pub ready: Duration,
}

impl Stage {
    /// Starts servers and processes (each of `groups` is what one of them hosts) at once; then, once one of each service has said that
    /// it waits for its schema, migrates, and waits until all are ready.
    ///
    /// # Errors
    /// A server or a process does not start, or a process says it is ready on an empty database.
    pub async fn start(
        binary: PathBuf,
        groups: &[&[&'static str]],
        settings: &str,
        postgres: &[&str],
    ) -> Result<Self> {
        let postgres = OwnPostgres::start(postgres).await;
        let redis = OwnRedis::start().await;
        let place = Place {
            binary,
            servers: Servers::own(&postgres, &redis),
            settings: settings.to_owned(),
        };
        let mut cluster = Cluster::new(place, groups)?;
        cluster.launch()?;
        for group in groups {
            let waiting = cluster.process(&format!("{}-0", group[0]))?;
            let what = format!("{} says that it waits for its database", waiting.name);
            let says = async || {
                let reply = waiting.ask("/readyz").await;
                Ok(reply.is_some_and(|it| {
                    it.status == 503 && String::from_utf8_lossy(&it.body).contains("database of")
                }))
            };
            until(&what, says).await?;
        }
        cluster.migrate().await?;
        let migrated = Instant::now();
        cluster.ready().await?;
        Ok(Self {
            cluster,
            redis,
            postgres,
            ready: migrated.elapsed(),
        })
    }

    /// The same with the binary beside this program, a process for every service, and PostgreSQL as it is deployed.
    ///
    /// # Errors
    /// See [`Stage::start`].
    pub async fn built(settings: &str) -> Result<Self> {
        Self::start(beside_me()?, crate::deployment::GROUPS, settings, &[]).await
    }

    /// A connection as the superuser, whom no policy hides a row from.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn owner(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.postgres.url()).await?)
    }

    /// Ends every process in order.
    ///
    /// # Errors
    /// One ends with another status than 0.
    pub async fn stop(self) -> Result<()> {
        self.cluster.stop().await
    }
}

/// The binary beside this program, as cargo puts them.
///
/// # Errors
/// There is none.
pub(super) fn beside_me() -> Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("smilefactory");
    let found = binary.is_file().then_some(binary.clone());
    found.with_context(|| missing(&binary))
}

fn missing(binary: &Path) -> String {
    format!("{} is missing: build it first", binary.display())
}
