//! The way of one request through the door, as one list of steps.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chassis::{Overload, Place, Readiness, Shutdown};
use fault::Fault;
use futures_util::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use identity::internal::ServiceKeys;
use mesh::metadata;
use telemetry::TraceContext;
use telemetry::trace::Forced;
use tracing::Instrument;

use crate::accept::pulse::InFlight;
use crate::auth::Gate;
use crate::cache::Cache;
use crate::coding::Accepted;
use crate::config::Config;
use crate::cors::Cors;
use crate::docs::Document;
use crate::gates::Destination;
use crate::grpc::{Calls, Dialect};
use crate::health::Health;
use crate::inbox::Inbox;
use crate::log::{self, Counts, Record};
use crate::ratelimit::{Limiter, Standing};
use crate::respond::{self, Refusal, Reply, ReplyBody};
use crate::routes::{Routes, Target};
use crate::{body, client_ip, coding, conditional, head, plain_http, request_id, security};

/// Everything a request meets.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) calls: Calls,
    pub(crate) gate: Arc<Gate>,
    pub(crate) limiter: Limiter,
    pub(crate) overload: Overload,
    pub(crate) cache: Cache,
    pub(crate) cors: Cors,
    pub(crate) health: Health,
    pub(crate) inbox: Option<Inbox>,
    pub(crate) openapi: Document,
    pub(crate) peers: mesh::Peers,
    pub(crate) keys: Arc<ServiceKeys>,
    /// Whether the process takes requests; `/readyz` says so (DL-4).
    pub(crate) readiness: Readiness,
    /// How many traces a second outsiders may have sampled.
    pub(crate) forced_traces: Forced,
    pub(crate) counts: Arc<Counts>,
    /// Begun when the door closes: streams end.
    pub(crate) closing: Shutdown,
}

/// What is known about a request so far.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request_id: String,
    pub(crate) ip: IpAddr,
    pub(crate) trace: TraceContext,
    pub(crate) record: Record,
    /// Whether the reply may depend on the token: not for public routes, nor for optional ones without.
    pub(crate) personal: bool,
    /// Whether the route looks at tokens at all.
    pub(crate) tokens: bool,
    /// How the tightest rate-limit bucket stands.
    pub(crate) standing: Option<Standing>,
    /// The place it was let in to, kept until its reply is made; a stream takes it along.
    pub(crate) place: Option<Place>,
    /// The request's part in its connection's time-keeping, kept as the place is.
    pub(crate) in_flight: InFlight,
}

impl Exchange {
    fn open(
        parts: &Parts,
        peer: IpAddr,
        trusted_hops: usize,
        forced: &Forced,
        counts: &Arc<Counts>,
        in_flight: InFlight,
    ) -> Self {
        let request_id = request_id::of(&parts.headers);
        let ip = client_ip::client(peer, &parts.headers, trusted_hops);
        let given = parts
            .headers
            .get(metadata::TRACE)
            .and_then(|value| value.to_str().ok());
        let trace = TraceContext::at_the_door(given, forced);
        let record = Record::open(
            request_id.clone(),
            trace,
            &parts.method,
            ip,
            Arc::clone(counts),
        );
        Self {
            request_id,
            ip,
            trace,
            record,
            personal: false,
            tokens: false,
            standing: None,
            place: None,
            in_flight,
        }
    }
}

impl Door {
    /// Answers one request, whatever happens to it.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        in_flight: InFlight,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let mut exchange = Exchange::open(
            &parts,
            peer,
            self.config.trusted_hops,
            &self.forced_traces,
            &self.counts,
            in_flight,
        );
        let span = tracing::info_span!("http", service = "edge", request_id = exchange.request_id, trace_id = %exchange.trace.trace_id());
        let body = (!body.is_end_stream()).then_some(body);
        let trace = exchange.trace;
        // Boxed, since every adapter would hold it once more.
        let speak = Box::pin(self.speak(&parts, body, &mut exchange));
        let reply = telemetry::span::within(&trace, speak.instrument(span)).await;
        self.finish(&parts, exchange, reply)
    }

    /// Answers a request in the protocol it speaks.
    async fn speak(&self, parts: &Parts, body: Option<Incoming>, exchange: &mut Exchange) -> Reply {
        if let Err(refusal) = head::unambiguous(parts, exchange.in_flight.is_malformed()) {
            // What can be read in two ways is nothing at all, not even a preflight (T17).
            log::explain(&exchange.record.route, &refusal.fault);
            let reply = respond::refusal(refusal, &exchange.request_id);
            return self
                .leave_body(body, parts.version, reply, &exchange.in_flight)
                .await;
        }
        // Preflights before all else: they carry no token, and browsers take any refusal for a closed door (HD-4).
        if Cors::is_preflight(&parts.method, &parts.headers) {
            let reply = Response::default();
            return self
                .leave_body(body, parts.version, reply, &exchange.in_flight)
                .await;
        }
        match Dialect::of(&parts.headers) {
            Some(dialect) => self.grpc(dialect, parts, body, exchange).await,
            None => self.rest(parts, body, exchange).await,
        }
    }

    /// Answers a REST request.
    async fn rest(
        &self,
        parts: &Parts,
        mut body: Option<Incoming>,
        exchange: &mut Exchange,
    ) -> Reply {
        let accepted = Accepted::of(&parts.headers);
        let steps = Box::pin(self.steps(parts, &mut body, exchange, accepted));
        let outcome = unharmed(steps).await;
        let reply = outcome.unwrap_or_else(|refusal| {
            log::explain(&exchange.record.route, &refusal.fault);
            respond::refusal(refusal, &exchange.request_id)
        });
        let reply = conditional::revalidated(parts, reply);
        let reply = self
            .leave_body(body, parts.version, reply, &exchange.in_flight)
            .await;
        coding::compress(accepted, self.config.limits.compress_bytes, reply).await
    }

    async fn steps(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        exchange: &mut Exchange,
        accepted: Accepted,
    ) -> Result<Reply, Refusal> {
        let find = || self.routes.resolve(&parts.method, parts.uri.path());
        let probe = || find().is_ok_and(|target| target.terms(&parts.method).probe);
        if let Some(reply) = plain_http::redirect(&self.config, parts)
            && !probe()
        {
            return Ok(reply);
        }
        let admitted = self.admit(parts, exchange, find).await?;
        accepted.check()?;
        match &admitted.destination {
            Target::Own(own) => Box::pin(self.own(*own, parts, exchange)).await,
            Target::Methods(allow) => methods(allow, exchange),
            Target::Rpc(found, rule) => {
                let session = admitted.session.as_ref();
                let answer = if rule.streaming {
                    self.forward_stream(parts, body, exchange, found, rule, session)
                        .await
                } else {
                    self.forward(parts, body, exchange, found, rule, session)
                        .await
                };
                let reason = answer.as_ref().err().map(Refusal::reason);
                self.refused(&admitted, exchange.ip, reason).await;
                answer
            }
        }
    }

    /// Deals with a body nobody read. Over HTTP/1 a short one is taken in so that the connection can be used again; with a
    /// long one the connection ends, since the next request could not be told from the rest of this one.
    pub(crate) async fn leave_body<B>(
        &self,
        body: Option<B>,
        version: Version,
        mut reply: Reply,
        in_flight: &InFlight,
    ) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        const SHORT: usize = 64 * 1024;
        let Some(body) = body.filter(|_| version < Version::HTTP_2) else {
            return reply;
        };
        if reply.headers().contains_key(CONNECTION) {
            in_flight.leave_unread();
            return reply;
        }
        // Who is refused for overload hears it at once (N-21), and what came of the body by then is taken in.
        let patience = if respond::is_unavailable(&reply) {
            Duration::ZERO
        } else {
            Duration::from_secs(1)
        };
        let taken =
            tokio::time::timeout(patience, body::read(body, SHORT, &self.config.limits)).await;
        if !matches!(taken, Ok(Ok(_))) {
            reply
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            in_flight.leave_unread();
        }
        reply
    }

    /// Adds what every reply carries and writes the access line.
    fn finish(&self, parts: &Parts, exchange: Exchange, mut reply: Reply) -> Reply {
        let headers = reply.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(request_id::HEADER, id);
        }
        if let Some(standing) = &exchange.standing {
            standing.describe(headers);
        }
        security::harden(
            headers,
            client_ip::over_tls(&parts.headers, self.config.trusted_hops),
        );
        describe_caching(&exchange, headers);
        self.cors.describe(&parts.method, &parts.headers, headers);
        if parts.method == Method::HEAD && reply.status() != StatusCode::NOT_MODIFIED {
            // The length GET would have, if it is known, and nothing of it (TR-19).
            if let Some(length) = reply.body().size_hint().exact() {
                reply.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            *reply.body_mut() = ReplyBody::default();
        }
        exchange.record.follow(reply)
    }
}

/// Runs the steps of one request. A panic is this request's end and nobody else's: what it left half done is dropped with it.
pub(crate) async fn unharmed(
    steps: impl Future<Output = Result<Reply, Refusal>>,
) -> Result<Reply, Refusal> {
    AssertUnwindSafe(steps)
        .catch_unwind()
        .await
        .unwrap_or_else(|_panic| Err(Fault::internal("a panic while answering a request").into()))
}

fn methods(allow: &HeaderValue, exchange: &Exchange) -> Result<Reply, Refusal> {
    let names: Vec<&str> = allow.to_str().unwrap_or_default().split(", ").collect();
    let mut reply = respond::success(
        StatusCode::OK,
        &serde_json::json!({ "methods": names }),
        &exchange.request_id,
    )?;
    reply.headers_mut().insert(ALLOW, allow.clone());
    Ok(reply)
}

/// CQ-4: what depends on a token is nobody else's, the rest may be kept and asked about.
fn describe_caching(exchange: &Exchange, headers: &mut HeaderMap) {
    let control = if exchange.personal {
        "private, no-store"
    } else {
        "public, max-age=0, must-revalidate"
    };
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(control));
    let vary = if exchange.tokens {
        "Authorization, Accept, Accept-Encoding, Origin"
    } else {
        "Accept, Accept-Encoding, Origin"
    };
    headers.insert(VARY, HeaderValue::from_static(vary));
}
