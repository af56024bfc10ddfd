//! Who is hosted, and calls by name.

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::{Request, Response};
use identity::{Context, internal::ServiceKeys};
use tonic::body::Body;
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::Channel;

/// How long an internal stream lives before it is reopened from its cursor (SC-3).
pub const STREAM_DEADLINE: Duration = Duration::from_secs(600);

/// The longest a stream lives that the edge opened for a user: until the token expires
/// (N-3: 3600 s, and N-6: 30 s of clock leeway), and a little longer, so that it is
/// the edge that ends it and says why (SC-3).
pub const USER_STREAM_DEADLINE: Duration = Duration::from_secs(3600 + 30 + 30);

/// A hosted service, layers included.
pub type Hosted = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services of this process, by name.
#[derive(Clone, Default)]
pub struct Mesh {
    hosted: Arc<RwLock<HashMap<String, Hosted>>>,
}

impl Mesh {
    /// Returns a mesh without services.
    pub fn new() -> Self {
        Self::default()
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
        let mut hosted = self.hosted.write().unwrap_or_else(PoisonError::into_inner);
        hosted.insert(name.to_owned(), BoxCloneSyncService::new(service));
    }

    /// Hosts a service no longer; calls to it answer UNAVAILABLE.
    pub fn remove(&self, name: &str) {
        self.hosted
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// Whether a service of this name is hosted (K-5: others are not called).
    pub fn is_hosted(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns what a service calls the others with; `keys` are its own.
    pub fn peers(&self, keys: Arc<ServiceKeys>) -> Peers {
        Peers {
            mesh: self.clone(),
            keys,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<Hosted> {
        self.hosted
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosted = self.hosted.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(hosted.keys()).finish()
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

    /// Whether `callee` can be called at all in this deployment (K-5).
    pub fn knows(&self, callee: &str) -> bool {
        self.mesh.is_hosted(callee)
    }

    /// Returns the name of the calling service.
    pub fn name(&self) -> &str {
        self.keys.name()
    }

    pub(crate) fn keys(&self) -> &ServiceKeys {
        &self.keys
    }

    pub(crate) async fn send(
        &self,
        callee: &str,
        request: Request<Body>,
    ) -> Option<Response<Body>> {
        let service = self.mesh.find(callee)?;
        match service.oneshot(request).await {
            Ok(reply) => Some(reply),
            Err(never) => match never {},
        }
    }
}
