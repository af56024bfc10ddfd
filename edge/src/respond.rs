//! Replies the door makes itself: the success envelope, the error envelope, pages, and last words to a closing connection.

mod body;

use bytes::Bytes;
use fault::Fault;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

pub(crate) use self::body::{ReplyBody, StreamError};

/// A reply, head and body.
pub(crate) type Reply = Response<ReplyBody>;

/// Says that a reply is the stored outcome of an earlier request with the same key (ID-3).
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static(fault::REPLAYED);

/// The media type of every reply but pages and raw ones.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A refusal of the door or a failure of a service, with what its reply says beside the error envelope.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) fault: Fault,
    pub(crate) headers: HeaderMap,
}

impl Refusal {
    /// Why.
    pub(crate) fn reason(&self) -> fault::Reason {
        self.fault.reason()
    }

    /// A 405 that lists the right methods.
    pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ALLOW, allow.clone());
        Self {
            fault: Fault::of(fault::Reason::MethodNotAllowed),
            headers,
        }
    }

    /// A refusal after which nothing more is read from an HTTP/1 connection, since where the next request begins is in doubt.
    pub(crate) fn last(fault: Fault) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Self { fault, headers }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let mut headers = HeaderMap::new();
        if fault.is_replayed() {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Self { fault, headers }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    data: &'a T,
    meta: Meta<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    timestamp: &'a str,
    version: &'static str,
    request_id: &'a str,
}

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Returns a moment in UTC as the API writes it: RFC 3339 with milliseconds and `Z` (CV-8).
pub(crate) fn timestamp(moment: OffsetDateTime) -> String {
    // Formatting a valid date by a constant description fails only for years beyond 9999.
    moment
        .to_offset(time::UtcOffset::UTC)
        .format(TIMESTAMP)
        .unwrap_or_default()
}

/// Returns the present moment as the API writes it.
pub(crate) fn now() -> String {
    timestamp(identity::clock::now())
}

/// Returns `data` in the success envelope.
pub(crate) fn success(
    status: StatusCode,
    data: &impl Serialize,
    request_id: &str,
) -> Result<Reply, Fault> {
    let meta = Meta {
        timestamp: &now(),
        version: fault::http::VERSION,
        request_id,
    };
    let body = serde_json::to_vec(&Envelope {
        success: true,
        data,
        meta,
    })
    .map_err(Fault::internal)?;
    Ok(raw(status, JSON, body))
}

/// Headers most replies have at most.
const HEADERS: usize = 20;

/// The head of a reply.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// A head that says only this.
    pub(crate) fn new(status: StatusCode, content_type: HeaderValue) -> Self {
        // What every reply says of itself, so that the map does not grow and hash all of it again on the way.
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.insert(CONTENT_TYPE, content_type);
        Self { status, headers }
    }

    /// Returns the head of another reply that says the same so far.
    pub(crate) fn again(&self) -> Self {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        Self {
            status: self.status,
            headers,
        }
    }

    /// Puts a body below it.
    pub(crate) fn with(self, body: ReplyBody) -> Reply {
        let mut reply = Response::new(body);
        *reply.status_mut() = self.status;
        *reply.headers_mut() = self.headers;
        reply
    }
}

/// Returns a body as it is.
pub(crate) fn raw(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    Head::new(status, content_type).with(ReplyBody::whole(body))
}

/// Returns a refusal in the error envelope.
pub(crate) fn refusal(refusal: Refusal, request_id: &str) -> Reply {
    let Refusal { fault, headers } = refusal;
    let status =
        StatusCode::from_u16(fault.reason().http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = raw(status, JSON, fault::http::body(&fault, request_id, &now()));
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    reply.headers_mut().extend(headers);
    if status == StatusCode::UNAUTHORIZED {
        // A 401 names the scheme to come back with (RFC 9110, 15.5.2; RFC 6750, 3).
        reply.headers_mut().insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"smilefactory\""),
        );
    }
    if let Some(after) = retry_after(&fault) {
        reply.headers_mut().insert(RETRY_AFTER, after.into());
    }
    reply
}

/// Reports whether a reply says that there is no service at the moment, in HTTP's words or in gRPC's.
pub(crate) fn is_unavailable(reply: &Reply) -> bool {
    let grpc = reply.headers().get("grpc-status");
    reply.status() == StatusCode::SERVICE_UNAVAILABLE || grpc.is_some_and(|code| code == "14")
}

/// Returns the whole seconds after which a retry makes sense: what the fault says, and one second for every 503.
pub(crate) fn retry_after(fault: &Fault) -> Option<u64> {
    let said = fault
        .retry_after()
        .map(|after| after.as_secs() + u64::from(after.subsec_nanos() > 0));
    said.or_else(|| (fault.reason() == fault::Reason::ServiceUnavailable).then_some(1))
        .map(|seconds| seconds.max(1))
}

/// Returns a whole HTTP/1.1 reply for a connection that is closed without a request having been read.
pub(crate) fn canned(fault: &Fault) -> Vec<u8> {
    let id = uuid::Uuid::now_v7().to_string();
    let body = fault::http::body(fault, &id, &now());
    let status =
        StatusCode::from_u16(fault.reason().http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry = retry_after(fault)
        .map(|seconds| format!("retry-after: {seconds}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n{retry}connection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    );
    [head.into_bytes(), body].concat()
}
