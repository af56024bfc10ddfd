//! A service in other processes: its endpoints, and which of them a call goes to.

mod body;
mod connection;
mod endpoint;
mod load;
mod probe;
mod tasks;

use std::{
    error::Error,
    fmt,
    sync::{Arc, Once, Weak},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Response, uri::PathAndQuery};
use tokio::sync::watch;
use tonic::body::Body;

use crate::{Resolve, config::Address};

use endpoint::{Endpoint, State};

pub(crate) use load::Kind;
pub(crate) use tasks::Tasks;

/// How often names are looked up.
const LOOK_UP: Duration = Duration::from_secs(5);
/// The longest a call waits for the first look-up, or one look-up takes.
const FIRST_LOOK_UP: Duration = Duration::from_secs(1);

type Cause = Box<dyn Error + Send + Sync>;

/// Why a try of a call got no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was done: any call may be tried elsewhere.
    NeverSent(Cause),
    /// It broke on the way; it may have been acted upon.
    Lost(Cause),
    /// No endpoint is in rotation.
    Nowhere,
}

impl Failure {
    fn never_sent(cause: impl Into<Cause>) -> Self {
        Self::NeverSent(cause.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverSent(cause) | Self::Lost(cause) => cause.fmt(f),
            Self::Nowhere => f.write_str("no endpoint is in rotation"),
        }
    }
}

impl Error for Failure {}

/// A call as it goes out, as often as it has to.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) kind: Kind,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    pub(crate) deadline: Instant,
}

/// One callee in other processes.
pub(crate) struct Remote {
    name: Arc<str>,
    addresses: Vec<Address>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    resolver: Arc<dyn Resolve>,
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
                looked_up: watch::Sender::new(false),
                started: Once::new(),
                tasks,
                me: me.clone(),
            };
            remote.arrange(remote.fixed());
            remote
        })
    }

    /// Makes one try of a call at the endpoint that is likely to answer first.
    pub(crate) async fn send(&self, call: &Outgoing) -> Result<Response<Body>, Failure> {
        let endpoint = self.endpoint(call.kind).await.ok_or(Failure::Nowhere)?;
        endpoint.send(call).await
    }

    /// Chooses an endpoint; waits only for names to be looked up for the first time.
    async fn endpoint(&self, kind: Kind) -> Option<Arc<Endpoint>> {
        self.started.call_once(|| self.start());
        let known = self.endpoints.load();
        if known.is_empty() && !*self.looked_up.borrow() {
            let mut looked_up = self.looked_up.subscribe();
            let wait = looked_up.wait_for(|done| *done);
            let _late = tokio::time::timeout(FIRST_LOOK_UP, wait).await;
            return choose(&self.endpoints.load(), kind, None);
        }
        choose(&known, kind, None)
    }

    /// Whether an endpoint says that it serves, the one a call would go to asked first.
    pub(crate) async fn serves(&self) -> bool {
        let Some(first) = self.endpoint(Kind::Unary).await else {
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
        self.endpoints.store(Arc::new(endpoints));
    }
}

/// Chooses the cheaper of two random endpoints among those in rotation; if there are none,
/// among those that said they leave. `tried` is chosen only if there is no other.
fn choose(
    endpoints: &[Arc<Endpoint>],
    kind: Kind,
    tried: Option<&Arc<Endpoint>>,
) -> Option<Arc<Endpoint>> {
    let is_tried = |endpoint: &Arc<Endpoint>| tried.is_some_and(|t| Arc::ptr_eq(t, endpoint));
    let among = |state: State, tried: bool| {
        endpoints
            .iter()
            .filter(move |endpoint| endpoint.state() == state && is_tried(endpoint) == tried)
    };
    [
        (State::In, false),
        (State::In, true),
        (State::Leaving, false),
        (State::Leaving, true),
    ]
    .into_iter()
    .find_map(|(state, tried)| cheaper(|| among(state, tried), kind))
    .cloned()
}

/// Chooses the cheaper of two of them at random: nearly as good as looking at all, and
/// callers that look at the same time do not all go to the same one.
fn cheaper<'a, I>(endpoints: impl Fn() -> I, kind: Kind) -> Option<&'a Arc<Endpoint>>
where
    I: Iterator<Item = &'a Arc<Endpoint>>,
{
    let count = endpoints().count();
    if count < 2 {
        return endpoints().next();
    }
    let first = rand::random_range(0..count);
    let second = (first + rand::random_range(1..count)) % count;
    // The number may have changed since it was counted.
    let nth = |n| endpoints().nth(n).or_else(|| endpoints().next());
    let (first, second) = (nth(first)?, nth(second)?);
    if second.load().cost(kind) < first.load().cost(kind) {
        Some(second)
    } else {
        Some(first)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("name", &self.name)
            .field("endpoints", &self.endpoints.load())
            .finish_non_exhaustive()
    }
}
