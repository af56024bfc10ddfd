//! One access line and two metrics per request (OB-1, OB-2). Never a path as the client wrote it, a token or a body.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fault::{Fault, Reason};
use http::Method;
use http_body::{Body, Frame, SizeHint};
use metrics::{Counter, Histogram, Label};
use telemetry::span::Kind;
use telemetry::{Span, TraceContext};
use tonic::Code;

use crate::respond::{Reply, ReplyBody, StreamError};

/// Route name of requests that matched none; a client's own path would make labels without bound.
const UNMATCHED: &str = "-";

/// A client that left before its reply; logged, never sent.
const CLIENT_CLOSED: u16 = 499;

/// The line being written about one request. Dropped unfinished, it says that the client left.
#[derive(Debug)]
pub(crate) struct Record {
    request_id: String,
    trace: TraceContext,
    method: &'static str,
    ip: IpAddr,
    started: Instant,
    /// The template of the route that was matched.
    pub(crate) route: Cow<'static, str>,
    /// Counted but not written: probes come every few seconds for ever.
    pub(crate) quiet: bool,
    finished: bool,
    /// How a gRPC call ended; none for other requests.
    verdict: Option<Verdict>,
    span: Span,
    counts: Arc<Counts>,
}

/// How a request ended, as metrics have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    method: &'static str,
    /// The first digit of the status.
    class: u16,
    code: Option<&'static str>,
}

/// The metrics of every route by outcome, looked up once: there are few of both, and every request has one.
#[derive(Debug, Default)]
pub(crate) struct Counts(RwLock<HashMap<String, Vec<Counted>>>);

/// How many requests ended so, and how long they took.
type Counted = (Outcome, Counter, Histogram);

impl Counts {
    fn count(&self, route: &str, outcome: Outcome, took: Duration) {
        let (total, seconds) = self
            .known(route, outcome)
            .unwrap_or_else(|| self.learn(route, outcome));
        total.increment(1);
        seconds.record(took.as_secs_f64());
    }

    fn known(&self, route: &str, outcome: Outcome) -> Option<(Counter, Histogram)> {
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut outcomes = counts.get(route)?.iter();
        let (_, total, seconds) = outcomes.find(|(known, ..)| *known == outcome)?;
        Some((total.clone(), seconds.clone()))
    }

    fn learn(&self, route: &str, outcome: Outcome) -> (Counter, Histogram) {
        let Outcome {
            method,
            class,
            code,
        } = outcome;
        let mut labels = vec![
            Label::new("route", route.to_owned()),
            Label::from_static_parts("method", method),
            Label::new("status", format!("{class}xx")),
        ];
        labels.extend(code.map(|code| Label::from_static_parts("grpc_code", code)));
        let total = metrics::counter!("sf_http_requests_total", labels.clone());
        let seconds = metrics::histogram!("sf_http_request_seconds", labels);
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let outcomes = counts.entry(route.to_owned()).or_default();
        // Somebody else may have learnt it meanwhile.
        if outcomes.iter().all(|(known, ..)| *known != outcome) {
            outcomes.push((outcome, total.clone(), seconds.clone()));
        }
        (total, seconds)
    }
}

/// Writes down why a request or a stream failed, which the client is not told (T35). The one place where that is done.
pub(crate) fn explain(route: &str, fault: &Fault) {
    match fault.reason().http() {
        500 => tracing::error!(route, cause = ?fault, "request failed"),
        501.. => tracing::warn!(route, cause = ?fault, "request could not be served"),
        _ => {}
    }
}

/// How a gRPC call ended. Its HTTP status is always 200 and its trailers may lie inside the body, so whoever makes them says it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict(Arc<OnceLock<Option<Reason>>>);

impl Verdict {
    /// The call did what was asked.
    pub(crate) fn success(&self) {
        self.reach(None);
    }

    /// The call failed so.
    pub(crate) fn failure(&self, reason: Reason) {
        self.reach(Some(reason));
    }

    fn reach(&self, outcome: Option<Reason>) {
        // The first word stands: what comes after it, the client did not hear.
        self.0.get_or_init(|| outcome);
    }

    /// Returns the code, and the status the same outcome has over REST. A call nobody saw the end of was given up by its client.
    fn read(&self) -> (Code, u16) {
        match self.0.get() {
            Some(None) => (Code::Ok, 200),
            Some(Some(reason)) => (reason.grpc(), reason.http()),
            None => (Code::Cancelled, CLIENT_CLOSED),
        }
    }
}

impl Record {
    pub(crate) fn open(
        request_id: String,
        trace: TraceContext,
        method: &Method,
        ip: IpAddr,
        counts: Arc<Counts>,
    ) -> Self {
        let (route, started) = (Cow::Borrowed(UNMATCHED), Instant::now());
        Self {
            request_id,
            trace,
            method: known(method),
            ip,
            started,
            route,
            quiet: false,
            finished: false,
            verdict: None,
            span: Span::begin(&trace, Kind::Server, "edge"),
            counts,
        }
    }

    /// Makes this the line of a gRPC call and returns where its end is to be told.
    pub(crate) fn grpc(&mut self) -> Verdict {
        self.verdict.get_or_insert_default().clone()
    }

    /// Writes the line: at once for a whole reply, at its end for a stream. A reader who leaves a stream ends it like any other.
    pub(crate) fn follow(mut self, reply: Reply) -> Reply {
        let status = reply.status().as_u16();
        if !reply.body().is_stream() {
            self.write(status, reply.body().size_hint().lower());
            return reply;
        }
        reply.map(|body| {
            ReplyBody::stream(Followed {
                body,
                status,
                bytes: 0,
                record: self,
            })
        })
    }

    fn write(&mut self, status: u16, bytes: u64) {
        self.finished = true;
        let duration = self.started.elapsed();
        let (code, status) = match &self.verdict {
            Some(verdict) => {
                let (code, status) = verdict.read();
                (Some(mesh::timed::code_name(code)), status)
            }
            None => (None, status),
        };
        self.describe(status, code);
        let outcome = Outcome {
            method: self.method,
            class: status / 100,
            code,
        };
        self.counts.count(&self.route, outcome, duration);
        if self.quiet {
            return;
        }
        tracing::info!(
            target: "edge::access",
            service = "edge",
            request_id = self.request_id.as_str(),
            trace_id = %self.trace.trace_id(),
            method = self.method,
            route = &*self.route,
            status,
            grpc_code = code,
            duration = duration.as_secs_f64(),
            bytes,
            ip = %telemetry::redact::ip(self.ip),
            "request"
        );
    }
}

impl Record {
    /// Says in the exported span what the line says, in the words of OpenTelemetry.
    fn describe(&mut self, status: u16, code: Option<&'static str>) {
        let (method, route) = (self.method, &self.route);
        let number = self.verdict.as_ref().map(|verdict| verdict.read().0);
        self.span.record(|span| {
            match number {
                Some(number) => {
                    span.rpc(route);
                    span.outcome(Some(number as i32));
                }
                None if route == UNMATCHED => span.name(method),
                None => span.name(format!("{method} {route}")),
            }
            span.set("http.request.method", method);
            if route != UNMATCHED {
                span.set("http.route", route.to_string());
            }
            // gRPC's own status is always 200 there.
            if code.is_none() {
                span.set("http.response.status_code", i64::from(status));
            }
            span.set("sf.request_id", self.request_id.clone());
            if status >= 500 {
                span.fail();
            }
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.finished {
            self.write(CLIENT_CLOSED, 0);
        }
    }
}

/// A stream whose line is written when it has ended.
struct Followed {
    body: ReplyBody,
    status: u16,
    bytes: u64,
    record: Record,
}

impl Body for Followed {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.record.write(self.status, self.bytes);
    }
}

/// Returns the method's name; methods are labels, so unknown ones share one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
