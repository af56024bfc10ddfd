//! One process: what its services share, which of them it hosts, and its end.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::Context as _;
use identity::internal::ServiceKeys;
use mesh::{Mesh, Peers};
use redis::Redis;
use serde::{Deserialize, Serialize};
use store::Db;

use crate::{Keys, Kit, Ledger, Secret, Service, Shutdown, Task, Tasks, changes, guarded};

/// The names that sign: every service and the edge.
pub const SERVICES: &[&str] = &[
    "edge",
    "auth",
    "profile",
    "feed",
    "messaging",
    "connection",
    "event",
    "marketplace",
    "search",
    "notification",
    "migration",
    "bookmark",
    "group",
    "media",
];

/// The shortest secret accepted, in bytes.
const SHORTEST_SECRET: usize = 32;

/// Where the database is and how services sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://` URL. Environment: `DATABASE_URL`. No default.
    pub url: Secret<String>,
    /// The secret the passwords of the service roles derive from (DB-1). Unset, it is
    /// derived from the deployment's secret.
    pub role_secret: Secret<String>,
    /// Most connections of each service's pool. Default 10.
    pub max_connections: u32,
    /// Longest wait for one of them, in milliseconds; after it the call answers `SERVICE_UNAVAILABLE`. Default 900.
    pub acquire_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            role_secret: Secret::default(),
            max_connections: 10,
            acquire_ms: 900,
        }
    }
}

/// Where Redis is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisServer {
    /// `redis://` or `rediss://` URL with the database number as its path.
    /// Environment: `REDIS_URL`. No default.
    pub url: Secret<String>,
}

/// What the services of one process share.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// PostgreSQL.
    pub database: Database,
    /// Redis.
    pub redis: RedisServer,
    /// The deployment's secret, at least 32 bytes: service keys, code and cursor keys
    /// derive from it. No default.
    pub secret: Secret<String>,
}

impl HostConfig {
    /// Checks that everything without a default is set.
    ///
    /// # Errors
    /// The name of the first setting that is missing or too short (DL-3).
    pub fn check(&self) -> anyhow::Result<()> {
        let set = [
            ("database.url", &self.database.url),
            ("redis.url", &self.redis.url),
            ("secret", &self.secret),
        ];
        for (name, value) in set {
            anyhow::ensure!(!value.is_unset(), "{name} is not set");
        }
        let length = self.secret.expose().len();
        anyhow::ensure!(
            length >= SHORTEST_SECRET,
            "secret has {length} bytes, at least {SHORTEST_SECRET} are needed"
        );
        Ok(())
    }

    /// Returns the secret the passwords of the service roles derive from.
    pub fn role_secret(&self) -> Vec<u8> {
        if self.database.role_secret.is_unset() {
            Keys::new(self.secret.expose().as_bytes())
                .derive("database roles")
                .to_vec()
        } else {
            self.database.role_secret.expose().clone().into_bytes()
        }
    }
}

/// One process that hosts services.
pub struct Host {
    config: HostConfig,
    keys: Keys,
    redis: Redis,
    mesh: Mesh,
    tasks: Tasks,
    readiness: Readiness,
}

impl Host {
    /// Checks the configuration and connects to Redis. Everything stops when `stop` is
    /// begun.
    ///
    /// # Errors
    /// A missing setting, by name; Redis out of reach.
    pub async fn start(config: HostConfig, stop: Shutdown) -> anyhow::Result<Self> {
        config.check()?;
        let redis = Redis::connect(config.redis.url.expose())
            .await
            .context("Redis cannot be reached")?;
        let keys = Keys::new(config.secret.expose().as_bytes());
        let readiness = Readiness {
            stop: stop.clone(),
            redis: redis.clone(),
            pools: Vec::new(),
        };
        Ok(Self {
            config,
            keys,
            redis,
            mesh: Mesh::new(),
            tasks: Tasks::new(stop),
            readiness,
        })
    }

    /// Builds a service, hosts it under its name and starts its tasks.
    ///
    /// # Errors
    /// Its database role is refused, or it cannot be built.
    pub async fn add<S: Service>(&mut self, config: S::Config) -> anyhow::Result<()> {
        let kit = self.kit(S::NAME).await?;
        let changes = changes::task(S::NAME, &kit.db, &kit.redis);
        self.readiness.pools.push((S::NAME, kit.db.clone()));
        let ledger = Ledger::new(kit.db.clone(), &self.keys)?;
        let parts = S::build(kit, config)
            .await
            .with_context(|| format!("{} cannot be built", S::NAME))?;
        let guarded = guarded(parts.routes, self.service_keys(S::NAME)?);
        let tasks = ledger.tasks(S::NAME);
        self.mesh.host(S::NAME, guarded.with_ledger(ledger));
        for task in parts.tasks.into_iter().chain(tasks) {
            self.spawn(task);
        }
        self.spawn(changes);
        tracing::info!(service = S::NAME, "service hosted");
        Ok(())
    }

    async fn kit(&self, name: &'static str) -> anyhow::Result<Kit> {
        let mut config = store::Config::for_service(
            self.config.database.url.expose(),
            name,
            &self.config.role_secret(),
        );
        config.max_connections = self.config.database.max_connections;
        config.acquire_timeout = Duration::from_millis(self.config.database.acquire_ms);
        let db = Db::connect(config)
            .await
            .with_context(|| format!("{name} cannot sign in to the database"))?;
        Ok(Kit {
            db,
            redis: self.redis.clone(),
            peers: self.peers(name)?,
            keys: self.keys.clone(),
        })
    }

    /// Returns the key pair of a name with everyone's public keys.
    ///
    /// # Errors
    /// None in practice.
    pub fn service_keys(&self, name: &str) -> anyhow::Result<Arc<ServiceKeys>> {
        let secret = self.keys.derive("service keys");
        Ok(Arc::new(ServiceKeys::derived(name, &secret, SERVICES)?))
    }

    /// Returns what calls are made with under a name: how the edge reaches the services.
    ///
    /// # Errors
    /// None in practice.
    pub fn peers(&self, name: &str) -> anyhow::Result<Peers> {
        Ok(self.mesh.peers(self.service_keys(name)?))
    }

    /// Returns the mesh the services are hosted in.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Returns Redis.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Returns the keys that derive from the deployment's secret.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns what knows whether the process can serve.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Starts a task that the host owns: the edge's listener, for one.
    pub fn spawn(&mut self, task: Task) {
        self.tasks.spawn(task);
    }

    /// Waits until stopping is asked for, then until all tasks have ended or `at_most`
    /// is over (N-22). Readiness is false from the first moment (DL-4).
    pub async fn run(mut self, at_most: Duration) {
        self.readiness.stop.begun().await;
        tracing::info!("draining");
        self.tasks.drain(at_most).await;
        tracing::info!("stopped");
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("mesh", &self.mesh)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// Knows whether the process can serve: not while it drains, and not without its
/// database and Redis. Cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    stop: Shutdown,
    redis: Redis,
    pools: Vec<(&'static str, Db)>,
}

impl Readiness {
    /// Checks everything the process depends on, at most 2 s.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self) -> Result<(), Vec<String>> {
        if self.stop.is_begun() {
            return Err(vec!["draining".to_owned()]);
        }
        let mut missing = Vec::new();
        let asked = async {
            if self.redis.ping().await.is_err() {
                missing.push("redis".to_owned());
            }
            for (service, db) in &self.pools {
                if db.ping().await.is_err() {
                    missing.push(format!("database of {service}"));
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(2), asked)
            .await
            .is_err()
        {
            missing.push("an answer within 2 s".to_owned());
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing)
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools: Vec<_> = self.pools.iter().map(|(service, _)| service).collect();
        f.debug_struct("Readiness")
            .field("pools", &pools)
            .finish_non_exhaustive()
    }
}
