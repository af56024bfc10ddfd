#![doc = include_str!("../README.md")]

mod accept;
mod auth;
mod body;
mod cache;
mod client_ip;
mod coding;
mod conditional;
mod config;
mod cors;
mod docs;
mod forward;
mod gates;
mod grpc;
mod head;
mod health;
pub mod inbox;
mod log;
pub mod measured;
mod negotiate;
pub mod openapi;
mod own;
mod pipeline;
mod plain_http;
mod pump;
mod ratelimit;
mod request_id;
mod respond;
mod routes;
mod security;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Overload, Readiness, Shutdown, Tasks};
use identity::internal::ServiceKeys;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::config::{Config, Limits};
pub use self::inbox::{Inbox, Mail};
pub use self::ratelimit::{Figures, RedisDown};

use self::auth::Gate;
use self::cache::{Cache, News};
use self::cors::Cors;
use self::docs::Document;
use self::grpc::Calls;
use self::health::Health;
use self::pipeline::Door;
use self::ratelimit::Limiter;
use self::routes::Routes;

/// The public door.
#[derive(Debug)]
pub struct Edge;

/// What the door needs from the process it runs in.
#[derive(Debug)]
pub struct EdgeKit {
    /// The services, called under the name `edge`.
    pub peers: mesh::Peers,
    /// Where rate limits are counted; one database for all replicas.
    pub redis: redis::Redis,
    /// The key pair identities are signed with; services accept the one of `edge` only.
    pub keys: Arc<ServiceKeys>,
    /// Whether the process takes requests: `/readyz` says so.
    pub readiness: Readiness,
    /// Captured mail; without it `/dev/inbox` answers 404 (K-8).
    pub inbox: Option<Inbox>,
}

/// A door that is open. Dropping it cuts every connection; [`Running::shutdown`] does not.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    stop: Shutdown,
    listener: JoinSet<()>,
    /// The keys and revocations requests in flight still need while the door closes.
    feeds: Tasks,
}

impl Edge {
    /// Opens the door.
    ///
    /// # Errors
    /// Two routes that match the same request (GW-1), a configured origin or bucket that cannot be, a bucket named by a
    /// contract that does not exist, production without a trusted proxy, a taken port.
    pub async fn start(kit: EdgeKit, config: Config) -> anyhow::Result<Running> {
        anyhow::ensure!(
            !config.production || config.trusted_hops > 0,
            "production needs trusted_hops: whether a request came over TLS is known from a proxy that ends it"
        );
        let address = SocketAddr::new(config.host, config.port);
        let gate = Arc::new(Gate::new(
            &config,
            kit.peers.clone(),
            Arc::clone(&kit.keys),
        )?);
        let document = openapi::document(
            contracts::DESCRIPTOR,
            &config.public_url,
            env!("CARGO_PKG_VERSION"),
        )?;
        let (stop, mut listener) = (Shutdown::new(), JoinSet::new());
        let routes = Routes::new(&config.retired_versions, kit.inbox.is_some())?;
        let news = Arc::new(News::default());
        let listening = News::task(&news, &kit.redis);
        let limiter = Limiter::new(kit.redis.clone(), &config)?;
        let counting = limiter.task();
        let forced_traces = telemetry::trace::Forced::per_second(config.limits.forced_traces);
        let door = Arc::new(Door {
            forced_traces,
            counts: Arc::default(),
            calls: Calls::new(routes.transcoder.routes(), config.reflection)?,
            cache: Cache::new(config.cache_bytes, news),
            routes,
            gate: Arc::clone(&gate),
            limiter,
            overload: Overload::new(config.limits.capacity()),
            cors: Cors::new(&config.origins)?,
            health: Health::new(&config.mandatory, kit.peers.clone(), kit.redis),
            readiness: kit.readiness,
            inbox: kit.inbox,
            openapi: Document::new("application/json", serde_json::to_vec(&document)?.into()),
            peers: kit.peers,
            keys: kit.keys,
            closing: stop.clone(),
            config,
        });
        let socket = TcpListener::bind(address)
            .await
            .with_context(|| format!("the public port {address}"))?;
        let local_addr = socket.local_addr()?;
        let mut feeds = Tasks::new(Shutdown::new());
        Gate::tasks(&gate)
            .into_iter()
            .for_each(|task| feeds.spawn(task));
        feeds.spawn(listening);
        feeds.spawn(counting);
        listener.spawn(accept::serve(socket, door, stop.clone()));
        Ok(Running {
            local_addr,
            stop,
            listener,
            feeds,
        })
    }
}

impl Running {
    /// Returns the address the door is open at.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Closes the door: no new connections, `/readyz` answers 503, streams end, requests in flight get the configured drain time (10 s).
    pub async fn shutdown(mut self) {
        self.stop.begin();
        while self.listener.join_next().await.is_some() {}
        self.feeds.drain(Duration::from_secs(1)).await;
    }
}
