//! One process: what its services share, which of them it hosts, and its end.

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::{Request, Response};
use identity::internal::ServiceKeys;
use mesh::{Hosted, Mesh, Peers};
use redis::Redis;
use serde::{Deserialize, Serialize};
use store::Db;
use tonic::{body::Body, server::NamedService};
use tonic_reflection::server::Builder as Reflection;

use crate::{
    Guarded, Keys, Kit, Ledger, Listener, Readiness, Secret, Service, Shutdown, Task, Tasks,
    changes, guarded, health::health, listener::Dispatch,
};

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
    /// Where the services are that this process does not host.
    pub mesh: mesh::Config,
    /// The deployment's secret, at least 32 bytes: service keys, code and cursor keys
    /// derive from it. No default.
    pub secret: Secret<String>,
}

impl HostConfig {
    /// Checks that everything without a default is set, for a process that hosts services.
    ///
    /// # Errors
    /// The name of the first setting that is missing or too short (DL-3).
    pub fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.database.url.is_unset(), "database.url is not set");
        self.check_without_database()
    }

    /// Checks what a process needs that hosts no service.
    ///
    /// # Errors
    /// As [`HostConfig::check`].
    pub fn check_without_database(&self) -> anyhow::Result<()> {
        let set = [("redis.url", &self.redis.url), ("secret", &self.secret)];
        for (name, value) in set {
            anyhow::ensure!(!value.is_unset(), "{name} is not set");
        }
        Redis::check(self.redis.url.expose()).context("redis.url cannot be read")?;
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
    /// What is hosted here, by the full names other processes call.
    guarded: HashMap<&'static str, Guarded>,
    /// Where others come in: closed before anything behind them is ended.
    doors: Tasks,
    tasks: Tasks,
    stop: Shutdown,
    readiness: Readiness,
}

impl Host {
    /// Checks the configuration and connects to Redis. Everything stops when `stop` is
    /// begun.
    ///
    /// # Errors
    /// A missing setting, by name; Redis out of reach.
    pub async fn start(config: HostConfig, stop: Shutdown) -> anyhow::Result<Self> {
        Self::start_with(config, stop, Readiness::new()).await
    }

    /// As [`Host::start`], with a readiness that is told already.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub async fn start_with(
        config: HostConfig,
        stop: Shutdown,
        readiness: Readiness,
    ) -> anyhow::Result<Self> {
        config.check_without_database()?;
        let redis = Redis::connect(config.redis.url.expose())
            .await
            .context("Redis cannot be reached")?;
        let keys = Keys::new(config.secret.expose().as_bytes());
        Ok(Self {
            mesh: Mesh::reaching(&config.mesh)?,
            config,
            keys,
            redis,
            guarded: HashMap::new(),
            doors: Tasks::new(Shutdown::new()),
            tasks: Tasks::new(stop.clone()),
            stop,
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
        let pool = kit.db.clone();
        self.readiness
            .depend(format!("database of {}", S::NAME), move || {
                let pool = pool.clone();
                async move { pool.ping().await.is_ok() }
            });
        let ledger = Ledger::new(kit.db.clone(), &self.keys)?;
        let parts = S::build(kit, config)
            .await
            .with_context(|| format!("{} cannot be built", S::NAME))?;
        let names = parts.routes.names();
        let tasks = ledger.tasks(S::NAME);
        let guarded = guarded(parts.routes, self.service_keys(S::NAME)?).with_ledger(ledger);
        self.guarded
            .extend(names.into_iter().map(|name| (name, guarded.clone())));
        self.mesh.host(S::NAME, guarded);
        for task in parts.tasks.into_iter().chain(tasks) {
            self.spawn(task);
        }
        self.spawn(changes);
        tracing::info!(service = S::NAME, "service hosted");
        Ok(())
    }

    /// Waits until a service can sign in and every migration it needs is applied, which somebody else does: several
    /// replicas start at once. `None` when stopping came first.
    ///
    /// # Errors
    /// The database's URL is missing or cannot be read.
    pub async fn wait_for_schema(
        &self,
        service: &'static str,
        needed: &[String],
    ) -> anyhow::Result<Option<()>> {
        self.config.check()?;
        let db = Db::connect_lazy(self.pool(service))
            .await
            .context("database.url cannot be used")?;
        let attempt = async || {
            let applied = db.applied_migrations().await?;
            let missing = needed.iter().find(|name| !applied.contains(*name));
            match missing {
                None => Ok(()),
                Some(name) => anyhow::bail!("{name} is not applied"),
            }
        };
        let what = format!("the database of {service}, migrated");
        let there = self.readiness.until(&self.stop, &what, attempt).await;
        db.close().await;
        Ok(there)
    }

    /// Answers other processes at a port: the services hosted so far, health, and reflection where it is on.
    ///
    /// # Errors
    /// The contracts cannot be reflected.
    pub async fn listen(&mut self, listener: Listener) -> anyhow::Result<()> {
        let names = self.guarded.keys().copied().collect();
        let (server, task) = health(names, self.readiness()).await;
        self.spawn(task);
        let mut open = HashMap::from([open(server)]);
        if listener.config.reflection {
            let reflection = Reflection::configure()
                .register_encoded_file_descriptor_set(contracts::DESCRIPTOR)
                .build_v1()
                .context("the contracts cannot be reflected")?;
            open.extend([self::open(reflection)]);
        }
        let closing = Shutdown::new();
        let guarded = self.guarded.clone();
        let dispatch = Dispatch::new(guarded, open, &listener.config, closing.clone());
        self.doors.spawn(listener.task(dispatch, closing));
        Ok(())
    }

    fn pool(&self, name: &'static str) -> store::Config {
        let mut config = store::Config::for_service(
            self.config.database.url.expose(),
            name,
            &self.config.role_secret(),
        );
        config.max_connections = self.config.database.max_connections;
        config.acquire_timeout = Duration::from_millis(self.config.database.acquire_ms);
        config
    }

    async fn kit(&self, name: &'static str) -> anyhow::Result<Kit> {
        let db = Db::connect(self.pool(name))
            .await
            .with_context(|| format!("{name} cannot sign in to the database"))?;
        db.warm(self.config.database.max_connections / 2).await;
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

    /// Waits until stopping is asked for, then as [`Host::shut_down`].
    pub async fn run(self, at_most: Duration) {
        self.stop.begun().await;
        self.shut_down(at_most).await;
    }

    /// Closes the ports others come in by, lets their calls end, then ends all tasks; what has not ended when
    /// `at_most` is over is dropped (N-22). Readiness is false from the first moment (DL-4).
    pub async fn shut_down(mut self, at_most: Duration) {
        self.readiness.drain();
        tracing::info!("draining");
        let end = Instant::now() + at_most;
        self.doors.drain(at_most).await;
        let left = end.saturating_duration_since(Instant::now());
        self.tasks.drain(left).await;
        tracing::info!("stopped");
    }
}

fn open<S>(server: S) -> (&'static str, Hosted)
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    (S::NAME, Hosted::new(server))
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("mesh", &self.mesh)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}
