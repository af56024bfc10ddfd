//! Headers that tell browsers to trust a reply as little as it needs (HD-3).

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// Adds the security headers; a page that brought its own content policy keeps it.
pub(crate) fn harden(reply: &mut HeaderMap, over_tls: bool) {
    reply.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    reply.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    if over_tls {
        reply.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
