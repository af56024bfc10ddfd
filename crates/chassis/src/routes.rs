//! The gRPC services of one crate, by the name in the path.

use std::{collections::HashMap, convert::Infallible, fmt};

use fault::{Fault, Reason};
use http::{Request, Response};
use mesh::Hosted;
use tonic::{Status, body::Body, server::NamedService};
use tower::{Service, ServiceExt as _};

/// What a service serves: usually one generated gRPC server.
#[derive(Clone, Default)]
pub struct Routes {
    servers: HashMap<&'static str, Hosted>,
}

impl Routes {
    /// Returns the routes of one generated server: `Routes::new(FeedServiceServer::new(it))`.
    pub fn new<S>(server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self::default().add_service(server)
    }

    /// Adds another generated server.
    #[must_use]
    pub fn add_service<S>(self, server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.add(S::NAME, Hosted::new(server))
    }

    /// Returns the full names of the servers.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.servers.keys().copied().collect()
    }

    pub(crate) fn add(mut self, name: &'static str, server: Hosted) -> Self {
        self.servers.insert(name, server);
        self
    }

    /// Calls the server the path names; `NOT_IMPLEMENTED` if there is none.
    pub(crate) async fn handle(self, request: Request<Body>) -> Response<Body> {
        let name = request.uri().path().split('/').nth(1).unwrap_or_default();
        let Some(server) = self.servers.get(name).cloned() else {
            return Status::from(Fault::of(Reason::NotImplemented)).into_http();
        };
        match server.oneshot(request).await {
            Ok(reply) => reply,
            Err(never) => match never {},
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.servers.keys()).finish()
    }
}
