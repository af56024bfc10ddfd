//! A service in other processes: its endpoints, and which of them a call goes to.

mod body;
mod choice;
mod connection;
mod endpoint;
mod failure;
mod load;
mod probe;
mod rotation;
mod tasks;

use std::{
    fmt,
    sync::{Arc, Once, Weak},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use fault::Fault;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use http::{HeaderMap, Response, uri::PathAndQuery};
use tokio::sync::watch;
use tonic::{Code, Status, body::Body};

use crate::{
    Resolve,
    config::Address,
    metadata,
    retry::{self, Budget},
    timed::code_of,
};

use choice::choose;
use endpoint::Endpoint;
use rotation::{Outage, State};

pub(crate) use failure::Failure;
pub(crate) use load::Kind;
pub(crate) use tasks::Tasks;

/// How often names are looked up.
const LOOK_UP: Duration = Duration::from_secs(3);
/// The longest a call waits for the first look-up, or one look-up takes.
const FIRST_LOOK_UP: Duration = Duration::from_secs(1);

/// The longest a call waits for an endpoint to come back when all are out.
const LAST_RESORT: Duration = Duration::from_millis(500);

/// Failed calls in a row that take an endpoint out of rotation.
const FAILURES: u32 = 5;

/// A call as it goes out, as often as it has to.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) kind: Kind,
    /// Whether it may be made again when it may have been acted upon.
    pub(crate) is_repeatable: bool,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    pub(crate) deadline: Instant,
}

/// From this time on a refusal is late: less than services wait for their database.
const LATE: Duration = Duration::from_millis(500);

/// One callee in other processes.
///
/// `sf_mesh_endpoints{callee}` says how many endpoints it has, `sf_mesh_endpoints_out{callee}`
/// how many of them are out of rotation, `sf_mesh_retries_total{callee,cause}` counts tries
/// after the first (`never_sent`, `lost`, `reset`, `slow`, `unavailable`).
pub(crate) struct Remote {
    name: Arc<str>,
    addresses: Vec<Address>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    resolver: Arc<dyn Resolve>,
    budget: Budget,
    /// Whether every name was looked up once.
    looked_up: watch::Sender<bool>,
    started: Once,
    tasks: Weak<Tasks>,
    me: Weak<Self>,
}

impl Remote {
    pub(crate) fn new(
        name: &str,
        addresses: Vec<Address>,
        resolver: Arc<dyn Resolve>,
        tasks: Weak<Tasks>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| {
            let remote = Self {
                name: name.into(),
                addresses,
                endpoints: ArcSwap::default(),
                resolver,
                budget: Budget::new(),
                looked_up: watch::Sender::new(false),
                started: Once::new(),
                tasks,
                me: me.clone(),
            };
            remote.arrange(remote.fixed());
            remote
        })
    }

    /// Calls an endpoint that is likely to answer soon, and others when it does not (SC-4).
    pub(crate) async fn send(&self, call: &Outgoing) -> Result<Response<Body>, Failure> {
        self.budget.deposit();
        let mut tried = None;
        for retry in 0.. {
            let endpoint = match self.endpoint(call.kind, tried.as_ref()).await {
                Some(endpoint) => endpoint,
                None => self.come_back(call.kind).await.ok_or(Failure::Nowhere)?,
            };
            let began = Instant::now();
            let outcome = self.attempt(&endpoint, call, retry).await;
            let Some(cause) = self.worth_repeating(&endpoint, call, &outcome, began.elapsed())
            else {
                return outcome;
            };
            let Some(pause) = self.pause(retry, call, &outcome) else {
                return outcome;
            };
            metrics::counter!("sf_mesh_retries_total", "callee" => self.name.to_string(), "cause" => cause)
                .increment(1);
            tokio::time::sleep(pause).await;
            tried = Some(endpoint);
        }
        Err(Failure::Nowhere)
    }

    /// Returns after how long to try again; `None` when that is too often, too late, or more
    /// than the budget has.
    fn pause(
        &self,
        retry: u32,
        call: &Outgoing,
        outcome: &Result<Response<Body>, Failure>,
    ) -> Option<Duration> {
        // What was never sent costs the callee nothing the first time; a slow try has paid
        // already, and waited long enough.
        let is_paid = match outcome {
            Err(Failure::NeverSent(_)) => retry == 0,
            Err(Failure::Slow) => true,
            _ => false,
        };
        let pause = if is_paid {
            Duration::ZERO
        } else {
            retry::delay(retry)
        };
        let in_time = call.deadline.saturating_duration_since(Instant::now()) > pause;
        let allowed = retry < retry::RETRIES && in_time && (is_paid || self.budget.withdraw());
        allowed.then_some(pause)
    }

    /// Makes one try. While there may be another, it is given up after half of the time left
    /// if another endpoint is quick enough to answer in the other half and the budget allows.
    async fn attempt(
        &self,
        endpoint: &Arc<Endpoint>,
        call: &Outgoing,
        retry: u32,
    ) -> Result<Response<Body>, Failure> {
        let reply = endpoint.send(call);
        if retry >= retry::RETRIES || !call.is_repeatable || call.kind == Kind::Stream {
            return reply.await;
        }
        tokio::pin!(reply);
        let half = call.deadline.saturating_duration_since(Instant::now()) / 2;
        match tokio::time::timeout(half, &mut reply).await {
            Ok(reply) => reply,
            Err(_) if self.has_quicker(endpoint, half / 2) && self.budget.withdraw() => {
                Err(Failure::Slow)
            }
            Err(_) => reply.await,
        }
    }

    fn has_quicker(&self, than: &Arc<Endpoint>, latency: Duration) -> bool {
        let others = self.endpoints.load();
        let mut others = others.iter().filter(|other| !Arc::ptr_eq(other, than));
        others.any(|other| other.state() == State::In && other.load().latency() <= latency)
    }

    /// Judges the endpoint by the outcome of a try, and returns why another is worth it.
    fn worth_repeating(
        &self,
        endpoint: &Arc<Endpoint>,
        call: &Outgoing,
        outcome: &Result<Response<Body>, Failure>,
        took: Duration,
    ) -> Option<&'static str> {
        let cause = match outcome {
            // It lives and says that it has enough to do: neither for nor against it.
            Ok(reply) if metadata::is_overloaded(reply.headers()) => return None,
            Ok(reply) if code_of(reply.headers()) == Some(Code::Unavailable) => {
                self.count_failure(endpoint);
                // Who says when to come again means it, but speaks for itself only.
                if names_a_delay(reply.headers()) && !self.has_other(endpoint) {
                    return None;
                }
                // Who refuses late has waited for something itself, and others would wait for the same (T46).
                if took >= LATE {
                    return None;
                }
                "unavailable"
            }
            Ok(_) => {
                endpoint.succeeded();
                return None;
            }
            Err(Failure::Nowhere) => return None,
            Err(failure) => {
                if matches!(failure, Failure::Reset(_)) {
                    self.count_failure(endpoint);
                }
                failure.name()
            }
        };
        (call.is_repeatable || matches!(outcome, Err(Failure::NeverSent(_)))).then_some(cause)
    }

    /// Takes an endpoint out of rotation that failed several calls in a row while others
    /// may do better. The last one stays: its methods have breakers.
    fn count_failure(&self, endpoint: &Arc<Endpoint>) {
        if endpoint.failed() >= FAILURES && self.has_other(endpoint) {
            endpoint.take_out(Outage::Failures);
        }
    }

    fn has_other(&self, than: &Arc<Endpoint>) -> bool {
        let others = self.endpoints.load();
        let mut others = others.iter().filter(|other| !Arc::ptr_eq(other, than));
        others.any(|other| other.state() == State::In)
    }

    /// Chooses an endpoint; waits only for names to be looked up for the first time.
    async fn endpoint(&self, kind: Kind, tried: Option<&Arc<Endpoint>>) -> Option<Arc<Endpoint>> {
        self.started.call_once(|| self.start());
        let known = self.endpoints.load();
        if known.is_empty() && !*self.looked_up.borrow() {
            let mut looked_up = self.looked_up.subscribe();
            let wait = looked_up.wait_for(|done| *done);
            let _late = tokio::time::timeout(FIRST_LOOK_UP, wait).await;
            return choose(&self.endpoints.load(), kind, tried);
        }
        choose(&known, kind, tried)
    }

    /// Has all endpoints probed now, since there is none to call, and waits a little for the first that is back: one
    /// that was restarted may be there again before its next probe is due.
    async fn come_back(&self, kind: Kind) -> Option<Arc<Endpoint>> {
        let known = self.endpoints.load_full();
        let mut probed: FuturesUnordered<_> = known.iter().map(|it| it.probed_now()).collect();
        let back = async {
            while probed.next().await.is_some() {
                if let Some(back) = choose(&known, kind, None) {
                    return Some(back);
                }
            }
            None
        };
        tokio::time::timeout(LAST_RESORT, back).await.ok().flatten()
    }

    /// Whether an endpoint says that it serves, the one a call would go to asked first.
    pub(crate) async fn serves(&self) -> bool {
        let Some(first) = self.endpoint(Kind::Unary, None).await else {
            return false;
        };
        if first.serves().await {
            return true;
        }
        let known = self.endpoints.load_full();
        for other in known.iter().filter(|other| !Arc::ptr_eq(other, &first)) {
            if other.serves().await {
                return true;
            }
        }
        false
    }

    /// Looks names up every now and then, on the runtime of the first call.
    fn start(&self) {
        let has_names = self.addresses.iter().any(|a| matches!(a, Address::Dns(_)));
        if let (true, Some(tasks)) = (has_names, self.tasks.upgrade()) {
            let me = self.me.clone();
            tasks.spawn(async move {
                while let Some(remote) = me.upgrade() {
                    remote.look_up().await;
                    drop(remote);
                    tokio::time::sleep(LOOK_UP.mul_f64(rand::random_range(0.8..1.2))).await;
                }
            });
        }
    }

    async fn look_up(&self) {
        let mut found = self.fixed();
        for address in &self.addresses {
            let Address::Dns(target) = address else {
                continue;
            };
            let asked = self.resolver.resolve(target);
            match tokio::time::timeout(FIRST_LOOK_UP, asked).await {
                Ok(Ok(addresses)) if !addresses.is_empty() => {
                    found.extend(addresses.iter().map(ToString::to_string));
                }
                other => {
                    tracing::warn!(callee = &*self.name, name = %target, ?other, "name not found");
                    // What was known may still be there, and those that are not leave rotation.
                    self.looked_up.send_replace(true);
                    return;
                }
            }
        }
        self.arrange(found);
        self.looked_up.send_replace(true);
    }

    fn fixed(&self) -> Vec<String> {
        let fixed = self.addresses.iter().filter_map(|address| match address {
            Address::Fixed(target) => Some(target.to_string()),
            Address::Dns(_) => None,
        });
        fixed.collect()
    }

    /// Makes these the endpoints; those that are known stay what they are.
    fn arrange(&self, mut at: Vec<String>) {
        at.sort_unstable();
        at.dedup();
        let known = self.endpoints.load();
        let same = known.iter().map(|endpoint| endpoint.at());
        if same.eq(at.iter().map(String::as_str)) {
            return;
        }
        let endpoints =
            at.into_iter().map(
                |at| match known.iter().find(|endpoint| endpoint.at() == at) {
                    Some(endpoint) => Arc::clone(endpoint),
                    None => Endpoint::new(Arc::clone(&self.name), at, self.tasks.clone()),
                },
            );
        let endpoints: Vec<_> = endpoints.collect();
        tracing::info!(callee = &*self.name, ?endpoints, "endpoints");
        metrics::gauge!("sf_mesh_endpoints", "callee" => self.name.to_string())
            .set(endpoints.len() as f64);
        self.endpoints.store(Arc::new(endpoints));
    }
}

/// Whether a refusal says after how long to come again.
fn names_a_delay(headers: &HeaderMap) -> bool {
    let status = Status::from_header_map(headers);
    status.is_some_and(|status| Fault::from(status).retry_after().is_some())
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("name", &self.name)
            .field("endpoints", &self.endpoints.load())
            .finish_non_exhaustive()
    }
}
