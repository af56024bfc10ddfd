//! Who is hosted, who is elsewhere, and calls by name.

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use contracts::RpcRule;
use http::{Request, Response, uri::PathAndQuery};
use identity::{Context, internal::ServiceKeys};
use metrics::Histogram;
use tonic::{Code, body::Body};
use tower::{Service, util::BoxCloneSyncService};

use crate::{
    Channel, Config, ConfigError, Resolve, SystemResolver,
    breaker::Breaker,
    observed,
    remote::{Remote, Tasks},
    timed::code_name,
};

/// How long an internal stream lives before it is reopened from its cursor (SC-3).
pub const STREAM_DEADLINE: Duration = Duration::from_secs(600);

/// The longest a stream lives that the edge opened for a user: until the token expires
/// (N-3: 3600 s, and N-6: 30 s of clock leeway), and a little longer, so that it is
/// the edge that ends it and says why (SC-3).
pub const USER_STREAM_DEADLINE: Duration = Duration::from_secs(3600 + 30 + 30);

/// A hosted service, layers included.
pub type Hosted = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services of this process and those it knows in others, by name. Cheap to clone.
#[derive(Clone)]
pub struct Mesh {
    inner: Arc<Inner>,
}

struct Inner {
    hosted: ArcSwap<HashMap<String, Hosted>>,
    remote: HashMap<String, Arc<Remote>>,
    /// In the order of [`contracts::rpcs`], each made at its first call.
    methods: Box<[OnceLock<Method>]>,
    /// Owned here, so that connections and watchers end with the mesh.
    _tasks: Arc<Tasks>,
}

impl Inner {
    fn new(remote: HashMap<String, Arc<Remote>>, tasks: Arc<Tasks>) -> Self {
        Self {
            hosted: ArcSwap::default(),
            remote,
            methods: contracts::rpcs().iter().map(|_| OnceLock::new()).collect(),
            _tasks: tasks,
        }
    }
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner::new(HashMap::new(), Arc::default())),
        }
    }
}

/// A method of a contract, wherever its service is.
pub(crate) struct Method {
    pub(crate) rule: &'static RpcRule,
    pub(crate) path: PathAndQuery,
    pub(crate) breaker: Arc<Breaker>,
    well: OnceLock<Histogram>,
}

impl Method {
    fn new(rule: &'static RpcRule) -> Self {
        Self {
            rule,
            path: PathAndQuery::from_static(rule.path),
            breaker: Arc::new(Breaker::new(rule.domain(), name(rule))),
            well: OnceLock::new(),
        }
    }

    /// Returns what counts the seconds of calls that ended well, as nearly all do; looked up once.
    pub(crate) fn well(&self) -> &Histogram {
        self.well
            .get_or_init(|| observed::seconds(self.rule.domain(), self.name(), code_name(Code::Ok)))
    }

    /// Returns its gRPC path without the first slash.
    pub(crate) fn name(&self) -> &'static str {
        name(self.rule)
    }
}

fn name(rule: &'static RpcRule) -> &'static str {
    rule.path.trim_start_matches('/')
}

/// Where a service is.
pub(crate) enum Way {
    /// In this process.
    Hosted(Hosted),
    /// In others.
    Remote(Arc<Remote>),
}

impl Mesh {
    /// Returns a mesh that knows no service until one is hosted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a mesh that reaches the configured services over HTTP/2, and hosts none yet.
    /// Connections are made when first needed, on the runtime of whoever calls.
    ///
    /// # Errors
    /// A service without an address.
    pub fn reaching(config: &Config) -> Result<Self, ConfigError> {
        let system: Arc<dyn Resolve> = Arc::new(SystemResolver);
        Self::resolving(config, &system)
    }

    /// As [`Mesh::reaching`], with names looked up by `resolver`.
    ///
    /// # Errors
    /// As [`Mesh::reaching`].
    pub fn resolving(config: &Config, resolver: &Arc<dyn Resolve>) -> Result<Self, ConfigError> {
        config.check()?;
        let tasks = Arc::new(Tasks::default());
        let weak = Arc::downgrade(&tasks);
        let remote = config.peers.iter().map(|(name, addresses)| {
            let (resolver, tasks) = (Arc::clone(resolver), weak.clone());
            let remote = Remote::new(name, addresses.clone(), resolver, tasks);
            (name.clone(), remote)
        });
        let inner = Inner::new(remote.collect(), tasks);
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Hosts a service, layers included, from now on; one of the same name is replaced.
    pub fn host<S>(&self, name: &str, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let service = Hosted::new(service);
        self.change(|hosted| {
            hosted.insert(name.to_owned(), service.clone());
        });
    }

    /// Hosts a service no longer; calls to it go to other processes, or answer UNAVAILABLE
    /// when none is configured.
    pub fn remove(&self, name: &str) {
        self.change(|hosted| {
            hosted.remove(name);
        });
    }

    fn change(&self, change: impl Fn(&mut HashMap<String, Hosted>)) {
        self.inner.hosted.rcu(|hosted| {
            let mut hosted = HashMap::clone(hosted);
            change(&mut hosted);
            hosted
        });
    }

    /// Whether a service of this name is hosted in this process.
    pub fn is_hosted(&self, name: &str) -> bool {
        self.inner.hosted.load().contains_key(name)
    }

    /// Returns the service hosted in this process under a name: what a listener serves.
    pub fn hosted(&self, name: &str) -> Option<Hosted> {
        self.inner.hosted.load().get(name).cloned()
    }

    /// Returns what a service calls the others with; `keys` are its own.
    pub fn peers(&self, keys: Arc<ServiceKeys>) -> Peers {
        Peers {
            mesh: self.clone(),
            keys,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<Way> {
        match self.hosted(name) {
            Some(hosted) => Some(Way::Hosted(hosted)),
            None => self.inner.remote.get(name).cloned().map(Way::Remote),
        }
    }
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mesh")
            .field("hosted", &self.inner.hosted.load().keys())
            .field("remote", &self.inner.remote.keys())
            .finish()
    }
}

/// What one service calls the others with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peers {
    mesh: Mesh,
    keys: Arc<ServiceKeys>,
}

impl Peers {
    /// Returns the channel for calls to `callee` on behalf of a request. It is good for
    /// as many calls as the request has time for.
    pub fn call(&self, callee: &'static str, ctx: &Context) -> Channel {
        Channel::new(self.clone(), callee, ctx.clone())
    }

    /// Returns the channel for an internal stream: as [`Peers::call`], but with
    /// [`STREAM_DEADLINE`] instead of the deadline of the context.
    pub fn call_streaming(&self, callee: &'static str, ctx: &Context) -> Channel {
        Channel::new(self.clone(), callee, ctx.outliving(STREAM_DEADLINE))
    }

    /// Whether `callee` can be called at all in this deployment (K-5): hosted here, or
    /// configured.
    pub fn knows(&self, callee: &str) -> bool {
        self.mesh.is_hosted(callee) || self.mesh.inner.remote.contains_key(callee)
    }

    /// Whether `callee` answers: hosted here, or in another process that says it serves. It is asked now, at most 1 s
    /// an endpoint.
    pub async fn reaches(&self, callee: &str) -> bool {
        match self.find(callee) {
            Some(Way::Hosted(_)) => true,
            Some(Way::Remote(remote)) => remote.serves().await,
            None => false,
        }
    }

    /// Whether the breaker of the method at this gRPC path is open: what is called now fails at once, but for a probe.
    pub fn is_open(&self, path: &str) -> bool {
        self.method(path)
            .is_some_and(|method| method.breaker.is_open())
    }

    /// Returns the name of the calling service.
    pub fn name(&self) -> &str {
        self.keys.name()
    }

    pub(crate) fn keys(&self) -> &ServiceKeys {
        &self.keys
    }

    pub(crate) fn find(&self, callee: &str) -> Option<Way> {
        self.mesh.find(callee)
    }

    /// Returns the method at a gRPC path; a path of no contract has neither breaker nor
    /// retries.
    pub(crate) fn method(&self, path: &str) -> Option<&Method> {
        let rules = contracts::rpcs();
        let index = rules.binary_search_by(|rule| rule.path.cmp(path)).ok()?;
        let slot = self.mesh.inner.methods.get(index)?;
        Some(slot.get_or_init(|| Method::new(&rules[index])))
    }
}
