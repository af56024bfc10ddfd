//! Who calls, for whom, and may they (SC-1, SC-2, SC-3): the context of a request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::{Access, RpcRule};
use fault::{Fault, Reason, Result};
use http::{HeaderName, Request};
use identity::{
    Caller, Context, ContextParts, Expected,
    internal::{EDGE, Identity, ServiceKeys},
    request_id,
};
use mesh::metadata;
use telemetry::TraceContext;

/// What a call brings that concerns nobody's rights: its name in logs and its trace.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The request id it brings, or a fresh one (HD-1).
    pub(super) request_id: Arc<str>,
    /// A span of its own in the trace it continues.
    pub(super) trace: TraceContext,
}

impl Origin {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let given = text(request, &metadata::REQUEST_ID).filter(|id| request_id::is_acceptable(id));
        let request_id = given.map_or_else(|| request_id::fresh().into(), Arc::from);
        Self {
            request_id,
            trace: TraceContext::continued(text(request, &metadata::TRACE)),
        }
    }
}

/// Admits a request and returns its context.
///
/// # Errors
/// `UNAUTHORIZED` without a service credential, with a bad identity, or without a caller
/// where one is needed; `FORBIDDEN` with a wrong credential, from a service that is not
/// among the callers, or with too low a role; `NOT_IMPLEMENTED` for an unknown RPC;
/// `VALIDATION_ERROR` for a malformed deadline or expected version.
pub(super) fn admit<B>(
    keys: &ServiceKeys,
    request: &Request<B>,
    origin: &Origin,
) -> Result<Context> {
    let peer = peer(keys, request)?;
    let Some(rule) = contracts::rpc(request.uri().path()) else {
        return Err(Fault::of(Reason::NotImplemented));
    };
    if !may_call(rule, &peer) {
        return Err(Fault::forbidden("This service may not call this RPC"));
    }
    let (identity, token) = identity(keys, request)?;
    in_class(rule.access, identity.caller.as_ref())?;
    let allowed = allowed(rule, request)?;
    Ok(ContextParts {
        caller: identity.caller,
        ip: identity.ip,
        identity: token,
        user_agent: text(request, &metadata::USER_AGENT).map(Into::into),
        request_id: Arc::clone(&origin.request_id),
        trace: Some(origin.trace.to_string().into()),
        peer,
        expected: expected(rule, request)?,
        deadline: Instant::now() + allowed,
    }
    .into())
}

fn peer<B>(keys: &ServiceKeys, request: &Request<B>) -> Result<Arc<str>> {
    let token = single(request, &metadata::SERVICE)?;
    let token = token.ok_or_else(|| Fault::unauthorized("A service credential is required"))?;
    keys.verify_service(token)
        .map_err(|_| Fault::forbidden("The service credential is not valid"))
}

/// Internal RPCs name all their callers; the others are for the edge and the services
/// that compose replies from them.
fn may_call(rule: &RpcRule, peer: &str) -> bool {
    let listed = rule.callers.contains(&peer);
    listed || (rule.access != Access::Service && peer == EDGE)
}

/// What the access class asks of the caller.
pub(super) fn in_class(access: Access, caller: Option<&Caller>) -> Result<()> {
    match (access, caller) {
        (Access::User | Access::Staff, None) => Err(Fault::of(Reason::Unauthorized)),
        (Access::Staff, Some(caller)) if !caller.role.is_staff() => {
            Err(Fault::of(Reason::Forbidden))
        }
        _ => Ok(()),
    }
}

fn identity<B>(keys: &ServiceKeys, request: &Request<B>) -> Result<(Identity, Option<Arc<str>>)> {
    match single(request, &metadata::IDENTITY)? {
        None => Ok((
            Identity {
                caller: None,
                ip: None,
            },
            None,
        )),
        Some(token) => Ok((keys.verify_identity(token)?, Some(token.into()))),
    }
}

fn allowed<B>(rule: &RpcRule, request: &Request<B>) -> Result<Duration> {
    let Some(value) = request.headers().get(metadata::TIMEOUT) else {
        return Ok(rule.deadline);
    };
    let asked = value.to_str().ok().and_then(metadata::read_timeout);
    let asked = asked.ok_or_else(|| Fault::invalid("grpc-timeout", "grpc-timeout is malformed"))?;
    Ok(asked.min(longest(rule)))
}

/// The longest a call may ask for (SC-3): a user's stream until the token expires,
/// everything else as long as an internal stream.
fn longest(rule: &RpcRule) -> Duration {
    if rule.streaming && rule.access != Access::Service {
        mesh::USER_STREAM_DEADLINE
    } else {
        mesh::STREAM_DEADLINE
    }
}

/// The version the caller expects of what it changes, where the contract promises to compare it (CQ-2, K-4).
fn expected<B>(rule: &RpcRule, request: &Request<B>) -> Result<Expected> {
    if !rule.conditional {
        return Ok(Expected::None);
    }
    let given = request.headers().get_all(metadata::IF_MATCH);
    Expected::from_metadata(given.iter().map(http::HeaderValue::as_bytes))
}

fn text<'r, B>(request: &'r Request<B>, name: &HeaderName) -> Option<&'r str> {
    std::str::from_utf8(request.headers().get(name)?.as_bytes()).ok()
}

/// Reads a credential, of which there must not be two.
fn single<'r, B>(request: &'r Request<B>, name: &HeaderName) -> Result<Option<&'r str>> {
    let mut values = request.headers().get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Fault::unauthorized("A credential was sent twice"));
    }
    match value.map(|value| value.to_str()) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Fault::unauthorized("The credential is not valid")),
    }
}
