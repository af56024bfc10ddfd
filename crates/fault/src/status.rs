//! The gRPC face: `google.rpc` details out and, without loss, in again.

use std::{collections::HashMap, error::Error as _};

use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::{DOMAIN, Fault, Reason, Violation};

/// Most bytes of violations in one status. Details travel base64-coded in the
/// trailers, which HTTP/2 peers refuse above 32 KiB (N-16); later violations are cut.
const VIOLATION_BYTES: usize = 16 * 1024;

/// Metadata of a reply that is the stored outcome of an earlier request with the same
/// idempotency key (ID-3).
pub const REPLAYED: &str = "idempotency-replayed";

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(fault.reason.code(), DOMAIN, HashMap::new());
        if !fault.violations.is_empty() {
            details.set_bad_request(bounded(fault.violations));
        }
        if fault.retry_after.is_some() {
            details.set_retry_info(fault.retry_after);
        }
        if let Some(id) = fault.request_id {
            details.set_request_info(id, "");
        }
        let mut status = Self::with_error_details(fault.reason.grpc(), fault.message, details);
        if fault.is_replayed {
            let metadata = status.metadata_mut();
            metadata.insert(REPLAYED, MetadataValue::from_static("true"));
        }
        if let Some(source) = fault.source {
            status.set_source(source);
        }
        status
    }
}

fn bounded(violations: Vec<Violation>) -> Vec<FieldViolation> {
    let mut room = VIOLATION_BYTES;
    let fits = |v: &Violation| {
        // Eight bytes cover the tags and lengths of one violation.
        let size = v.field.len() + v.message.len() + 8;
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    violations
        .into_iter()
        .take_while(fits)
        .map(|v| FieldViolation::new(v.field, v.message))
        .collect()
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let ours = details
            .error_info()
            .filter(|info| info.domain == DOMAIN)
            .and_then(|info| Reason::from_code(&info.reason));
        let violations: Vec<_> = details
            .bad_request()
            .map(|bad| bad.field_violations.iter().map(violation).collect())
            .unwrap_or_default();
        let mut fault = match ours {
            Some(reason) => Self::new(reason, status.message().to_owned()),
            None => foreign(&status, &violations),
        };
        fault.violations = violations;
        fault.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        fault.is_replayed = status.metadata().contains_key(REPLAYED);
        fault.request_id = details.request_info().map(|info| info.request_id.clone());
        // What is ours was logged where it was made; anything else is worth a line here.
        if ours.is_none() || status.source().is_some() {
            fault = fault.with_source(status);
        }
        fault
    }
}

fn violation(v: &FieldViolation) -> Violation {
    Violation {
        field: v.field.clone(),
        message: v.description.clone(),
    }
}

/// Maps a status that carries no reason of ours. Its text may be a library's, so only
/// that of a checked input (one with violations) is kept.
fn foreign(status: &Status, violations: &[Violation]) -> Fault {
    // tonic answers a passed `grpc-timeout` with Cancelled, not DeadlineExceeded.
    if status.code() == Code::Cancelled && status.message() == "Timeout expired" {
        return Fault::timeout();
    }
    let reason = Reason::from_grpc(status.code());
    if reason == Reason::ValidationError && !violations.is_empty() && !status.message().is_empty() {
        return Fault::new(reason, status.message().to_owned());
    }
    Fault::of(reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Sends a status through the headers it travels in.
    fn over_the_wire(status: &Status) -> Status {
        let mut headers = Default::default();
        status.add_header(&mut headers).unwrap();
        Status::from_header_map(&headers).unwrap()
    }

    #[test]
    fn cv_9_every_reason_survives_the_way_there_and_back() {
        for reason in Reason::ALL.iter().copied() {
            let sent = Fault::new(reason, format!("About {} — naïve\nline", reason.code()))
                .with_violation("items[2].name", "must not be empty")
                .with_violation("", "as a whole")
                .with_retry_after(Duration::from_millis(1500))
                .with_request_id("req-12345678");
            let got = Fault::from(over_the_wire(&Status::from(sent.clone())));
            assert_eq!(got.reason(), reason);
            assert_eq!(got.message(), sent.message());
            assert_eq!(got.get_violations(), sent.get_violations());
            assert_eq!(got.retry_after(), sent.retry_after());
            assert_eq!(got.request_id(), sent.request_id());
            assert!(
                got.source().is_none(),
                "a logged fault must not be logged again"
            );
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
    }

    #[test]
    fn cv_9_codes_and_statuses_are_those_of_the_table() {
        let rows = [
            ("VALIDATION_ERROR", 400, Code::InvalidArgument),
            ("TOKEN_EXPIRED", 401, Code::Unauthenticated),
            ("ACCOUNT_DISABLED", 403, Code::PermissionDenied),
            ("NOT_FOUND", 404, Code::NotFound),
            ("REQUEST_TIMEOUT", 408, Code::DeadlineExceeded),
            ("USERNAME_TAKEN", 409, Code::AlreadyExists),
            ("LIMIT_REACHED", 409, Code::FailedPrecondition),
            ("IDEMPOTENCY_IN_PROGRESS", 409, Code::Aborted),
            ("GONE", 410, Code::FailedPrecondition),
            ("PRECONDITION_FAILED", 412, Code::FailedPrecondition),
            ("MEDIA_REJECTED", 422, Code::InvalidArgument),
            ("RATE_LIMIT_EXCEEDED", 429, Code::ResourceExhausted),
            ("INTERNAL_ERROR", 500, Code::Internal),
            ("NOT_IMPLEMENTED", 501, Code::Unimplemented),
            ("SERVICE_UNAVAILABLE", 503, Code::Unavailable),
            ("GATEWAY_TIMEOUT", 504, Code::DeadlineExceeded),
        ];
        for (code, http, grpc) in rows {
            let reason = Reason::from_code(code).unwrap();
            assert_eq!((reason.http(), reason.grpc()), (http, grpc), "{code}");
        }
        assert_eq!(Reason::from_code("validation_error"), None);
    }

    #[test]
    fn tr_7_a_status_that_is_not_ours_is_read_by_its_code_and_loses_its_text() {
        let rows = [
            (Code::OutOfRange, Reason::ValidationError),
            (Code::Aborted, Reason::Conflict),
            (Code::FailedPrecondition, Reason::Conflict),
            (Code::DataLoss, Reason::InternalError),
            (Code::Unknown, Reason::InternalError),
            (Code::Unimplemented, Reason::NotImplemented),
            (Code::Unavailable, Reason::ServiceUnavailable),
            (Code::Cancelled, Reason::Cancelled),
        ];
        for (code, reason) in rows {
            let fault = Fault::from(Status::new(code, "tcp connect error: /run/x.sock"));
            assert_eq!(fault.reason(), reason, "{code:?}");
            assert_eq!(fault.message(), reason.sentence());
            assert!(fault.source().is_some(), "the text is kept for the log");
        }
    }

    #[test]
    fn tr_7_reasons_of_another_domain_do_not_count() {
        let mut details = ErrorDetails::new();
        details.set_error_info("TOKEN_REVOKED", "googleapis.com", HashMap::new());
        let status = Status::with_error_details(Code::NotFound, "x", details);
        assert_eq!(Fault::from(status).reason(), Reason::NotFound);
    }

    #[test]
    fn id_3_a_stored_outcome_is_known_as_one() {
        let status = over_the_wire(&Status::from(Fault::not_found("post").replayed()));
        assert!(Fault::from(status).is_replayed());
        let status = over_the_wire(&Status::from(Fault::not_found("post")));
        assert!(!Fault::from(status).is_replayed());
    }

    #[test]
    fn sc_3_tonics_expired_timeout_is_a_deadline() {
        let fault = Fault::from(Status::new(Code::Cancelled, "Timeout expired"));
        assert_eq!(fault.reason(), Reason::GatewayTimeout);
    }

    #[test]
    fn n_16_details_stay_below_what_a_trailer_may_carry() {
        let many = (0..5000)
            .map(|n| Violation {
                field: format!("items[{n}]"),
                message: "must not be empty".into(),
            })
            .collect();
        let status = Status::from(Fault::violations(many));
        assert!(
            status.details().len() < 24 * 1024,
            "{}",
            status.details().len()
        );
        assert!(Fault::from(over_the_wire(&status)).get_violations().len() > 300);
    }
}
