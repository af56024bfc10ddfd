//! What surrounds a service's routes, on every way a call can arrive.

mod boundary;
mod guard;
mod idempotency;

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context as Poller, Poll},
};

use fault::{Fault, Result};
use http::{Request, Response};
use identity::{Context, internal::ServiceKeys};
use tonic::body::Body;
use tower::Service;

use boundary::Boundary;
use guard::Origin;

pub use idempotency::Ledger;

use crate::Routes;

/// Puts the layers around a service's routes. `keys` are the service's own: they name it
/// and check who calls.
pub fn guarded(routes: Routes, keys: Arc<ServiceKeys>) -> Guarded {
    Guarded {
        routes,
        keys,
        ledger: None,
    }
}

/// A service's routes behind all layers, to be hosted.
#[derive(Clone)]
pub struct Guarded {
    routes: Routes,
    keys: Arc<ServiceKeys>,
    ledger: Option<Ledger>,
}

impl Guarded {
    /// Has keyed calls recorded, so that each takes effect once (ID-2). Without it a key is
    /// checked and otherwise ignored.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    async fn handle(self, request: Request<Body>) -> Response<Body> {
        let origin = Origin::of(&request);
        // Outermost, so that whatever happens below has an answer, a line and a figure.
        let boundary = Boundary::enter(self.keys.name(), &request, &origin);
        let keys = Arc::clone(&self.keys);
        let answer = async move {
            // Who calls, for whom, and may they: nothing is read of a refused request.
            let ctx = guard::admit(&keys, &request, &origin)?;
            let reply = in_time(&ctx, self.answer(&ctx, request)).await??;
            Ok((ctx, reply))
        };
        boundary.answer(answer).await
    }

    /// Has a keyed call answered by the ledger, and any other by its handler.
    async fn answer(self, ctx: &Context, request: Request<Body>) -> Result<Response<Body>> {
        match (idempotency::key(&request)?, self.ledger) {
            (Some(key), Some(ledger)) => ledger.answer(ctx, key, request, self.routes).await,
            _ => Ok(handled(self.routes, ctx, request).await),
        }
    }
}

/// The handler's answer.
async fn handled(routes: Routes, ctx: &Context, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().insert(ctx.clone());
    routes.handle(request).await
}

/// The deadline over the head of the reply; the boundary bounds the body.
async fn in_time<T>(ctx: &Context, reply: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout_at(ctx.deadline().into(), reply)
        .await
        .map_err(|_| Fault::timeout())
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<std::result::Result<(), Infallible>> {
        // Routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.handle(request).await) })
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("service", &self.keys.name())
            .finish_non_exhaustive()
    }
}
