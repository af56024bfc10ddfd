//! One callee for one request, as generated clients want it: a tower service.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context as Task, Poll},
    time::Instant,
};

use fault::{Fault, Reason};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use identity::Context;
use telemetry::TraceContext;
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt as _};
use tracing::Instrument as _;

use crate::{
    Hosted, Peers, metadata,
    observed::Observed,
    peers::{Method, Way},
    remote::{Failure, Kind, Outgoing, Remote},
    retry,
    timed::Timed,
};

/// A channel to one service, for the calls of one request. Failures of the way are
/// replies with a gRPC status, so a client sees one kind of error only.
#[derive(Clone, Debug)]
pub struct Channel {
    peers: Peers,
    callee: &'static str,
    ctx: Context,
}

impl Channel {
    pub(crate) fn new(peers: Peers, callee: &'static str, ctx: Context) -> Self {
        Self { peers, callee, ctx }
    }

    /// Returns the same channel with at most this much time, for optional parts (SC-5).
    #[must_use]
    pub fn within(mut self, at_most: std::time::Duration) -> Self {
        self.ctx = self.ctx.within(at_most);
        self
    }

    /// Makes one call.
    pub(crate) fn send(
        self,
        request: Request<Body>,
    ) -> impl Future<Output = Response<Body>> + Send {
        let trace = TraceContext::continued(self.ctx.trace());
        let span = tracing::debug_span!(
            "call", callee = self.callee, method = request.uri().path(), span_id = %trace.span_id(),
        );
        self.exchange(request, trace).instrument(span)
    }

    async fn exchange(self, mut request: Request<Body>, trace: TraceContext) -> Response<Body> {
        let method = self.peers.method(request.uri().path());
        let mut observed = Observed::new(
            &self.peers,
            self.callee,
            method,
            request.uri().path(),
            &trace,
        );
        let deadline = self.ctx.deadline();
        if self.ctx.remaining().is_zero() {
            return observed.refuse(Fault::timeout());
        }
        let Some(way) = self.peers.find(self.callee) else {
            return observed.refuse(Fault::of(Reason::ServiceUnavailable));
        };
        if let Err(fault) = observed.admit(method) {
            return observed.refuse(fault);
        }
        // In-process nothing separates caller and callee but this: no extension of the
        // caller may pass for one the callee's layers set.
        request.extensions_mut().clear();
        metadata::write(
            request.headers_mut(),
            &self.ctx,
            &trace,
            self.peers.keys(),
            self.callee,
        );
        let reply = async {
            match way {
                Way::Hosted(service) => Ok(hosted(service, request).await),
                Way::Remote(remote) => remotely(&remote, request, method, deadline).await,
            }
        };
        match tokio::time::timeout_at(deadline.into(), reply).await {
            Err(_) => observed.refuse(Fault::timeout()),
            Ok(Err(failure)) => {
                if !failure.is_callees() {
                    observed.excuse();
                }
                observed.refuse(Fault::unavailable(format!("{}: {failure}", self.callee)))
            }
            Ok(Ok(reply)) => {
                if metadata::is_overloaded(reply.headers()) {
                    observed.excuse();
                }
                if method.is_some_and(|method| method.rule.streaming) {
                    observed.judge_by_head(&reply);
                }
                Timed::reply(reply, deadline, observed.ended())
            }
        }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let reply = self.clone().send(request);
        Box::pin(async { Ok(reply.await) })
    }
}

async fn hosted(service: Hosted, request: Request<Body>) -> Response<Body> {
    match service.oneshot(request).await {
        Ok(reply) => reply,
        Err(never) => match never {},
    }
}

async fn remotely(
    remote: &Remote,
    request: Request<Body>,
    method: Option<&Method>,
    deadline: Instant,
) -> Result<Response<Body>, Failure> {
    let (head, body) = request.into_parts();
    let Some(path) = head.uri.into_parts().path_and_query else {
        return Ok(Status::from(Fault::internal("a call without a path")).into_http());
    };
    // One message, encoded without waiting for anything; whole, it can be sent again.
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(status) => return Ok(status.into_http()),
    };
    let rule = method.map(|method| method.rule);
    let kind = match rule {
        Some(rule) if rule.streaming => Kind::Stream,
        _ => Kind::Unary,
    };
    let call = Outgoing {
        kind,
        is_repeatable: retry::is_repeatable(rule),
        path,
        headers: head.headers,
        body,
        deadline,
    };
    remote.send(&call).await
}
