//! One RPC behind a route: JSON in, the service's bytes there and back, JSON out. Nothing here knows any route (TR-11).

mod shared;

use std::time::Duration;

use bytes::Bytes;
use contracts::{Cache, RpcRule};
use fault::{Fault, Violation};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ETAG, LOCATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Incoming;
use identity::{Caller, Context, Expected};
use mesh::metadata;
use tonic::metadata::MetadataMap;
use transcode::{Decoded, Match, Page, ReplyMeta, Route, Selection};

use crate::auth::Session;
use crate::pipeline::{Door, Exchange};
use crate::respond::{self, Head, Refusal, Reply, ReplyBody};
use crate::{body, cache, coding, conditional, negotiate};

/// Reply metadata that becomes a header (K-5); all other metadata stays inside.
const PASSED_ON: [HeaderName; 4] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    LOCATION,
    metadata::IDEMPOTENCY_REPLAYED,
];

/// The output of routes whose replies are sent as they are (TR-13).
const RAW: &str = "google.api.HttpBody";

/// A request whose route and contract are known.
#[derive(Clone, Copy)]
struct Asked<'a> {
    parts: &'a Parts,
    exchange: &'a Exchange,
    found: &'a Match<'a>,
    rule: &'static RpcRule,
}

impl Door {
    /// Forwards a request to its service and makes the HTTP reply of what comes back.
    pub(crate) async fn forward(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        exchange: &Exchange,
        found: &Match<'_>,
        rule: &'static RpcRule,
        session: Option<&Session>,
    ) -> Result<Reply, Refusal> {
        let patience = negotiate::patience(&parts.headers)?;
        if found.route.output != RAW {
            negotiate::json_reply(&parts.headers)?;
        }
        let passed = passed(&conditional::expected(parts, rule)?, &parts.headers)?;
        let body = self
            .body_of(parts, body, found.route, rule.body_limit)
            .await?;
        let decoded = self
            .decode(found, parts.uri.query(), &body)
            .map_err(Fault::violations)?;
        drop(body);
        let Decoded {
            message, fields, ..
        } = decoded;
        let allowed = patience.map_or(rule.deadline, |asked| asked.min(rule.deadline));
        let asked = Asked {
            parts,
            exchange,
            found,
            rule,
        };
        if cache::serves(&parts.method, rule, session) {
            return Ok(self.share(asked, message, fields, allowed).await?);
        }
        let ctx = self.context(parts, exchange, session.map(Session::caller), allowed);
        let answer = self.perform(rule, &ctx, message.into(), passed).await?;
        let (head, printed) = self.print(asked, answer, fields.as_ref())?;
        Ok(head.with(ReplyBody::whole(printed.body)))
    }

    /// Makes the head and the body of a reply.
    fn print(
        &self,
        asked: Asked<'_>,
        answer: mesh::Reply,
        fields: Option<&Selection>,
    ) -> Result<(Head, transcode::Reply), Fault> {
        let meta = ReplyMeta {
            request_id: &asked.exchange.request_id,
            timestamp: &respond::now(),
            stale: false,
        };
        let (transcoder, route) = (&self.routes.transcoder, asked.found.route);
        let printed = transcoder.reply(route, &answer.message, &meta, fields);
        let printed = printed.map_err(|error| {
            count_failure("INTERNAL_ERROR");
            Fault::internal(error)
        })?;
        let head = self.head(asked, &answer.metadata.into_headers(), &printed)?;
        Ok((head, printed))
    }

    /// Makes the head that a reply's contract and its service's metadata ask for.
    fn head(
        &self,
        asked: Asked<'_>,
        metadata: &HeaderMap,
        printed: &transcode::Reply,
    ) -> Result<Head, Fault> {
        let Asked { parts, rule, .. } = asked;
        let status = status(rule.status, metadata);
        let content_type = match &printed.raw_content_type {
            Some(content_type) => HeaderValue::from_str(content_type).map_err(Fault::internal)?,
            None => respond::JSON,
        };
        let mut head = Head::new(status, content_type);
        let headers = &mut head.headers;
        let tag = conditional::tag_of(&parts.method, status, rule, printed);
        headers.extend(tag.map(|tag| (ETAG, tag)));
        pass_on(metadata, headers);
        describe_cache_class(rule.cache, headers);
        if let Some(page) = printed.page {
            describe_page(page, headers);
        }
        if status == StatusCode::CREATED
            && let Some(id) = &printed.id
            && let Some(location) = self.location(parts, id)
        {
            headers.entry(LOCATION).or_insert(location);
        }
        Ok(head)
    }

    /// Calls a service for one client alone, whatever the protocol. Who wrote finds what is kept of the service gone.
    pub(crate) async fn perform(
        &self,
        rule: &'static RpcRule,
        ctx: &Context,
        message: Bytes,
        passed: MetadataMap,
    ) -> Result<mesh::Reply, Fault> {
        let answer = self
            .peers
            .forward_with(rule.domain(), ctx, rule.path, message, passed)
            .await?;
        self.cache.called(rule);
        Ok(answer)
    }

    /// Makes the service's request message, or says all that is wrong with it.
    pub(crate) fn decode(
        &self,
        found: &Match<'_>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Decoded, Vec<Violation>> {
        let decoded = self.routes.transcoder.request(found, query, body);
        decoded.map_err(|violations| {
            count_failure("VALIDATION_ERROR");
            let said = violations.into_iter().map(|it| Violation {
                field: it.field,
                message: it.message,
            });
            said.collect()
        })
    }

    /// Reads the body. That of a GET or DELETE is taken in and ignored unless its contract reads it (TR-20).
    pub(crate) async fn body_of(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        route: &Route,
        most: usize,
    ) -> Result<Bytes, Refusal> {
        let Some(incoming) = body.as_mut() else {
            return Ok(Bytes::new());
        };
        let coding = if route.reads_body() {
            negotiate::json_body(&parts.headers)?;
            coding::of_request(&parts.headers)?
        } else {
            None
        };
        let limits = &self.config.limits;
        let read = body::read(incoming, most, limits).await?;
        *body = None;
        match coding {
            Some(coding) if !read.is_empty() => {
                Ok(coding::decompress(coding, read, most, limits.decompress_ratio).await?)
            }
            _ => Ok(read),
        }
    }

    /// Makes the context the service gets: identity signed here, whatever the client sent (GW-7, SC-1).
    pub(crate) fn context(
        &self,
        parts: &Parts,
        exchange: &Exchange,
        caller: Option<&Caller>,
        allowed: Duration,
    ) -> Context {
        let (ip, id) = (Some(exchange.ip), exchange.request_id.as_str());
        let ctx = match caller {
            Some(caller) => Context::for_caller(&self.keys, caller.clone(), ip, id, allowed),
            None => Context::for_anonymous(&self.keys, ip, id, allowed),
        };
        let ctx = ctx.with_trace(exchange.trace.to_string());
        match parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
        {
            Some(agent) => ctx.with_user_agent(agent),
            None => ctx,
        }
    }

    /// Returns the path of what a POST created, if that path can be read: an id alone does not make one, since a like has
    /// an id and no page (HD-2).
    fn location(&self, parts: &Parts, id: &str) -> Option<HeaderValue> {
        let collection = self.routes.versioned(parts.uri.path()).ok()?;
        let path = format!("{}/{id}", collection.trim_end_matches('/'));
        self.routes.transcoder.find("GET", &path).ok()?;
        HeaderValue::from_str(&path).ok()
    }
}

/// What of the request's head travels to the service beside its context, as metadata.
pub(crate) fn passed(expected: &Expected, headers: &HeaderMap) -> Result<MetadataMap, Fault> {
    let mut passed = HeaderMap::new();
    if !expected.is_none() {
        let value = HeaderValue::try_from(expected.to_string()).map_err(Fault::internal)?;
        passed.insert(metadata::IF_MATCH, value);
    }
    // What a key may be, and which RPCs take one, is the service's to say (ID-1).
    for key in headers.get_all(metadata::IDEMPOTENCY_KEY) {
        passed.append(metadata::IDEMPOTENCY_KEY, key.clone());
    }
    Ok(MetadataMap::from_headers(passed))
}

/// Counts a message that could not be turned from one form into the other.
pub(crate) fn count_failure(code: &'static str) {
    metrics::counter!("sf_transcode_errors_total", "code" => code).increment(1);
}

/// Returns the contract's status, or 200 where it promises 201 and the service made nothing new (TR-17).
fn status(promised: u16, metadata: &HeaderMap) -> StatusCode {
    let lowered = promised == 201
        && metadata
            .get("x-sf-status")
            .is_some_and(|value| value == "200");
    let promised = StatusCode::from_u16(promised).unwrap_or(StatusCode::OK);
    if lowered { StatusCode::OK } else { promised }
}

fn pass_on(metadata: &HeaderMap, headers: &mut HeaderMap) {
    for name in PASSED_ON {
        if let Some(value) = metadata.get(&name) {
            headers.insert(name, value.clone());
        }
    }
}

/// The class that says more than whether a token was used (CQ-4).
fn describe_cache_class(class: Cache, headers: &mut HeaderMap) {
    if class == Cache::NoStore {
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("private, no-store"));
    }
}

/// PG-5: only in page mode, which alone knows them all.
fn describe_page(page: Page, headers: &mut HeaderMap) {
    let facts = [
        ("x-total-count", page.total),
        ("x-page", page.page),
        ("x-page-size", page.limit),
    ];
    if facts.iter().all(|(_, fact)| fact.is_some()) {
        headers.extend(facts.iter().filter_map(|(name, fact)| {
            Some((HeaderName::from_static(name), HeaderValue::from((*fact)?)))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tr_17_only_a_promised_201_can_be_lowered() {
        let mut metadata = HeaderMap::new();
        metadata.insert("x-sf-status", HeaderValue::from_static("200"));
        assert_eq!(status(201, &metadata), StatusCode::OK);
        assert_eq!(status(202, &metadata), StatusCode::ACCEPTED);
        assert_eq!(status(201, &HeaderMap::new()), StatusCode::CREATED);
    }

    #[test]
    fn pg_5_cursor_mode_has_no_paging_headers() {
        let mut headers = HeaderMap::new();
        describe_page(
            Page {
                page: None,
                limit: Some(20),
                total: None,
            },
            &mut headers,
        );
        assert!(headers.is_empty());
        describe_page(
            Page {
                page: Some(2),
                limit: Some(20),
                total: Some(41),
            },
            &mut headers,
        );
        assert_eq!(
            (
                &headers["x-total-count"],
                &headers["x-page"],
                &headers["x-page-size"]
            ),
            (
                &"41".parse().unwrap(),
                &"2".parse().unwrap(),
                &"20".parse().unwrap()
            )
        );
    }
}
