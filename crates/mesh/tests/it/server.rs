//! A scripted HTTP/2 server on a free port of the loopback interface.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use fault::Fault;
use futures_util::future::BoxFuture;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use identity::{Context, internal::ServiceKeys};
use mesh::{Config, Mesh, Peers};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// One call as the server sees it.
pub(crate) struct Call {
    pub(crate) request: Request<RecvStream>,
    pub(crate) reply: SendResponse<Bytes>,
}

type Script = Arc<dyn Fn(Call) -> BoxFuture<'static, ()> + Send + Sync>;

/// A server that answers each call, except health checks, as its script says.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    script: Arc<Mutex<Script>>,
    calls: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    hangs: watch::Sender<bool>,
    goaways: watch::Sender<u32>,
    tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub(crate) async fn at<F, R>(at: SocketAddr, script: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = loop {
            match TcpListener::bind(at).await {
                Ok(listener) => break listener,
                // Whoever was there before is not quite gone.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => panic!("{at}: {error}"),
            }
        };
        let script: Script = Arc::new(move |call| Box::pin(script(call)));
        let mut server = Self {
            at: listener.local_addr().unwrap(),
            script: Arc::new(Mutex::new(script)),
            calls: Arc::default(),
            connections: Arc::default(),
            hangs: watch::Sender::new(false),
            goaways: watch::Sender::new(0),
            tasks: JoinSet::new(),
        };
        let each = Connection {
            script: Arc::clone(&server.script),
            calls: Arc::clone(&server.calls),
            hangs: server.hangs.subscribe(),
            goaways: server.goaways.subscribe(),
        };
        let connections = Arc::clone(&server.connections);
        server.tasks.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, SeqCst);
                running.spawn(each.clone().serve(socket));
            }
        });
        server
    }

    /// Answers `pong` to everything.
    pub(crate) async fn echo() -> Self {
        Self::start(|call| async move { call.ok(b"pong") }).await
    }

    /// The calls that came, health checks left out.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// The connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Reads nothing and answers nothing from now on, as if stopped by a signal, or goes on.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Says GOAWAY to whoever is connected, and finishes what it has.
    pub(crate) fn go_away(&self) {
        self.goaways.send_modify(|count| *count += 1);
    }
}

#[derive(Clone)]
struct Connection {
    script: Arc<Mutex<Script>>,
    calls: Arc<AtomicUsize>,
    hangs: watch::Receiver<bool>,
    goaways: watch::Receiver<u32>,
}

impl Connection {
    async fn serve(mut self, socket: tokio::net::TcpStream) {
        let mut server = h2::server::Builder::new();
        let handshake = server.max_concurrent_streams(128).handshake(socket);
        // Who only looks whether somebody is there has gone by now.
        let Ok(mut connection) = handshake.await else {
            return;
        };
        self.goaways.mark_unchanged();
        let mut handlers = JoinSet::new();
        loop {
            if self.hangs.wait_for(|hangs| !hangs).await.is_err() {
                return;
            }
            let (request, reply) = tokio::select! {
                _hangs = self.hangs.wait_for(|hangs| *hangs) => continue,
                Ok(()) = self.goaways.changed() => {
                    connection.graceful_shutdown();
                    continue;
                }
                next = connection.accept() => match next {
                    Some(Ok(call)) => call,
                    Some(Err(_)) | None => return,
                },
            };
            let call = Call { request, reply };
            if call.request.uri().path() == "/grpc.health.v1.Health/Check" {
                call.ok(&[8, 1]);
                continue;
            }
            self.calls.fetch_add(1, SeqCst);
            let answer = (self.script.lock().unwrap())(call);
            handlers.spawn(answer);
        }
    }
}

impl Call {
    /// Resets the stream.
    pub(crate) fn reset(mut self, reason: h2::Reason) {
        self.reply.send_reset(reason);
    }

    /// Refuses with a status.
    pub(crate) fn refuse(mut self, fault: Fault) {
        let (parts, _) = tonic::Status::from(fault).into_http::<()>().into_parts();
        self.reply
            .send_response(Response::from_parts(parts, ()), true)
            .unwrap();
    }

    /// Answers with one message.
    pub(crate) fn ok(mut self, message: &[u8]) {
        let head = Response::builder().header("content-type", "application/grpc");
        let mut stream = self
            .reply
            .send_response(head.body(()).unwrap(), false)
            .unwrap();
        stream.send_data(framed(message), false).unwrap();
        let end = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        stream.send_trailers(end).unwrap();
    }
}

/// One gRPC message as it stands in a body.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.put_slice(message);
    framed.freeze()
}

/// A mesh that knows `feed` at these addresses.
pub(crate) fn mesh(at: &[String]) -> Mesh {
    let addresses = at.iter().map(|at| at.parse().unwrap()).collect();
    let config = Config {
        peers: BTreeMap::from([("feed".to_owned(), addresses)]),
    };
    Mesh::reaching(&config).unwrap()
}

/// What the edge calls these servers with.
pub(crate) fn edge(servers: &[&Server]) -> Peers {
    let at: Vec<_> = servers.iter().map(|server| server.at.to_string()).collect();
    mesh(&at).peers(keys("edge"))
}

pub(crate) fn keys(name: &str) -> Arc<ServiceKeys> {
    Arc::new(ServiceKeys::derived(name, b"test", &["edge", "feed", "profile"]).unwrap())
}

pub(crate) fn context(allowed: Duration) -> Context {
    Context::for_anonymous(&keys("edge"), None, "request-1", allowed)
}

/// Calls until it goes well.
pub(crate) async fn until_ok(peers: &Peers, path: &str) {
    while call(peers, path).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes one call with time enough.
pub(crate) async fn call(peers: &Peers, path: &str) -> fault::Result<Bytes> {
    let ctx = context(Duration::from_secs(30));
    let reply = peers
        .forward("feed", &ctx, path, Bytes::from_static(b"ping"))
        .await;
    reply.map(|reply| reply.message)
}
