//! How a call is counted: its span, its figure, and what the breaker hears of it.

use std::{borrow::Cow, time::Instant};

use fault::{Fault, Reason};
use http::Response;
use metrics::Histogram;
use telemetry::{Span, TraceContext, span};
use tonic::{Code, Status, body::Body};

use crate::{
    Peers,
    breaker::Permit,
    peers::Method,
    timed::{Ended, code_name, code_of},
};

/// One call, counted when it has ended.
pub(crate) struct Observed {
    callee: &'static str,
    method: Cow<'static, str>,
    began: Instant,
    span: Span,
    permit: Option<Permit>,
    /// Counts a good end, where the callee is the one the contract names.
    well: Option<Histogram>,
}

/// Returns what counts the seconds of calls that end so.
pub(crate) fn seconds(
    callee: &'static str,
    method: impl Into<Cow<'static, str>>,
    code: &'static str,
) -> Histogram {
    metrics::histogram!("sf_grpc_client_seconds", "callee" => callee, "method" => method.into(), "code" => code)
}

impl Observed {
    pub(crate) fn new(
        peers: &Peers,
        callee: &'static str,
        method: Option<&Method>,
        path: &str,
        trace: &TraceContext,
    ) -> Self {
        let well = method
            .filter(|method| method.rule.domain() == callee)
            .map(|method| method.well().clone());
        let method = match method {
            Some(method) => Cow::Borrowed(method.name()),
            None => Cow::Owned(path.trim_start_matches('/').to_owned()),
        };
        Self {
            callee,
            method,
            began: Instant::now(),
            span: Span::begin(trace, span::Kind::Client, peers.name()),
            permit: None,
            well,
        }
    }

    /// Asks the method's breaker.
    pub(crate) fn admit(&mut self, method: Option<&Method>) -> Result<(), Fault> {
        if let Some(method) = method {
            let permit = method
                .breaker
                .admit()
                .map_err(|after| Fault::of(Reason::ServiceUnavailable).with_retry_after(after))?;
            self.permit = Some(permit);
        }
        Ok(())
    }

    /// Keeps the outcome from the breaker.
    pub(crate) fn excuse(&mut self) {
        self.permit = None;
    }

    /// A stream that began is a good answer: that many break off with one connection says
    /// nothing of those opened next.
    pub(crate) fn judge_by_head(&mut self, reply: &Response<Body>) {
        if let Some(permit) = self.permit.take() {
            permit.judge(code_of(reply.headers()).unwrap_or(Code::Ok));
        }
    }

    fn end(mut self, code: Option<Code>) {
        self.span.record(|span| {
            span.rpc(&self.method);
            span.set("peer.service", self.callee);
            span.outcome(code.map(|code| code as i32));
        });
        if let (Some(permit), Some(code)) = (self.permit, code) {
            permit.judge(code);
        }
        let took = self.began.elapsed().as_secs_f64();
        match self.well {
            Some(well) if code == Some(Code::Ok) => well.record(took),
            _ => seconds(
                self.callee,
                self.method,
                code.map_or("abandoned", code_name),
            )
            .record(took),
        }
    }

    pub(crate) fn ended(self) -> Ended {
        Box::new(move |code| self.end(code))
    }

    pub(crate) fn refuse(self, fault: Fault) -> Response<Body> {
        self.end(Some(fault.reason().grpc()));
        Status::from(fault).into_http()
    }
}
