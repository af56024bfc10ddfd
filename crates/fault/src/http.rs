//! The HTTP face: the error envelope (conventions §1, CV-3, CV-4).

use serde::Serialize;

use crate::Fault;

/// The version every envelope names.
pub const VERSION: &str = "1.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    error: Error<'a>,
    message: &'a str,
    status_code: u16,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    message: &'a str,
    details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    field: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    timestamp: &'a str,
    version: &'static str,
    request_id: &'a str,
}

/// Returns the error envelope as JSON. `timestamp` is RFC 3339 UTC with milliseconds
/// (CV-8); the HTTP status to send with it is `fault.reason().http()`.
pub fn body(fault: &Fault, request_id: &str, timestamp: &str) -> Vec<u8> {
    let details = fault.get_violations().iter();
    let envelope = Envelope {
        success: false,
        error: Error {
            code: fault.reason().code(),
            message: fault.message(),
            details: details
                .map(|v| Detail {
                    field: &v.field,
                    message: &v.message,
                })
                .collect(),
        },
        message: fault.message(),
        status_code: fault.reason().http(),
        meta: Meta {
            timestamp,
            version: VERSION,
            request_id,
        },
    };
    // Strings and numbers always serialise; an empty body is still better than a panic.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn cv_4_the_envelope_has_the_documented_members_in_order() {
        let fault = Fault::new(Reason::UsernameTaken, "This username is taken")
            .with_violation("username", "in use");
        let text = String::from_utf8(body(&fault, "req-1", "2026-11-23T10:00:00.000Z")).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"success":false,"error":{"code":"USERNAME_TAKEN","message":"This username is taken","#,
                r#""details":[{"field":"username","message":"in use"}]},"message":"This username is taken","#,
                r#""statusCode":409,"meta":{"timestamp":"2026-11-23T10:00:00.000Z","version":"1.0","requestId":"req-1"}}"#
            )
        );
    }

    #[test]
    fn cv_3_details_are_an_array_even_when_empty_and_text_is_escaped() {
        let fault = Fault::forbidden("a \"quoted\"\r\nline");
        let value: serde_json::Value = serde_json::from_slice(&body(&fault, "r", "t")).unwrap();
        assert_eq!(value["error"]["details"], serde_json::json!([]));
        assert_eq!(value["message"], "a \"quoted\"\r\nline");
    }
}
