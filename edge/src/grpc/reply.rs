//! Replies over gRPC: HTTP status 200, the outcome in trailers, or in headers when there is nothing else to say.

use std::convert::Infallible;

use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tonic::Status;

use super::wire;
use crate::respond::{self, Refusal, Reply, ReplyBody};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const OK: HeaderValue = HeaderValue::from_static("0");
const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Reply metadata that leaves (K-5); all other stays inside, `x-sf-*` above all (GW-28).
const PASSED_ON: [&str; 1] = ["idempotency-replayed"];

/// Returns the reply of one message.
pub(super) fn unary(answer: mesh::Reply) -> Reply {
    let frames = [
        Frame::data(wire::frame(&answer.message)),
        Frame::trailers(ok()),
    ];
    let frames = stream::iter(frames.map(Ok::<_, Infallible>));
    let mut reply = reply(ReplyBody::stream(StreamBody::new(frames)));
    let metadata = answer.metadata.into_headers();
    for name in PASSED_ON {
        if let Some(value) = metadata.get(name) {
            reply.headers_mut().insert(name, value.clone());
        }
    }
    reply
}

/// Returns a reply that goes well, so far as its head can say.
pub(super) fn reply(body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(CACHE_CONTROL, NO_STORE);
    reply
}

/// Returns what is said last of a call that went well.
pub(super) fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, OK);
    trailers
}

/// Returns a refusal: the status and its details as headers, which browsers can read too.
pub(super) fn refusal(refusal: Refusal, request_id: &str) -> Reply {
    let Refusal { fault, headers } = refusal;
    let after = respond::retry_after(&fault);
    let mut reply: Reply = Status::from(fault.with_request_id(request_id)).into_http();
    if let Some(after) = after {
        reply.headers_mut().insert(RETRY_AFTER, after.into());
    }
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    reply.headers_mut().extend(headers);
    reply
}
