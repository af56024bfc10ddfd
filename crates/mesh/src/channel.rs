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
use telemetry::{Span, TraceContext, span};
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt as _};
use tracing::Instrument as _;

use crate::{
    Hosted, Peers, metadata,
    peers::Way,
    remote::{Kind, Outgoing, Remote},
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
        let ended = self.observe(&request, &trace);
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
        let Some(way) = self.peers.find(self.callee) else {
            return refuse(Fault::of(Reason::ServiceUnavailable), ended);
        };
        let reply = async {
            match way {
                Way::Hosted(service) => hosted(service, request).await,
                Way::Remote(remote) => remotely(&remote, request, deadline).await,
            }
        };
        match tokio::time::timeout_at(deadline.into(), reply).await {
            Err(_) => refuse(Fault::timeout(), ended),
            Ok(reply) => Timed::reply(reply, deadline, ended),
        }
    }

    /// Returns what counts the call when it has ended.
    fn observe(&self, request: &Request<Body>, trace: &TraceContext) -> Ended {
        let began = Instant::now();
        let mut span = Span::begin(trace, span::Kind::Client, self.peers.name());
        let callee = self.callee;
        let method = request.uri().path().trim_start_matches('/').to_owned();
        Box::new(move |code: Option<Code>| {
            span.record(|span| {
                span.rpc(&method);
                span.set("peer.service", callee);
                span.outcome(code.map(|code| code as i32));
            });
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

async fn hosted(service: Hosted, request: Request<Body>) -> Response<Body> {
    match service.oneshot(request).await {
        Ok(reply) => reply,
        Err(never) => match never {},
    }
}

async fn remotely(remote: &Remote, request: Request<Body>, deadline: Instant) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(path) = head.uri.into_parts().path_and_query else {
        return Status::from(Fault::internal("a call without a path")).into_http();
    };
    // One message, encoded without waiting for anything; whole, it can be sent again.
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(status) => return status.into_http(),
    };
    let is_stream = contracts::rpc(path.path()).is_some_and(|rule| rule.streaming);
    let call = Outgoing {
        kind: if is_stream { Kind::Stream } else { Kind::Unary },
        path,
        headers: head.headers,
        body,
        deadline,
    };
    match remote.send(&call).await {
        Ok(reply) => reply,
        Err(failure) => Status::from(Fault::unavailable(failure)).into_http(),
    }
}

fn refuse(fault: Fault, ended: Ended) -> Response<Body> {
    ended(Some(fault.reason().grpc()));
    Status::from(fault).into_http()
}
