//! Conditional requests: the entity tags of replies, `If-None-Match`, and `If-Match` on its way to the service (CQ-1, CQ-2, K-4).

use contracts::{Cache, RpcRule};
use fault::{Fault, Reason};
use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_NONE_MATCH,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use identity::Expected;
use identity::entity_tag::EntityTags;
use twox_hash::XxHash3_64;

use crate::respond::{Reply, ReplyBody};

/// What describes a body, which a 304 has not (RFC 9110 §15.4.5).
const OF_A_BODY: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_DISPOSITION,
];

/// Returns the tag of what consists of these parts: the version of a single resource, 0 for anything else, and 16 hexadecimal
/// digits of an XXH3 (CQ-1), the same in every process and release. Nobody gains by two states with one hash: whoever can
/// make them could leave the state as it was.
pub(crate) fn tag(version: i64, parts: &[&[u8]]) -> HeaderValue {
    // The hash so far is the next part's seed, so what moves from one part to the next is seen.
    let hash = parts
        .iter()
        .fold(0, |seed, part| XxHash3_64::oneshot_with_seed(seed, part));
    let text = format!("\"{version}-{hash:016x}\"");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Returns the tag of a service's reply, if it has one: every 200 to a GET that may be kept; and the new state of a single
/// resource after it was made or changed, so that the next change can name it. A reply that lacks parts has none (K-4).
pub(crate) fn tag_of(
    method: &Method,
    status: StatusCode,
    rule: &RpcRule,
    reply: &transcode::Reply,
) -> Option<HeaderValue> {
    let version = reply.version.filter(|version| *version > 0);
    let tagged = match (method, status) {
        (&Method::GET | &Method::HEAD, StatusCode::OK) => rule.cache != Cache::NoStore,
        (&Method::PUT | &Method::PATCH, StatusCode::OK) | (_, StatusCode::CREATED) => {
            version.is_some()
        }
        _ => false,
    };
    (tagged && !reply.partial).then(|| tag(version.unwrap_or_default(), &reply.tagged()))
}

/// Returns what `If-Match` says to the service.
///
/// It is read for PUT, PATCH and DELETE. Where the contract compares no version nothing has the tag that is named, so only
/// `*` lets the change happen: what exists is the service's to say.
///
/// # Errors
/// `VALIDATION_ERROR` naming `If-Match` when it is malformed, `PRECONDITION_FAILED` where no version is compared.
pub(crate) fn expected(parts: &Parts, rule: &RpcRule) -> Result<Expected, Fault> {
    let given = parts.headers.get_all(IF_MATCH);
    compared(&parts.method, rule, || {
        Expected::from_header(given.iter().map(HeaderValue::as_bytes))
    })
}

/// As [`expected`], of a gRPC call that counts as `method`: bare versions are understood too, since no message has a tag.
pub(crate) fn expected_of_call(
    method: &Method,
    headers: &HeaderMap,
    rule: &RpcRule,
) -> Result<Expected, Fault> {
    let given = headers.get_all(IF_MATCH);
    compared(method, rule, || {
        Expected::from_metadata(given.iter().map(HeaderValue::as_bytes))
    })
}

fn compared(
    method: &Method,
    rule: &RpcRule,
    read: impl FnOnce() -> Result<Expected, Fault>,
) -> Result<Expected, Fault> {
    if !matches!(*method, Method::PUT | Method::PATCH | Method::DELETE) {
        return Ok(Expected::None);
    }
    match read()? {
        Expected::Versions(_) if !rule.conditional => Err(Fault::of(Reason::PreconditionFailed)),
        expected => Ok(expected),
    }
}

/// Turns a reply the client has already into a 304, by `If-None-Match`. The comparison is the weak one (RFC 9110 §13.1.2);
/// a field that breaks the grammar names nothing.
pub(crate) fn revalidated(parts: &Parts, mut reply: Reply) -> Reply {
    let asked = matches!(parts.method, Method::GET | Method::HEAD)
        && reply.status() == StatusCode::OK
        && parts.headers.contains_key(IF_NONE_MATCH);
    if !asked || !has(parts, reply.headers().get(ETAG)) {
        return reply;
    }
    for name in OF_A_BODY {
        reply.headers_mut().remove(name);
    }
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
    *reply.body_mut() = ReplyBody::default();
    reply
}

fn has(parts: &Parts, tag: Option<&HeaderValue>) -> bool {
    let Some(tag) = tag else { return false };
    let given = parts.headers.get_all(IF_NONE_MATCH);
    match EntityTags::read(given.iter().map(HeaderValue::as_bytes)) {
        Some(EntityTags::Any) => true,
        Some(EntityTags::List(tags)) => {
            let ours = EntityTags::read([tag.as_bytes()]);
            matches!(ours, Some(EntityTags::List(ours)) if tags.iter().any(|tag| tag.opaque == ours[0].opaque))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cq_1_a_tag_is_a_version_and_16_hexadecimal_digits() {
        let tag = tag(7, &[b"{}", b"", b""]);
        let text = tag.to_str().unwrap();
        let hash = text
            .strip_prefix("\"7-")
            .and_then(|rest| rest.strip_suffix('"'));
        let hash = hash.unwrap();
        assert_eq!(hash.len(), 16, "{text}");
        assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        assert_eq!(hash, hash.to_ascii_lowercase());
    }

    #[test]
    fn k_4_the_hash_covers_each_part_in_its_place() {
        let parts: [[&[u8]; 3]; 4] = [
            [b"[1]", b"{}", b""],
            [b"[1]", b"", b"{}"],
            [b"[1]{", b"}", b""],
            [b"[2]", b"{}", b""],
        ];
        let tags: Vec<HeaderValue> = parts.iter().map(|parts| tag(0, parts)).collect();
        for (index, one) in tags.iter().enumerate() {
            assert!(!tags[index + 1..].contains(one), "{:?}", parts[index]);
        }
        assert_eq!(tag(0, &parts[0]), tags[0]);
    }
}
