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
use identity::Context;
use telemetry::TraceContext;
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::Instrument as _;

use crate::{
    Peers, metadata,
    timed::{Ended, Timed, code_name},
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

    async fn exchange(self, mut request: Request<Body>, trace: TraceContext) -> Response<Body> {
        let ended = self.observe(&request);
        let deadline = self.ctx.deadline();
        if self.ctx.remaining().is_zero() {
            return refuse(Fault::timeout(), ended);
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
        let reply = self.peers.send(self.callee, request);
        match tokio::time::timeout_at(deadline.into(), reply).await {
            Err(_) => refuse(Fault::timeout(), ended),
            Ok(None) => refuse(Fault::of(Reason::ServiceUnavailable), ended),
            Ok(Some(reply)) => Timed::reply(reply, deadline, ended),
        }
    }

    /// Returns what counts the call when it has ended.
    fn observe(&self, request: &Request<Body>) -> Ended {
        let began = Instant::now();
        let callee = self.callee;
        let method = request.uri().path().trim_start_matches('/').to_owned();
        Box::new(move |code: Option<Code>| {
            let code = code.map_or("abandoned", code_name);
            metrics::histogram!("sf_grpc_client_seconds", "callee" => callee, "method" => method, "code" => code)
                .record(began.elapsed().as_secs_f64());
        })
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
        let trace = TraceContext::continued(self.ctx.trace());
        let span = tracing::debug_span!(
            "call", callee = self.callee, method = request.uri().path(), span_id = %trace.span_id(),
        );
        let this = self.clone();
        Box::pin(async move { Ok(this.exchange(request, trace).await) }.instrument(span))
    }
}

fn refuse(fault: Fault, ended: Ended) -> Response<Body> {
    ended(Some(fault.reason().grpc()));
    Status::from(fault).into_http()
}
