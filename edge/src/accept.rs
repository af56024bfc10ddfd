//! The door's own accept loop: HTTP/1.1 and HTTP/2 on one port, with limits that act before anything is parsed (N-17, N-19, T26).

pub(crate) mod pulse;
mod scan;
mod wire;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Shutdown;
use fault::Fault;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::pulse::{InFlight, Overdue, Pulse};
use self::wire::Wire;
use crate::client_ip;
use crate::config::Limits;
use crate::pipeline::Door;
use crate::respond::Reply;

/// How long a condemned connection has to say its last word.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Accepts connections until `stop`, then lets requests in flight finish for at most the drain time.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, stop: Shutdown) {
    let limits = &door.config.limits;
    let server = Arc::new(server(limits));
    let crowd = Arc::new(Crowd::new(limits, door.config.trusted_hops));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.begun() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match crowd.admit(peer.ip()) {
                    Some(place) => {
                        let connection = Connection { stream, peer, place, door: Arc::clone(&door), stop: stop.clone() };
                        connections.spawn(connection.run(Arc::clone(&server)));
                    }
                    None => turn_away(&stream),
                },
                Err(error) => {
                    // Out of descriptors, mostly: those in use must be given the time to come back.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain(), drained).await.is_err() {
        tracing::warn!(
            left = connections.len(),
            "connections did not drain in time"
        );
    }
    connections.shutdown().await;
}

fn turn_away(stream: &TcpStream) {
    metrics::counter!("sf_connections_refused_total").increment(1);
    wire::say(
        stream,
        &Fault::new(fault::Reason::ServiceUnavailable, "Too many connections")
            .with_retry_after(LAST_WORD),
    );
}

type Server = auto::Builder<TokioExecutor>;

fn server(limits: &Limits) -> Server {
    let mut server = auto::Builder::new(TokioExecutor::new());
    // hyper's own limits lie above ours, so that what is refused is refused in the error shape (GW-20); its head timer
    // is off because the pulse keeps time.
    server
        .http1()
        .header_read_timeout(None)
        .max_headers(limits.header_fields * 2)
        .max_buf_size((limits.header_bytes * 2).max(8192));
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams)
        .max_local_error_reset_streams(limits.h2_local_resets)
        .max_header_list_size(u32::try_from(limits.header_bytes * 2).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_millis(limits.h2_ping_ms))
        .keep_alive_timeout(limits.head());
    server
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    door: Arc<Door>,
    stop: Shutdown,
}

impl Connection {
    async fn run(self, server: Arc<Server>) {
        let Self {
            stream,
            peer,
            place,
            door,
            stop,
        } = self;
        // Replies are written whole; waiting to fill a segment only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let pulse = Pulse::new();
        let limits = &door.config.limits;
        let service = {
            let (door, pulse) = (Arc::clone(&door), pulse.clone());
            service_fn(move |request| {
                answer(Arc::clone(&door), request, peer.ip(), pulse.request())
            })
        };
        let io = TokioIo::new(Wire::new(stream, pulse.clone()));
        let connection = pin!(server.serve_connection(io, service));
        supervise(connection, &pulse, limits, &stop).await;
        drop(place);
    }
}

/// Drives a connection until it ends, is overdue, or has finished what it was at when the door closed.
async fn supervise<S>(
    mut connection: Pin<&mut auto::Connection<'_, TokioIo<Wire>, S, TokioExecutor>>,
    pulse: &Pulse,
    limits: &Limits,
    stop: &Shutdown,
) where
    S: Service<Request<Incoming>, Response = Reply, Error = Infallible, Future = Answer> + 'static,
{
    let (mut closing, mut end) = (false, None);
    loop {
        let wake = match pulse.check(limits) {
            Ok(wake) => wake,
            Err(Overdue::Silent | Overdue::Stuck) => break,
            Err(Overdue::Head) => {
                pulse.condemn_head();
                *end.get_or_insert_with(|| tokio::time::Instant::now() + LAST_WORD)
            }
            Err(Overdue::Idle) if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
                *end.get_or_insert_with(|| tokio::time::Instant::now() + LAST_WORD)
            }
            Err(Overdue::Idle) => break,
        };
        if end.is_some_and(|end| end <= tokio::time::Instant::now()) {
            break;
        }
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = %error, "connection ended early");
                }
                break;
            }
            () = stop.begun(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

/// A reply being made.
type Answer = BoxFuture<'static, Result<Reply, Infallible>>;

/// Answers one request; its connection counts as busy until the reply is made, or, when it is a stream, sent.
fn answer(
    door: Arc<Door>,
    request: Request<Incoming>,
    peer: IpAddr,
    in_flight: InFlight,
) -> Answer {
    async move { Ok(door.answer(request, peer, in_flight).await) }.boxed()
}

/// How many connections are open, and whose.
#[derive(Debug)]
struct Crowd {
    most: usize,
    most_per_ip: usize,
    open: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// One connection's place in the crowd, given back on drop.
#[derive(Debug)]
struct Place {
    crowd: Arc<Crowd>,
    subject: IpAddr,
}

impl Crowd {
    fn new(limits: &Limits, trusted_hops: usize) -> Self {
        let most_per_ip = if trusted_hops == 0 {
            limits.connections_per_ip
        } else {
            usize::MAX
        };
        Self {
            most: limits.connections,
            most_per_ip,
            open: Mutex::default(),
        }
    }

    fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let subject = client_ip::subject(ip);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, by_ip) = &mut *open;
        if *total >= self.most
            || by_ip
                .get(&subject)
                .is_some_and(|count| *count >= self.most_per_ip)
        {
            return None;
        }
        *total += 1;
        *by_ip.entry(subject).or_default() += 1;
        Some(Place {
            crowd: Arc::clone(self),
            subject,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .crowd
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (total, by_ip) = &mut *open;
        *total = total.saturating_sub(1);
        if let Some(count) = by_ip.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                by_ip.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_17_places_are_counted_per_address_and_given_back() {
        let limits = Limits {
            connections: 3,
            connections_per_ip: 2,
            ..Limits::default()
        };
        let crowd = Arc::new(Crowd::new(&limits, 0));
        let ip = |n: u8| IpAddr::from([10, 0, 0, n]);
        let first = crowd.admit(ip(1));
        let _second = crowd.admit(ip(1)).unwrap();
        assert!(crowd.admit(ip(1)).is_none());
        let _third = crowd.admit(ip(2)).unwrap();
        assert!(crowd.admit(ip(3)).is_none(), "the cap over all addresses");
        drop(first);
        assert!(crowd.admit(ip(1)).is_some());
    }
}
