//! Spans that are exported (OB-4): built only where the trace is sampled and an exporter runs, else they cost nothing.

use std::{borrow::Cow, future::Future, time::Duration};

use opentelemetry::{
    Context, ContextGuard, InstrumentationScope, KeyValue, Value,
    context::FutureExt as _,
    trace::{SpanKind, Status, TraceContextExt as _},
};
use opentelemetry_sdk::trace::SpanData;
use time::OffsetDateTime;

use crate::{TraceContext, export};

/// Longest text of an attribute, in bytes.
const LONGEST: usize = 2048;

/// Which end of a call or of a message a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Asks another process or store.
    Client,
    /// Handles an event.
    Consumer,
    /// Work of its own.
    Internal,
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server,
            Kind::Client => Self::Client,
            Kind::Consumer => Self::Consumer,
            Kind::Internal => Self::Internal,
        }
    }
}

/// Work that goes on. Dropped, it has ended and is exported, if its trace is.
#[derive(Debug)]
pub struct Span(Option<Box<Recording>>);

/// What is said of a span that is exported. Attributes are what leaves the process: never a token, an address, a body or a text.
#[derive(Debug)]
pub struct Recording {
    trace: TraceContext,
    scope: Cow<'static, str>,
    kind: Kind,
    name: Cow<'static, str>,
    began: OffsetDateTime,
    attributes: Vec<KeyValue>,
    failed: bool,
}

impl Span {
    /// Begins the span that `trace` names, on behalf of `scope`: a service or the edge.
    #[must_use]
    pub fn begin(trace: &TraceContext, kind: Kind, scope: &str) -> Self {
        if !is_exported(trace) {
            return Self(None);
        }
        Self(Some(Box::new(Recording::begin(*trace, kind, scope))))
    }

    /// Lets something be said of the span, if it is exported at all.
    pub fn record(&mut self, say: impl FnOnce(&mut Recording)) {
        if let Some(recording) = &mut self.0 {
            say(recording);
        }
    }
}

impl Recording {
    pub(crate) fn begin(trace: TraceContext, kind: Kind, scope: &str) -> Self {
        Self {
            trace,
            scope: scope.to_owned().into(),
            kind,
            name: "".into(),
            began: identity::clock::now(),
            attributes: Vec::new(),
            failed: false,
        }
    }

    /// Names the span: one of few names, such as a route's.
    pub fn name(&mut self, name: impl Into<Cow<'static, str>>) {
        self.name = name.into();
    }

    /// Adds an attribute; a long text is cut to 2048 bytes.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = match value.into() {
            Value::String(text) if text.as_str().len() > LONGEST => {
                Value::from(cut(text.as_str()).to_owned())
            }
            value => value,
        };
        self.attributes.push(KeyValue::new(name, value));
    }

    /// Adds the attributes of an RPC by its path and names the span after it.
    pub fn rpc(&mut self, path: &str) {
        let path = path.trim_start_matches('/');
        self.name = path.to_owned().into();
        self.set("rpc.system", "grpc");
        if let Some((service, method)) = path.rsplit_once('/') {
            self.set("rpc.service", service.to_owned());
            self.set("rpc.method", method.to_owned());
        }
    }

    /// Adds the code an RPC ended with; `None` when nobody waited for its end. Every code but OK is a failure to whoever
    /// asked; to whoever answers, only those that are the server's own fault.
    pub fn outcome(&mut self, code: Option<i32>) {
        /// `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS`.
        const OURS: [i32; 6] = [2, 4, 12, 13, 14, 15];
        /// What gRPC calls a call that was given up.
        const CANCELLED: i32 = 1;
        let code = code.unwrap_or(CANCELLED);
        self.set("rpc.grpc.status_code", i64::from(code));
        self.failed |= if self.kind == Kind::Client {
            code != 0
        } else {
            OURS.contains(&code)
        };
    }

    /// Says that the work failed; why is for the logs.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    pub(crate) fn ended(self, at: OffsetDateTime) -> SpanData {
        SpanData {
            span_context: self.trace.span_context(),
            parent_span_id: self.trace.parent(),
            parent_span_is_remote: matches!(self.kind, Kind::Server | Kind::Consumer),
            span_kind: self.kind.into(),
            name: self.name,
            start_time: self.began.into(),
            end_time: at.max(self.began).into(),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: if self.failed {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: InstrumentationScope::builder(self.scope).build(),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(recording) = self.0.take() {
            export::submit(recording.ended(identity::clock::now()));
        }
    }
}

/// Runs work as part of the span that `trace` names: statements and commands in it become spans below it.
pub fn within<F: Future>(trace: &TraceContext, work: F) -> impl Future<Output = F::Output> {
    work.with_context(context(trace))
}

/// As [`within`], for work that is polled by hand: until the guard is dropped.
#[must_use]
pub fn enter(trace: &TraceContext) -> Option<ContextGuard> {
    is_exported(trace).then(|| context(trace).attach())
}

fn context(trace: &TraceContext) -> Context {
    if is_exported(trace) {
        Context::new().with_remote_span_context(trace.span_context())
    } else {
        Context::new()
    }
}

/// Exports a piece of work that has just ended as a span below the current one, if there is one that is exported. `say` is
/// called only then.
pub fn finished(scope: &str, took: Duration, say: impl FnOnce(&mut Recording)) {
    let Some(trace) = current() else {
        return;
    };
    let mut recording = Recording::begin(trace, Kind::Client, scope);
    let now = recording.began;
    recording.began = now - took;
    say(&mut recording);
    export::submit(recording.ended(now));
}

/// A new span below the current one, if that is exported.
fn current() -> Option<TraceContext> {
    if !export::is_on() {
        return None;
    }
    Context::map_current(|current| {
        let span = current.span();
        let context = span.span_context();
        context.is_sampled().then(|| TraceContext::below(context))
    })
}

/// Whether a command that begins now would become a span: for callers who would have to take the time first.
pub fn is_recording() -> bool {
    current().is_some()
}

fn is_exported(trace: &TraceContext) -> bool {
    export::is_on() && trace.is_sampled()
}

/// Cuts a text where a character ends.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(LONGEST);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ob_4_without_an_exporter_nothing_is_recorded() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = TraceContext::continued(Some(header));
        let mut span = Span::begin(&trace, Kind::Server, "edge");
        span.record(|_| panic!("nobody would see it"));
        let _here = enter(&trace);
        finished("edge", Duration::ZERO, |_| panic!("nobody would see it"));
    }

    #[test]
    fn ob_4_a_span_says_what_it_was_told_and_where_it_belongs() {
        let trace = TraceContext::fresh().child();
        let mut recording = Recording::begin(trace, Kind::Server, "feed");
        recording.rpc("/smilefactory.feed.v1.FeedService/LikePost");
        recording.set("db.statement", "é".repeat(LONGEST));
        recording.fail();
        let data = recording.ended(identity::clock::now());
        assert_eq!(data.span_context.span_id(), trace.span_id());
        assert_eq!(data.parent_span_id, trace.parent());
        assert_eq!(data.name, "smilefactory.feed.v1.FeedService/LikePost");
        let said: Vec<_> = data
            .attributes
            .iter()
            .map(|pair| (pair.key.as_str(), pair.value.as_str().len()))
            .collect();
        assert_eq!(
            said,
            [
                ("rpc.system", 4),
                ("rpc.service", 32),
                ("rpc.method", 8),
                ("db.statement", LONGEST)
            ]
        );
        assert_eq!(data.status, Status::error(""));
    }
}
