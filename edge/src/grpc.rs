//! gRPC and gRPC-Web on the same port, through the same gates, for the same RPCs as REST (GW-28). Messages stay bytes: they are
//! taken out of one frame and put into another, and nothing here knows what they say.

mod calls;
mod dialect;
mod printer;
mod reflection;
mod reply;
mod wire;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use contracts::RpcRule;
use fault::Fault;
use futures_util::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Request, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use mesh::metadata;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

pub(crate) use self::calls::Calls;
pub(crate) use self::dialect::Dialect;

use self::calls::Call;
use self::printer::Frames;
use crate::auth::Session;
use crate::pipeline::{self, Door, Exchange};
use crate::respond::{Refusal, Reply, ReplyBody};
use crate::{body, conditional, forward, log, negotiate, stream};

impl Door {
    /// Answers a request in a dialect of gRPC. A gRPC-Web one is answered inside its layer, refusals included.
    pub(crate) async fn grpc(
        &self,
        dialect: Dialect,
        parts: &Parts,
        body: Option<Incoming>,
        exchange: &mut Exchange,
    ) -> Reply {
        let Dialect::Web(form) = dialect else {
            let body = body.map(Body::new);
            return self.call(dialect, parts, body, exchange).await;
        };
        // The layer sees a request it has nothing to say against: what is wrong with the real one is said inside, in our shape.
        let mut request = Request::new(wire::Unsized::new(body));
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = Version::HTTP_2;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, form.media_type());
        headers.insert(ACCEPT, form.answered(&parts.headers).media_type());
        let mut once = Some(exchange);
        let inner = service_fn(|request: Request<Body>| {
            let exchange = once.take();
            async move {
                let Some(exchange) = exchange else {
                    return Ok(reply::refusal(
                        Fault::internal("a layer called twice").into(),
                        "",
                    ));
                };
                let body = Some(request.into_body()).filter(|body| !body.is_end_stream());
                Ok::<_, Infallible>(self.call(dialect, parts, body, exchange).await)
            }
        });
        let Ok(reply) = GrpcWebLayer::new().layer(inner).oneshot(request).await;
        reply.map(ReplyBody::stream)
    }

    /// Answers a request whose body is gRPC's own.
    async fn call(
        &self,
        dialect: Dialect,
        parts: &Parts,
        mut body: Option<Body>,
        exchange: &mut Exchange,
    ) -> Reply {
        let verdict = exchange.record.grpc();
        let steps = Box::pin(self.call_steps(dialect, parts, &mut body, exchange));
        let reply = pipeline::unharmed(steps).await.unwrap_or_else(|refusal| {
            log::explain(&exchange.record.route, &refusal.fault);
            verdict.failure(refusal.reason());
            reply::refusal(refusal, &exchange.request_id)
        });
        self.leave_body(body, parts.version, reply, &exchange.in_flight)
            .await
    }

    async fn call_steps(
        &self,
        dialect: Dialect,
        parts: &Parts,
        body: &mut Option<Body>,
        exchange: &mut Exchange,
    ) -> Result<Reply, Refusal> {
        let verdict = exchange.record.grpc();
        let find = || self.calls.resolve(dialect, parts);
        let admitted = self.admit(parts, exchange, find).await?;
        let session = admitted.session.as_ref();
        let answer = match &admitted.destination {
            Call::Reflection(path, service) => {
                let service = service.clone();
                return self.reflect(parts, body, exchange, path, service).await;
            }
            Call::Rpc { rule, .. } if rule.streaming => {
                self.streaming(parts, body, exchange, rule, session).await
            }
            Call::Rpc { rule, method } => {
                let passed = forward::passed(
                    &conditional::expected_of_call(method, &parts.headers, rule)?,
                    &parts.headers,
                )?;
                let answer = self
                    .unary(parts, body, exchange, rule, session, passed)
                    .await;
                if answer.is_ok() {
                    verdict.success();
                }
                answer
            }
        };
        let reason = answer.as_ref().err().map(Refusal::reason);
        self.refused(&admitted, exchange.ip, reason).await;
        answer
    }

    /// One message there, one back.
    async fn unary(
        &self,
        parts: &Parts,
        body: &mut Option<Body>,
        exchange: &Exchange,
        rule: &'static RpcRule,
        session: Option<&Session>,
        passed: MetadataMap,
    ) -> Result<Reply, Refusal> {
        let asked = [
            patience(&parts.headers)?,
            negotiate::patience(&parts.headers)?,
        ];
        let asked = asked.into_iter().flatten();
        let allowed = asked.fold(rule.deadline, Duration::min);
        let message = self.message(parts, body, rule.body_limit).await?;
        let caller = session.map(Session::caller);
        let ctx = self.context(parts, exchange, caller, allowed);
        let answer = self.perform(rule, &ctx, message, passed).await?;
        Ok(reply::unary(answer))
    }

    /// One message there, any number back, for as long as the token is good (SC-3).
    async fn streaming(
        &self,
        parts: &Parts,
        body: &mut Option<Body>,
        exchange: &mut Exchange,
        rule: &'static RpcRule,
        session: Option<&Session>,
    ) -> Result<Reply, Refusal> {
        let patience = patience(&parts.headers)?;
        // `X-Request-Timeout` is about the opening, as over REST; gRPC's own time is about the whole.
        let opening = [patience, negotiate::patience(&parts.headers)?];
        let opening = opening.into_iter().flatten().min();
        let message = self.message(parts, body, rule.body_limit).await?;
        let life = stream::life(session);
        let allowed = patience.map_or(life, |asked| asked.min(life));
        let until = Instant::now() + allowed;
        let caller = session.map(Session::caller);
        let ctx = self.context(parts, exchange, caller, allowed + stream::SLACK);
        let messages = self.open(&ctx, rule, message, opening).await?;
        let frames = messages.map(|message| Ok(wire::frame(&message?)));
        let printer = Frames::of(exchange);
        let body = self.pump(exchange, session, until, frames, printer);
        Ok(reply::reply(body))
    }

    /// Hands a call to the reflection service, which speaks for itself.
    async fn reflect(
        &self,
        parts: &Parts,
        body: &mut Option<Body>,
        exchange: &mut Exchange,
        path: &'static str,
        service: mesh::Hosted,
    ) -> Result<Reply, Refusal> {
        let mut request = Request::new(body.take().unwrap_or_default());
        *request.method_mut() = parts.method.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = http::Uri::from_static(path);
        let Ok(answer) = service.oneshot(request).await;
        if let Some(status) = Status::from_header_map(answer.headers()) {
            return Err(Fault::from(status).into());
        }
        let until = Instant::now() + stream::life(None);
        let frames = reflection::frames(answer.into_body());
        let printer = Frames::of(exchange);
        let body = self.pump(exchange, None, until, frames, printer);
        Ok(reply::reply(body))
    }

    /// Takes the one message of a request.
    async fn message(
        &self,
        parts: &Parts,
        body: &mut Option<Body>,
        most: usize,
    ) -> Result<Bytes, Refusal> {
        let most = most.min(wire::LONGEST);
        let framed = match body.as_mut() {
            Some(incoming) => body::read(incoming, most, &self.config.limits).await?,
            None => Bytes::new(),
        };
        *body = None;
        wire::message(&framed, &parts.headers)
    }
}

/// Returns how long the client would wait, as gRPC says it.
fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get(metadata::TIMEOUT) else {
        return Ok(None);
    };
    let asked = value.to_str().ok().and_then(metadata::read_timeout);
    asked.map(Some).ok_or_else(|| {
        Fault::invalid(
            metadata::TIMEOUT.as_str(),
            "must be at most eight digits and a unit, H, M, S, m, u or n",
        )
    })
}
