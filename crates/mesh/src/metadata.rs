//! The metadata that travels between services, written and read in one place.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use identity::{
    Context,
    internal::{IDENTITY_HEADER, SERVICE_HEADER, ServiceKeys},
};
use telemetry::TraceContext;

/// For whom the call is made, signed by the edge (SC-1).
pub const IDENTITY: HeaderName = HeaderName::from_static(IDENTITY_HEADER);
/// Which service calls, signed by it (SC-2).
pub const SERVICE: HeaderName = HeaderName::from_static(SERVICE_HEADER);
/// The request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The trace and the span the call is part of.
pub const TRACE: HeaderName = HeaderName::from_static(telemetry::trace::HEADER);
/// The time left, in gRPC's own form.
pub const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The client's `User-Agent`, UTF-8.
pub const USER_AGENT: HeaderName = HeaderName::from_static("x-sf-user-agent");
/// The version the client expects of what it changes (K-4).
pub const IF_MATCH: HeaderName = header::IF_MATCH;
/// The client's idempotency key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that a reply is the stored outcome of an earlier request with the same key (ID-3).
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static(fault::REPLAYED);

/// Says that a refusal was made at the door, for want of room: it is no failure of the
/// callee, so it opens no breaker and takes no endpoint out of rotation (GW-27, SC-4).
pub const OVERLOADED: HeaderName = HeaderName::from_static("x-sf-overloaded");

/// What passes a channel when the caller has set it; everything else is dropped (TR-9).
const PASSED: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    IF_MATCH,
    IDEMPOTENCY_KEY,
];

/// Replaces the metadata of a call to `callee` by what the context says.
pub(crate) fn write(
    headers: &mut HeaderMap,
    ctx: &Context,
    trace: &TraceContext,
    keys: &ServiceKeys,
    callee: &str,
) {
    let mut written = HeaderMap::with_capacity(PASSED.len() + 6);
    for (name, value) in headers.iter().filter(|(name, _)| PASSED.contains(name)) {
        written.append(name, value.clone());
    }
    let mut put = |name: HeaderName, value: &[u8], is_of_this_call: bool| {
        // Tokens, ids and numbers are valid; an agent with odd bytes is left out.
        if let Ok(mut value) = HeaderValue::from_bytes(value) {
            // HTTP/2 remembers headers to send them in a byte the next time (RFC 7541, 6.2.3): not those that never come
            // again, which would displace the tokens.
            value.set_sensitive(is_of_this_call);
            written.insert(name, value);
        }
    };
    if let Some(identity) = ctx.identity() {
        put(IDENTITY, identity.as_bytes(), false);
    }
    put(SERVICE, keys.service_token(callee).as_bytes(), false);
    put(REQUEST_ID, ctx.request_id().as_bytes(), true);
    put(TRACE, trace.to_string().as_bytes(), true);
    put(TIMEOUT, timeout(ctx.remaining()).as_bytes(), true);
    if let Some(agent) = ctx.user_agent() {
        put(USER_AGENT, agent.as_bytes(), false);
    }
    *headers = written;
}

/// Whether a reply is such a refusal.
pub(crate) fn is_overloaded(headers: &HeaderMap) -> bool {
    headers.contains_key(OVERLOADED)
}

/// Says how much time is left now, for a call that is tried again.
pub(crate) fn write_timeout(headers: &mut HeaderMap, deadline: Instant) {
    let left = timeout(deadline.saturating_duration_since(Instant::now()));
    if let Ok(mut left) = HeaderValue::from_str(&left) {
        left.set_sensitive(true);
        headers.insert(TIMEOUT, left);
    }
}

/// Writes a `grpc-timeout`: at most eight digits and a unit; the finest that fits.
pub fn timeout(left: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let units = [
        (left.as_nanos(), 'n'),
        (left.as_micros(), 'u'),
        (left.as_millis(), 'm'),
    ];
    let fitting = units.into_iter().find(|(count, _)| *count <= MOST);
    let (count, unit) = fitting.unwrap_or((u128::from(left.as_secs()).min(MOST), 'S'));
    format!("{count}{unit}")
}

/// Reads a `grpc-timeout`; `None` when it is not one.
pub fn read_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_3_time_outs_are_written_as_finely_as_eight_digits_allow() {
        let rows = [
            (Duration::ZERO, "0n"),
            (Duration::from_millis(50), "50000000n"),
            (Duration::from_millis(300), "300000u"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(600), "600000m"),
            (Duration::from_secs(10_000_000), "10000000S"),
        ];
        for (left, text) in rows {
            assert_eq!(timeout(left), text);
            assert_eq!(read_timeout(text), Some(left));
        }
        assert_eq!(read_timeout("2H"), Some(Duration::from_secs(7200)));
        for bad in [
            "",
            "S",
            "5",
            "5s",
            "-5S",
            "123456789S",
            "5 S",
            "५S",
            "S5",
            "1é",
        ] {
            assert_eq!(read_timeout(bad), None, "{bad:?}");
        }
    }
}
