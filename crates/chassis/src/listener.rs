//! The port other processes call the hosted services by: HTTP/2 without TLS, the same layers as in-process (SC-2, SC-7, N-19).

mod connection;
mod dispatch;
mod ending;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{Shutdown, Task};
use connection::Connection;
pub(crate) use dispatch::Dispatch;

/// Where other processes call the hosted services, and what they may ask of it. Times are milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Where it listens; not for the outside. Port 0 is a free one. Default `0.0.0.0:4100`.
    pub address: SocketAddr,
    /// Open connections altogether; more are closed at once. Default 1 024.
    pub connections: usize,
    /// From a connection to the end of its HTTP/2 preface. Default 5 000.
    pub first_byte_ms: u64,
    /// Concurrent streams of one connection. Default 128 (N-19).
    pub h2_streams: u32,
    /// Streams this side may have to reset before it gives a connection up. Default 64 (N-19).
    pub h2_local_resets: usize,
    /// Bytes of a header list. Default 32 768 (N-19).
    pub header_bytes: u32,
    /// Pause between keep-alive pings, and longest wait for the answer. Default 20 000 (N-19).
    pub h2_ping_ms: u64,
    /// Calls worked on at once; more are refused with `SERVICE_UNAVAILABLE` (T28). Health is not counted. Default 1 000.
    pub in_flight: usize,
    /// How many of them, in percent, only signing in and out may use. Default 10 (N-21).
    pub reserve_percent: u8,
    /// Streams sent at once. Default 4 000.
    pub streams: usize,
    /// Whether gRPC reflection is answered, without a credential (SC-7). Default false.
    pub reflection: bool,
    /// How long calls get to finish once the process drains (N-22). Default 10 000.
    pub drain_ms: u64,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: ([0, 0, 0, 0], 4100).into(),
            connections: 1_024,
            first_byte_ms: 5_000,
            h2_streams: 128,
            h2_local_resets: 64,
            header_bytes: 32 * 1024,
            h2_ping_ms: 20_000,
            in_flight: 1_000,
            reserve_percent: 10,
            streams: 4_000,
            reflection: false,
            drain_ms: 10_000,
        }
    }
}

/// A bound port that nobody is answered at yet.
#[derive(Debug)]
pub struct Listener {
    /// `None` once the port is closed.
    socket: Mutex<Option<Arc<TcpListener>>>,
    pub(crate) config: Listen,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(config: Listen) -> anyhow::Result<Self> {
        let socket = TcpListener::bind(config.address)
            .await
            .with_context(|| format!("listen.address: {} cannot be used", config.address))?;
        let socket = Mutex::new(Some(Arc::new(socket)));
        Ok(Self { socket, config })
    }

    /// Returns the address other processes call.
    ///
    /// # Errors
    /// The port is closed.
    pub fn local_addr(&self) -> anyhow::Result<SocketAddr> {
        let socket = self.socket().clone().context("the port is closed")?;
        Ok(socket.local_addr()?)
    }

    fn socket(&self) -> MutexGuard<'_, Option<Arc<TcpListener>>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the task that answers until it is told to stop, and then lets calls finish for the drain time.
    pub(crate) fn task(self, dispatch: Dispatch, closing: Shutdown) -> Task {
        let (listener, dispatch) = (Arc::new(self), Arc::new(dispatch));
        Task::new("listener", move |stop: Shutdown| {
            let (listener, dispatch) = (Arc::clone(&listener), Arc::clone(&dispatch));
            let closing = closing.clone();
            async move {
                let Some(socket) = listener.socket().clone() else {
                    return;
                };
                let connections = listener.accept(socket, &dispatch, &stop).await;
                // Whoever comes now is refused by the system and goes elsewhere, instead of waiting to be accepted.
                listener.socket().take();
                closing.begin();
                listener.finish(connections).await;
            }
        })
    }

    async fn accept(
        &self,
        socket: Arc<TcpListener>,
        dispatch: &Arc<Dispatch>,
        stop: &Shutdown,
    ) -> JoinSet<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.begun() => return connections,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) if connections.len() < self.config.connections => {
                        let connection = Connection { stream, peer, dispatch: Arc::clone(dispatch), stop: stop.clone() };
                        connections.spawn(connection.run(self.config.clone()));
                    }
                    Ok(_) => metrics::counter!("sf_connections_refused_total").increment(1),
                    Err(error) => {
                        // Out of descriptors, mostly: those in use must be given the time to come back.
                        tracing::warn!(cause = %error, "accept failed");
                        stop.sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
    }

    async fn finish(&self, mut connections: JoinSet<()>) {
        let end = Instant::now() + Duration::from_millis(self.config.drain_ms);
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout_at(end, all).await.is_err() {
            tracing::warn!(left = connections.len(), "calls did not end in time");
        }
        connections.shutdown().await;
    }
}
