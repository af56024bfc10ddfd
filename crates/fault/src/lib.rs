#![doc = include_str!("../README.md")]
//!
//! Modules: `reason` is the table, `status` the gRPC face, [`http`] the HTTP face.

mod reason;
mod status;

pub mod http;

use std::{borrow::Cow, error::Error, fmt, sync::Arc, time::Duration};

pub use reason::Reason;
pub use status::REPLAYED;

/// The domain of our `google.rpc.ErrorInfo`: only there a reason is one of [`Reason`].
pub const DOMAIN: &str = "smilefactory";

/// What every fallible operation of the product returns.
pub type Result<T> = std::result::Result<T, Fault>;

/// One thing wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The JSON path of the field, such as `participantProfileIds[2]`.
    pub field: String,
    /// One plain sentence about it.
    pub message: String,
}

/// A failure: reason, public sentence, violations, retry delay, private source.
#[derive(Clone, Debug)]
pub struct Fault {
    reason: Reason,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    is_replayed: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Fault {
    /// Returns a fault with a public message: one plain sentence without SQL, paths,
    /// type names or library texts. For [`Reason::InternalError`] the message is
    /// replaced by `Internal error`.
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        let message = if reason == Reason::InternalError {
            Cow::Borrowed(reason.sentence())
        } else {
            message.into()
        };
        Self {
            reason,
            message,
            violations: Vec::new(),
            retry_after: None,
            request_id: None,
            is_replayed: false,
            source: None,
        }
    }

    /// Returns a fault that says the reason's own sentence.
    pub fn of(reason: Reason) -> Self {
        Self::new(reason, reason.sentence())
    }

    /// One invalid field: `VALIDATION_ERROR` with one violation.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::violations(vec![Violation {
            field: field.into(),
            message: message.into(),
        }])
    }

    /// All that is wrong with the input: `VALIDATION_ERROR`. A single violation also
    /// gives the message, with the field's name; otherwise the message is the reason's sentence.
    pub fn violations(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [only] if only.message.is_empty() => Reason::ValidationError.sentence().into(),
            [only] if only.message.starts_with(&only.field) => only.message.clone().into(),
            [only] => Cow::Owned(format!("{}: {}", only.field, only.message)),
            _ => Reason::ValidationError.sentence().into(),
        };
        Self {
            violations,
            ..Self::new(Reason::ValidationError, message)
        }
    }

    /// `NOT_FOUND` about a thing named in lower case: `not_found("post")` says
    /// `Post not found`. Unknown, deleted and invisible things read alike (CV-20).
    pub fn not_found(thing: &str) -> Self {
        let mut letters = thing.chars();
        let first = letters
            .next()
            .map(|c| c.to_uppercase().to_string())
            .unwrap_or_default();
        Self::new(
            Reason::NotFound,
            format!("{first}{} not found", letters.as_str()),
        )
    }

    /// FORBIDDEN: visible, but not allowed.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Forbidden, message)
    }

    /// UNAUTHORIZED: no or unusable credential.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Unauthorized, message)
    }

    /// CONFLICT: a clash that has no reason of its own.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Conflict, message)
    }

    /// `INTERNAL_ERROR` with its cause, which only the log sees.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Reason::InternalError).with_source(source)
    }

    /// `SERVICE_UNAVAILABLE` with its cause, to be tried again in a second (N-21).
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Reason::ServiceUnavailable)
            .with_retry_after(Duration::from_secs(1))
            .with_source(source)
    }

    /// `GATEWAY_TIMEOUT`: the deadline passed.
    pub fn timeout() -> Self {
        Self::of(Reason::GatewayTimeout)
    }

    /// Adds the private cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds a violation, whatever the reason.
    #[must_use]
    pub fn with_violation(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.violations.push(Violation {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// Takes the private cause out, for whoever logs it.
    pub fn take_source(&mut self) -> Option<Arc<dyn Error + Send + Sync>> {
        self.source.take()
    }

    /// Names the request, for the `RequestInfo` detail of the gRPC face.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Says that this is the stored outcome of an earlier request (ID-3).
    #[must_use]
    pub fn replayed(mut self) -> Self {
        self.is_replayed = true;
        self
    }

    /// Returns the reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the public sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns all violations; empty for most reasons.
    pub fn get_violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Returns the delay after which trying again makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the id of the request that failed, when a boundary has named it.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether this is the stored outcome of an earlier request with the same idempotency
    /// key.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed
    }

    /// Whether the same call may succeed when simply made again.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.reason,
            Reason::ServiceUnavailable | Reason::RateLimitExceeded | Reason::IdempotencyInProgress
        )
    }

    /// Whether the call may have taken effect although it failed: a repeat is safe
    /// only for safe and idempotent methods.
    pub fn outcome_unknown(&self) -> bool {
        matches!(
            self.reason,
            Reason::GatewayTimeout
                | Reason::Cancelled
                | Reason::InternalError
                | Reason::ServiceUnavailable
        )
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.code(), self.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cv_10_an_internal_fault_says_nothing_but_internal_error() {
        for fault in [
            Fault::internal("relation \"posts\" does not exist"),
            Fault::new(Reason::InternalError, "select * from posts"),
        ] {
            assert_eq!(fault.message(), "Internal error");
        }
        let fault = Fault::internal("relation missing");
        assert_eq!(
            fault.source().map(ToString::to_string).as_deref(),
            Some("relation missing")
        );
    }

    #[test]
    fn a_missing_thing_is_named_with_a_capital() {
        assert_eq!(Fault::not_found("post").message(), "Post not found");
        assert_eq!(
            Fault::not_found("join request").message(),
            "Join request not found"
        );
    }

    #[test]
    fn cv_3_every_violation_is_kept_and_one_alone_gives_the_message() {
        let one = Fault::invalid("email", "email is required");
        assert_eq!(one.message(), "email is required");
        assert_eq!(
            Fault::invalid("limit", "must be an integer").message(),
            "limit: must be an integer"
        );
        assert_eq!(
            Fault::invalid("", "must be a JSON object").message(),
            "must be a JSON object"
        );
        let two = one.with_violation("code", "code must have 6 digits");
        assert_eq!(two.get_violations().len(), 2);
        let list = vec![
            Violation {
                field: "a".into(),
                message: "x".into()
            };
            2
        ];
        assert_eq!(
            Fault::violations(list).message(),
            "The request is not valid"
        );
    }
}
