//! The rig: everything one test stands on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Once};
use std::time::Duration;

use chassis::{
    Database as DatabaseConfig, Host, HostConfig, Keys, RedisServer, Routes, Secret, Service,
    Shutdown, Task, guarded,
};
use contracts::common::v1::Envelope;
use events::Event;
use http::{Request, Response};
use identity::internal::ServiceKeys;
use identity::{Caller, Context, Role};
use mesh::{Channel, Mesh};
use prost::Message as _;
use redis::Redis;
use sea_orm::DatabaseConnection;
use store::Db;
use tokio::sync::Mutex;
use tonic::body::Body;
use tonic::server::NamedService;

use uuid::Uuid;

use crate::Fact;
use crate::database::{Database, ROLE_SECRET};
use crate::number::Number;

/// The deployment's secret of every test.
const SECRET: &str = "the secret of the tests, which is long enough";
/// Time a context of the rig has.
const ALLOWED: Duration = Duration::from_secs(30);

/// How long a call waits for a connection. Fifty callers of one row share ten, and a busy machine is not what tests are
/// about: the deadline of the call ends the wait.
const PATIENCE: Duration = Duration::from_secs(6);

/// The longest a test waits at its end for its database to be dropped.
const PUT_AWAY: Duration = Duration::from_secs(1);

/// A database, a Redis and a mesh for one test.
pub struct Rig {
    config: HostConfig,
    // Held over `Host::add`, which is rare and never nested.
    host: Mutex<Host>,
    mesh: Mesh,
    redis: Redis,
    keys: Keys,
    stop: Shutdown,
    pools: HashMap<&'static str, Db>,
    owner: DatabaseConnection,
    edge: Arc<ServiceKeys>,
    // Taken when the rig is dropped.
    remains: Option<(Database, Number)>,
}

impl Rig {
    /// Starts with a freshly migrated database, an empty Redis and nobody in the mesh.
    ///
    /// # Panics
    /// When the test servers are out of reach.
    pub async fn start() -> Self {
        prepare();
        let database = Database::create(&variable("SF_TEST_DATABASE_URL")).await;
        let number = Number::take(&variable("SF_TEST_REDIS_URL")).await;
        let config = HostConfig {
            database: DatabaseConfig {
                url: Secret::new(database.url()),
                role_secret: Secret::new(String::from_utf8_lossy(ROLE_SECRET).into_owned()),
                acquire_ms: PATIENCE.as_secs() * 1000,
                ..DatabaseConfig::default()
            },
            redis: RedisServer {
                url: Secret::new(number.url()),
            },
            mesh: mesh::Config::default(),
            secret: Secret::new(SECRET.to_owned()),
        };
        let stop = Shutdown::new();
        let host = Host::start(config.clone(), stop.clone())
            .await
            .expect("the host starts");
        let mut pools = HashMap::new();
        for service in migration::SERVICES {
            let mut pool = store::Config::for_service(database.url(), service, ROLE_SECRET);
            pool.acquire_timeout = PATIENCE;
            pools.insert(
                service,
                Db::connect_lazy(pool).await.expect("the URL is good"),
            );
        }
        let owner = Db::connect_lazy(store::Config::new(database.url(), "owner"))
            .await
            .expect("the URL is good");
        Self {
            mesh: host.mesh().clone(),
            redis: host.redis().clone(),
            keys: host.keys().clone(),
            edge: host.service_keys("edge").expect("keys derive"),
            owner: owner.connection().clone(),
            host: Mutex::new(host),
            config,
            stop,
            pools,
            remains: Some((database, number)),
        }
    }

    /// Hosts a service with its layers and tasks, as a process would.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn host<S: Service>(&self, config: S::Config) {
        self.host
            .lock()
            .await
            .add::<S>(config)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:#}", S::NAME));
    }

    /// Puts a scripted peer (a generated server around a mock) behind a service's name, with the layers a service has.
    ///
    /// # Panics
    /// When there is no such service.
    pub fn fake<S>(&self, name: &str, server: S)
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.mesh
            .host(name, guarded(Routes::new(server), self.service_keys(name)));
    }

    /// Takes a service out of the mesh: calls to it answer UNAVAILABLE.
    pub fn remove(&self, name: &str) {
        self.mesh.remove(name);
    }

    /// Starts a background task that ends with the rig.
    pub async fn spawn(&self, task: Task) {
        self.host.lock().await.spawn(task);
    }

    /// Asks all tasks to stop.
    pub fn stop(&self) {
        self.stop.begin();
    }

    /// The pool of a service's role.
    ///
    /// # Panics
    /// When there is no such service.
    pub fn db(&self, service: &str) -> Db {
        self.pools
            .get(service)
            .unwrap_or_else(|| panic!("there is no service `{service}`"))
            .clone()
    }

    /// Connections of the test server's superuser; names must be qualified by their schema.
    pub fn owner(&self) -> &DatabaseConnection {
        &self.owner
    }

    /// The test's Redis.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The keys that derive from the deployment's secret.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What a process with this database, Redis and secret is configured by.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Somebody nobody has seen before, with role user.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            account_id: Uuid::now_v7(),
            profile_id: Uuid::now_v7(),
            session_id: Uuid::now_v7(),
            role: Role::User,
        }
    }

    /// A request of this caller, as the edge signs it; 30 s.
    #[must_use]
    pub fn user(&self, caller: &Caller) -> Context {
        Context::for_caller(
            &self.edge,
            caller.clone(),
            Some(LOCALHOST),
            request_id(),
            ALLOWED,
        )
    }

    /// A request of nobody in particular, as the edge signs it; 30 s.
    #[must_use]
    pub fn anonymous(&self) -> Context {
        Context::for_anonymous(&self.edge, Some(LOCALHOST), request_id(), ALLOWED)
    }

    /// A channel to a service as the edge has it.
    #[must_use]
    pub fn channel(&self, callee: &'static str, ctx: &Context) -> Channel {
        self.mesh.peers(self.edge.clone()).call(callee, ctx)
    }

    /// A channel to a service as another one has it.
    ///
    /// # Panics
    /// When there is no such service.
    #[must_use]
    pub fn channel_from(&self, caller: &str, callee: &'static str, ctx: &Context) -> Channel {
        self.mesh.peers(self.service_keys(caller)).call(callee, ctx)
    }

    /// Puts an event into a service's stream, as the relay of that service would; the service need not exist.
    ///
    /// # Panics
    /// When Redis does not answer.
    pub async fn emit(&self, service: &str, event: Event) {
        let ctx = Context::background(request_id(), ALLOWED);
        self.deliver(service, &event.into_envelope(&ctx)).await;
    }

    /// Puts an envelope into a service's stream as it is: again, late, or broken.
    ///
    /// # Panics
    /// When Redis does not answer.
    pub async fn deliver(&self, service: &str, envelope: &Envelope) {
        let stream = events::stream(service);
        self.redis
            .stream_add(&stream, events::FIELD, envelope.encode_to_vec())
            .await
            .expect("Redis takes the event");
    }

    /// Waits on a fact: see [`eventually`](crate::eventually).
    #[track_caller]
    pub fn eventually<F, Q>(&self, question: F) -> impl Future<Output = <Q::Output as Fact>::Found>
    where
        F: FnMut() -> Q,
        Q: Future<Output: Fact>,
    {
        crate::eventually(question)
    }

    fn service_keys(&self, name: &str) -> Arc<ServiceKeys> {
        let secret = self.keys.derive("service keys");
        Arc::new(
            ServiceKeys::derived(name, &secret, chassis::SERVICES)
                .expect("the name is of a service"),
        )
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.begin();
        let Some((database, number)) = self.remains.take() else {
            return;
        };
        // On a thread of its own, because this one's runtime may not be waited for. Awaited, so that the process does not
        // end before everything is put away; but not for long: PostgreSQL drops no database while somebody is signing in,
        // and a pool of this runtime that is doing so goes on or ends only after this.
        let (done, put_away) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async { tokio::join!(database.drop(), number.give_back()) });
            }
            let _nobody_waits = done.send(());
        });
        let _late = put_away.recv_timeout(PUT_AWAY);
    }
}

impl fmt::Debug for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rig")
            .field("remains", &self.remains)
            .finish_non_exhaustive()
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn request_id() -> String {
    format!("test-{}", Uuid::new_v4().simple())
}

/// Once per process: the TLS provider, and logs as `RUST_LOG` asks for them.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else may have been first, which is as good.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _set = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_test_writer()
            .try_init();
    });
}

/// What the environment of the tests says, such as where their servers are.
///
/// # Panics
/// When it does not say it.
#[allow(
    clippy::disallowed_methods,
    reason = "tests have no other configuration than where their servers are"
)]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; ./dev test sets it"))
}
