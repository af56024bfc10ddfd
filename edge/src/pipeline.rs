//! The way of one request through the door, as one list of steps.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use contracts::Access;
use fault::Fault;
use futures_util::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use identity::internal::ServiceKeys;
use telemetry::TraceContext;
use tracing::Instrument;

use crate::accept::pulse::InFlight;
use crate::auth::{self, Gate, Session};
use crate::config::Config;
use crate::cors::Cors;
use crate::health::Health;
use crate::inbox::Inbox;
use crate::log::Record;
use crate::ratelimit::{Limiter, Standing, Subjects};
use crate::respond::{self, Refusal, Reply, ReplyBody};
use crate::routes::{Routes, Target};
use crate::{body, client_ip, head, request_id, security};

/// Everything a request meets.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) gate: Arc<Gate>,
    pub(crate) limiter: Limiter,
    pub(crate) cors: Cors,
    pub(crate) health: Health,
    pub(crate) inbox: Option<Inbox>,
    pub(crate) openapi: Bytes,
    pub(crate) peers: mesh::Peers,
    pub(crate) keys: Arc<ServiceKeys>,
    pub(crate) draining: AtomicBool,
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
    standing: Option<Standing>,
}

impl Door {
    /// Answers one request, whatever happens to it.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        in_flight: &InFlight,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let mut body = (!body.is_end_stream()).then_some(body);
        let (request_id, ip) = (
            request_id::of(&parts.headers),
            client_ip::client(peer, &parts.headers, self.config.trusted_hops),
        );
        let given = parts
            .headers
            .get(telemetry::trace::HEADER)
            .and_then(|value| value.to_str().ok());
        let trace = TraceContext::continued(given);
        let span =
            tracing::info_span!("http", service = "edge", request_id, trace_id = %trace.trace_id());
        let record = Record::open(request_id.clone(), trace, &parts.method, ip);
        let mut exchange = Exchange {
            request_id,
            ip,
            trace,
            record,
            personal: false,
            tokens: false,
            standing: None,
        };
        // A panic is this request's end and nobody else's. What it left half done is dropped with it.
        let steps = AssertUnwindSafe(self.steps(&parts, &mut body, &mut exchange)).catch_unwind();
        let steps = steps.instrument(span.clone()).await;
        let outcome = steps.unwrap_or_else(|_panic| {
            Err(Fault::internal("a panic while answering a request").into())
        });
        let mut reply =
            outcome.unwrap_or_else(|refusal| span.in_scope(|| refused(refusal, &exchange)));
        self.leave_body(body, parts.version, &mut reply, in_flight)
            .await;
        self.finish(&parts, exchange, reply)
    }

    async fn steps(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        exchange: &mut Exchange,
    ) -> Result<Reply, Refusal> {
        // Preflights first: they carry no token, and browsers take any refusal for a closed door (HD-4).
        if Cors::is_preflight(&parts.method, &parts.headers) {
            return Ok(Response::default());
        }
        // Size and unambiguity of the head before anything reads it.
        head::check(parts, &self.config.limits)?;
        // The route before the token, because the contract says whether a token is looked at. Its refusal waits.
        let target = self.routes.resolve(&parts.method, parts.uri.path());
        let access = self.note(&target, exchange);
        if let Ok(Target::Own(own)) = &target
            && own.is_probe()
        {
            return self.own(*own, parts, exchange).await;
        }
        // The token once per request. Its refusal waits too.
        let session = self
            .gate
            .identify(access, &parts.headers, &exchange.request_id)
            .await;
        exchange.personal = matches!(session, Ok(Some(_)) | Err(_));
        // Limits before every refusal, so that guessing paths and tokens is counted like everything else.
        let named = if let Ok(Target::Rpc(_, rule)) = &target {
            rule.buckets
        } else {
            &[]
        };
        let known = session.as_ref().ok().and_then(Option::as_ref);
        let subjects = Subjects {
            method: &parts.method,
            ip: exchange.ip,
            caller: known.map(Session::caller),
            named,
        };
        let (standing, admitted) = self.limiter.admit(subjects).await;
        exchange.standing = standing;
        admitted?;
        let session = session
            .as_ref()
            .map_err(|refused| Refusal::from(refused.clone()))?
            .as_ref();
        match target? {
            Target::Own(own) => self.own(own, parts, exchange).await,
            Target::Methods(allow) => methods(allow, exchange),
            Target::Rpc(found, rule) => {
                auth::permit(rule.access, session.map(Session::caller))?;
                let answer = self
                    .forward(parts, body, exchange, &found, rule, session)
                    .await;
                // Some buckets count what the service said: wrong codes (GW-3).
                if let Err(refusal) = &answer {
                    self.limiter
                        .answered(subjects, refusal.fault.reason())
                        .await;
                }
                answer
            }
        }
    }

    /// Takes note of the route for log, metrics and caching; returns whose tokens it looks at.
    fn note(&self, target: &Result<Target<'_>, Refusal>, exchange: &mut Exchange) -> Access {
        match target {
            Ok(Target::Rpc(found, rule)) => {
                exchange.record.route = found.route.template.clone().into();
                exchange.tokens = rule.access != Access::Public;
                rule.access
            }
            Ok(Target::Own(own)) => {
                exchange.record.route = own.template().into();
                exchange.record.quiet = own.is_probe();
                Access::Public
            }
            Ok(Target::Methods(_)) | Err(_) => Access::Public,
        }
    }

    /// Deals with a body nobody read. Over HTTP/1 a short one is taken in so that the connection can be used again; with a
    /// long one the connection ends, since the next request could not be told from the rest of this one.
    async fn leave_body(
        &self,
        body: Option<Incoming>,
        version: Version,
        reply: &mut Reply,
        in_flight: &InFlight,
    ) {
        const SHORT: usize = 64 * 1024;
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
        let Some(body) = body else { return };
        if version >= Version::HTTP_2 {
            return;
        }
        let taken =
            tokio::time::timeout(PATIENCE, body::read(body, SHORT, &self.config.limits)).await;
        if !matches!(taken, Ok(Ok(_))) {
            reply
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            in_flight.leave_unread();
        }
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
        if parts.method == Method::HEAD {
            // The length GET would have, if it is known, and nothing of it (TR-19).
            if let Some(length) = reply.body().size_hint().exact() {
                reply.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            *reply.body_mut() = ReplyBody::default();
        }
        exchange.record.follow(reply)
    }

    /// Starts refusing new work in the eyes of whoever balances load (DL-4).
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

fn refused(refusal: Refusal, exchange: &Exchange) -> Reply {
    let fault = &refusal.fault;
    // The one place where the cause is written down; the client is told nothing of it (T35).
    let route = &*exchange.record.route;
    match fault.reason().http() {
        500 => tracing::error!(route, cause = ?fault, "request failed"),
        501.. => tracing::warn!(route, cause = ?fault, "request could not be served"),
        _ => {}
    }
    let mut reply = respond::refusal(refusal, &exchange.request_id);
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    reply
}

fn methods(allow: HeaderValue, exchange: &Exchange) -> Result<Reply, Refusal> {
    let names: Vec<&str> = allow.to_str().unwrap_or_default().split(", ").collect();
    let mut reply = respond::success(
        StatusCode::OK,
        &serde_json::json!({ "methods": names }),
        &exchange.request_id,
    )?;
    reply.headers_mut().insert(ALLOW, allow);
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
        "Authorization, Accept, Origin"
    } else {
        "Accept, Origin"
    };
    headers.insert(VARY, HeaderValue::from_static(vary));
}
