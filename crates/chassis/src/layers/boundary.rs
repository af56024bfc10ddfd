//! The outermost layer: panics become INTERNAL, foreign texts disappear, and each call
//! ends in one log line and one observation.

use std::{
    any::Any,
    error::Error,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use fault::{Fault, Reason, Result};
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use identity::Context;
use mesh::timed::{Ended, Timed, code_name, code_of, trailers};
use telemetry::{TraceContext, span::Kind};
use tonic::{Code, Status, body::Body};
use tracing::{Instrument as _, Span};

use super::guard::Origin;
use crate::task::panic_text;

/// One call, from its arrival to the end of its reply.
pub(super) struct Boundary(Arc<Line>);

/// What the log line and the figures of a call are made of.
struct Line {
    service: String,
    /// The RPC's path from the contract, so that callers cannot invent labels.
    method: &'static str,
    request_id: Arc<str>,
    began: Instant,
    /// Everything of the call is logged in it, the end of its body included.
    span: Span,
    /// Statements and commands of the call are spans below this one.
    trace: TraceContext,
}

impl Boundary {
    pub(super) fn enter(service: &str, request: &Request<Body>, origin: &Origin) -> Self {
        let method = contracts::rpc(request.uri().path()).map_or("unknown", |rule| rule.path);
        let (request_id, trace) = (Arc::clone(&origin.request_id), origin.trace);
        let span = tracing::info_span!(
            "rpc", service, route = method, request_id = &*request_id, trace_id = %trace.trace_id(), span_id = %trace.span_id(),
        );
        let service = service.to_owned();
        Self(Arc::new(Line {
            service,
            method,
            request_id,
            began: Instant::now(),
            span,
            trace,
        }))
    }

    /// Runs the inner layers and returns the reply that is sent.
    pub(super) async fn answer(
        self,
        inner: impl Future<Output = Result<(Context, Response<Body>)>>,
    ) -> Response<Body> {
        let Self(line) = self;
        let ended = line.ended();
        // Nothing of a handler is used after its panic.
        let work = AssertUnwindSafe(inner).catch_unwind();
        let work = telemetry::span::within(&line.trace, work);
        let answer = work.instrument(line.span.clone()).await;
        match answer.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Err(fault) => line.refuse(fault, ended),
            Ok((ctx, reply)) => {
                match failure(reply.headers(), reply.extensions().get::<Status>()) {
                    Some((fault, kept)) => {
                        let mut refusal = line.refuse(fault, ended);
                        refusal.headers_mut().extend(kept);
                        refusal
                    }
                    None => {
                        let inner = |body| {
                            Body::new(Careful {
                                body,
                                line: Arc::clone(&line),
                            })
                        };
                        Timed::reply(reply.map(inner), ctx.deadline(), ended)
                    }
                }
            }
        }
    }
}

impl Line {
    /// Logs a failure and returns it as the reply.
    fn refuse(&self, fault: Fault, ended: Ended) -> Response<Body> {
        let fault = self.logged(fault);
        ended(Some(fault.reason().grpc()));
        Status::from(fault).into_http()
    }

    /// Logs the cause of a failure, which it then no longer has, and names the request.
    fn logged(&self, mut fault: Fault) -> Fault {
        if let Some(source) = fault.take_source() {
            self.span.in_scope(|| log(&fault, &chain(&*source)));
        }
        fault.with_request_id(&*self.request_id)
    }

    /// An internal error inside a stream has lost its cause on the way through the
    /// encoder; its line at least says so.
    fn explained(&self, fault: Fault) -> Fault {
        if fault.reason() == Reason::InternalError && fault.source().is_none() {
            return fault.with_source("the stream ended with an internal error");
        }
        fault
    }

    /// Returns what counts the call and writes its line when it has ended.
    fn ended(self: &Arc<Self>) -> Ended {
        let line = Arc::clone(self);
        let mut exported = telemetry::Span::begin(&line.trace, Kind::Server, &line.service);
        Box::new(move |code: Option<Code>| {
            exported.record(|span| {
                span.rpc(line.method);
                span.set("sf.request_id", line.request_id.to_string());
                span.outcome(code.map(|code| code as i32));
            });
            let status = code.map_or("ABANDONED", code_name);
            let seconds = line.began.elapsed().as_secs_f64();
            metrics::histogram!(
                "sf_grpc_server_seconds",
                "service" => line.service.clone(), "method" => line.method, "code" => status
            )
            .record(seconds);
            line.span
                .in_scope(|| tracing::debug!(status, duration = seconds, "call ended"));
        })
    }
}

/// Returns the failure that headers or trailers carry, and the metadata beside it.
fn failure(headers: &HeaderMap, made_here: Option<&Status>) -> Option<(Fault, HeaderMap)> {
    if matches!(code_of(headers), None | Some(Code::Ok)) {
        return None;
    }
    // The status in the extensions is the same one with its source.
    let status = made_here
        .cloned()
        .or_else(|| Status::from_header_map(headers))?;
    let kept = status.metadata().clone().into_headers();
    Some((fault_of(status), kept))
}

pub(super) fn fault_of(status: Status) -> Fault {
    // tonic refuses a message above its limit with OUT_OF_RANGE and no details.
    if status.code() == Code::OutOfRange && status.details().is_empty() {
        return Fault::of(Reason::PayloadTooLarge).with_source(status);
    }
    Fault::from(status)
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> Fault {
    Fault::internal(panic_text(panic))
}

fn log(fault: &Fault, cause: &str) {
    let reason = fault.reason().code();
    match fault.reason() {
        Reason::InternalError => tracing::error!(reason, cause, "call failed"),
        Reason::ServiceUnavailable | Reason::GatewayTimeout => {
            tracing::warn!(reason, cause, "call failed")
        }
        _ => tracing::info!(reason, cause, "call refused"),
    }
}

/// Writes an error and all its causes in one line.
fn chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    // A status that wraps a cause says nothing of its own.
    let wrapped = error.downcast_ref::<Status>().and_then(Error::source);
    let first: &(dyn Error + 'static) = wrapped.unwrap_or(error);
    let mut text = first.to_string();
    let mut next = first.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        // Wrappers that print what they wrap need no echo.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// A reply body whose panics and foreign errors end as proper trailers.
struct Careful {
    body: Body,
    line: Arc<Line>,
}

impl http_body::Body for Careful {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let span = this.line.span.clone();
        let _statements = telemetry::span::enter(&this.line.trace);
        let poll = || span.in_scope(|| Pin::new(&mut this.body).poll_frame(cx));
        let polled = catch_unwind(AssertUnwindSafe(poll));
        let frame = match polled {
            Ok(poll) => ready!(poll),
            Err(panic) => Some(Err(Status::from(panicked(&*panic)))),
        };
        let failed = match &frame {
            Some(Ok(frame)) => frame
                .trailers_ref()
                .and_then(|trailers| failure(trailers, None)),
            Some(Err(status)) => Some((fault_of(status.clone()), HeaderMap::new())),
            None => None,
        };
        let Some((fault, kept)) = failed else {
            return Poll::Ready(frame);
        };
        this.body = Body::empty();
        let fault = this.line.explained(fault);
        let mut end = trailers(this.line.logged(fault));
        end.extend(kept);
        Poll::Ready(Some(Ok(Frame::trailers(end))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
