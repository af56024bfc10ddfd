//! One HTTP/2 connection to an endpoint.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use h2::{
    Ping, PingPong, Reason, RecvStream,
    client::{Builder, SendRequest},
};
use http::{Request, Response};
use tokio::{
    net::TcpStream,
    sync::{Notify, oneshot, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{Failure, tasks::Tasks};

/// The longest a connection takes to be of use.
const CONNECT: Duration = Duration::from_secs(1);
/// How often a connection is looked after (N-19).
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The longest a living peer takes to answer a ping.
const PONG: Duration = Duration::from_secs(1);
/// The longest block of headers taken (N-16, N-19), in bytes.
const HEADERS: u32 = 32 * 1024;
/// How far a peer may send ahead on one stream, in bytes.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The most streams on one connection (N-19); fewer when the peer says so.
const STREAMS: usize = 128;
/// How many streams that were given up are remembered, so that late frames are known as such.
const RESETS: usize = 1024;
/// How far a peer may send ahead in all. It covers every stream, so that readers who take
/// nothing cannot hold the others up.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS as u32;

/// Why a connection takes no more calls.
#[derive(Debug)]
pub(super) enum End {
    /// It was closed, or broke.
    Closed,
    /// The peer answered no ping. It may only be slow: the calls the connection has go on.
    Silent,
}

/// A connection that is driven by a task of its own until it is dropped or breaks.
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    streams: AtomicUsize,
    asked: Arc<Notify>,
    silent: watch::Receiver<bool>,
    _driver: Driver,
}

/// What a connection can still be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// One more call.
    Open,
    /// Nothing until a call on it ends.
    Full,
    /// The calls it has: the peer said GOAWAY.
    Leaving,
    /// Nothing.
    Broken,
}

/// A task that ends with what it drives.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection's driver that lets whoever is ready put its request in first: what goes out together costs one system call,
/// and wakes the peer once.
struct Gathering<C> {
    connection: Pin<Box<C>>,
    has_waited: bool,
}

impl<C> Gathering<C> {
    fn of(connection: C) -> Self {
        Self {
            connection: Box::pin(connection),
            has_waited: false,
        }
    }
}

impl<C: Future> Future for Gathering<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            // A task that wakes itself comes after those that wait already.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.connection.as_mut().poll(cx)
    }
}

impl Connection {
    /// Connects to `host:port` and waits for the first pong: who accepts and says nothing is
    /// no use. `ended` is told when it falls silent, and when it ended by itself.
    pub(super) async fn open(
        at: &str,
        tasks: &Tasks,
        ended: impl Fn(End) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        timeout(CONNECT, Self::connect(at, tasks, ended))
            .await
            .map_err(Failure::never_sent)?
    }

    async fn connect(
        at: &str,
        tasks: &Tasks,
        ended: impl Fn(End) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let socket = TcpStream::connect(at).await.map_err(Failure::never_sent)?;
        socket.set_nodelay(true).map_err(Failure::never_sent)?;
        let (requests, mut connection) = Builder::new()
            .enable_push(false)
            .max_header_list_size(HEADERS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // A call given up is a stream reset, and what the peer had sent by then arrives
            // late. That is no misbehaviour, however often it happens.
            .max_concurrent_reset_streams(RESETS)
            .max_local_error_reset_streams(None)
            .handshake(socket)
            .await
            .map_err(Failure::never_sent)?;
        let pings = connection.ping_pong();
        let asked = Arc::new(Notify::new());
        let (answered, first) = oneshot::channel();
        let (silence, silent) = watch::channel(false);
        let driver = tasks.spawn({
            let asked = Arc::clone(&asked);
            async move {
                let fell_silent = || {
                    ended(End::Silent);
                    silence.send_replace(true);
                };
                let end = tokio::select! {
                    // How it broke, those who wait for replies are told.
                    _broken = Gathering::of(connection) => End::Closed,
                    end = look_after(pings, answered, &asked, fell_silent) => end,
                };
                ended(end);
            }
        });
        let driver = Driver(driver);
        first.await.map_err(Failure::never_sent)?;
        Ok(Self {
            requests,
            streams: AtomicUsize::new(0),
            asked,
            silent,
            _driver: driver,
        })
    }

    /// Returns what it is good for.
    pub(super) fn usable(&self) -> Use {
        let mut requests = self.requests.clone();
        match requests.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) if error.is_go_away() => Use::Leaving,
            Poll::Ready(Err(_)) => Use::Broken,
            _ if self.streams.load(Relaxed) >= STREAMS.min(requests.current_max_send_streams()) => {
                Use::Full
            }
            _ => Use::Open,
        }
    }

    /// Keeps room for one stream until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        self.streams.fetch_add(1, Relaxed);
        Entered(Arc::clone(self))
    }

    /// Has the peer asked whether it lives, now.
    pub(super) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Returns once the peer has answered no ping, or the connection has ended.
    pub(super) fn silenced(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut silent = self.silent.clone();
        async move {
            // An error says that nobody looks after it any more.
            let _ended = silent.wait_for(|silent| *silent).await;
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

/// A place on a connection.
#[derive(Debug)]
pub(super) struct Entered(Arc<Connection>);

impl Entered {
    /// Sends a request and waits for the head of its reply. Dropping the future, or the
    /// body it gives, resets the stream.
    pub(super) async fn send(
        &self,
        head: Request<()>,
        body: Bytes,
    ) -> Result<Response<RecvStream>, Failure> {
        let mut requests = self.0.requests.clone();
        poll_fn(|cx| requests.poll_ready(cx))
            .await
            .map_err(Failure::never_sent)?;
        let (reply, mut stream) = requests
            .send_request(head, body.is_empty())
            .map_err(Failure::never_sent)?;
        if !body.is_empty() {
            // It is in memory already: it waits for the peer's window no worse there than here.
            stream.send_data(body, true).map_err(failed)?;
        }
        reply.await.map_err(failed)
    }

    /// Returns the connection.
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

/// Whether the peer may have acted upon a request that failed. It has not if it refused the
/// stream, or said GOAWAY with an earlier one as the last (RFC 9113, 6.8 and 8.7).
fn failed(error: h2::Error) -> Failure {
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    if error.is_remote() && (error.is_go_away() || is_refused) {
        Failure::never_sent(error)
    } else if error.is_reset() {
        Failure::Reset(error.into())
    } else {
        Failure::Lost(error.into())
    }
}

/// Pings at once, when asked to and every [`KEEP_ALIVE`]. Without an answer to the first the connection is of no use; without one to
/// a later it is told, and stays for the calls that cannot be made elsewhere.
async fn look_after(
    pings: Option<PingPong>,
    first: oneshot::Sender<()>,
    asked: &Notify,
    fell_silent: impl Fn(),
) -> End {
    let Some(mut pings) = pings else {
        return End::Closed;
    };
    let mut first = Some(first);
    loop {
        match timeout(PONG, pings.ping(Ping::opaque())).await {
            Err(_) if first.is_some() => return End::Silent,
            Err(_) => {
                fell_silent();
                return std::future::pending().await;
            }
            Ok(Err(_)) => return End::Closed,
            Ok(Ok(_)) => {}
        }
        if let Some(first) = first.take() {
            // Who waited may have gone.
            let _gone = first.send(());
        }
        let _asked = timeout(KEEP_ALIVE, asked.notified()).await;
    }
}
