//! The table of reasons: code, HTTP status, gRPC code and sentence side by side.

use tonic::Code;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $http:literal, $grpc:ident, $sentence:literal;)*) => {
        /// Why something failed: the closed set of `error.code`, which is also the
        /// reason of `google.rpc.ErrorInfo`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the word clients see, such as `VALIDATION_ERROR`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the HTTP status.
            pub const fn http(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// Returns the gRPC code.
            pub const fn grpc(self) -> Code {
                match self { $(Self::$name => Code::$grpc,)* }
            }

            /// Returns the sentence used when nothing better is known.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// Returns the reason with this code, spelled exactly.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// Input wrong; the violations say where.
    ValidationError = "VALIDATION_ERROR", 400, InvalidArgument, "The request is not valid";
    /// No or unusable token.
    Unauthorized = "UNAUTHORIZED", 401, Unauthenticated, "Authentication is required";
    /// Token well signed but past its time, or its active profile is gone.
    TokenExpired = "TOKEN_EXPIRED", 401, Unauthenticated, "The token has expired";
    /// Session ended, or refresh token reused.
    TokenRevoked = "TOKEN_REVOKED", 401, Unauthenticated, "The session has ended";
    /// Code wrong, expired, used, replaced, unknown or exhausted: one text for all (AU-5).
    InvalidOtp = "INVALID_OTP", 401, Unauthenticated, "The code is not valid; please request a new code";
    /// Visible, not allowed.
    Forbidden = "FORBIDDEN", 403, PermissionDenied, "This is not allowed";
    /// Account suspended (only after a right code or a valid token).
    AccountDisabled = "ACCOUNT_DISABLED", 403, PermissionDenied, "This account is disabled";
    /// The recipient's setting excludes the sender.
    MessagingNotAllowed = "MESSAGING_NOT_ALLOWED", 403, PermissionDenied, "This person does not accept messages from you";
    /// Request not yet accepted and its message limit reached.
    MessageRequestPending = "MESSAGE_REQUEST_PENDING", 403, PermissionDenied, "The message request has not been accepted yet";
    /// Unknown, deleted or not visible; unknown path.
    NotFound = "NOT_FOUND", 404, NotFound, "Not found";
    /// Known path, other method (edge).
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, Unimplemented, "The method is not allowed here";
    /// `Accept` cannot be met (edge).
    NotAcceptable = "NOT_ACCEPTABLE", 406, InvalidArgument, "No acceptable representation exists";
    /// Any other clash.
    Conflict = "CONFLICT", 409, AlreadyExists, "The request conflicts with the present state";
    /// Transition not in the state machine.
    InvalidState = "INVALID_STATE", 409, FailedPrecondition, "This is not possible in the present state";
    /// Username in use, in any case.
    UsernameTaken = "USERNAME_TAKEN", 409, AlreadyExists, "This username is taken";
    /// Last profile of an account.
    LastProfile = "LAST_PROFILE", 409, FailedPrecondition, "The last profile of an account cannot be removed";
    /// Last admin of a group, a chat or the deployment.
    LastAdmin = "LAST_ADMIN", 409, FailedPrecondition, "The last admin cannot be removed";
    /// A stated maximum number of things exists.
    LimitReached = "LIMIT_REACHED", 409, FailedPrecondition, "The maximum number has been reached";
    /// Event full, without a waitlist.
    EventFull = "EVENT_FULL", 409, FailedPrecondition, "The event is full";
    /// Event started, past its deadline, cancelled or a draft.
    RegistrationClosed = "REGISTRATION_CLOSED", 409, FailedPrecondition, "Registration is closed";
    /// New maximum below the seats taken.
    CapacityTooLow = "CAPACITY_TOO_LOW", 409, FailedPrecondition, "More seats are taken than the new maximum";
    /// File still referenced.
    MediaInUse = "MEDIA_IN_USE", 409, FailedPrecondition, "The file is in use";
    /// Storage quota of the account reached.
    QuotaExceeded = "QUOTA_EXCEEDED", 409, FailedPrecondition, "The storage quota has been reached";
    /// Completion refused; the violations carry the failing checks.
    MigrationValidationFailed = "MIGRATION_VALIDATION_FAILED", 409, FailedPrecondition, "The migration did not pass its checks";
    /// First request with this key not finished.
    IdempotencyInProgress = "IDEMPOTENCY_IN_PROGRESS", 409, Aborted, "The first request with this idempotency key has not finished";
    /// Client too slow sending head or body (edge).
    RequestTimeout = "REQUEST_TIMEOUT", 408, DeadlineExceeded, "The request was not received in time";
    /// Retired version; upload link used or too old.
    Gone = "GONE", 410, FailedPrecondition, "This is no longer available";
    /// `If-Match` names another version.
    PreconditionFailed = "PRECONDITION_FAILED", 412, FailedPrecondition, "The resource has changed meanwhile";
    /// Body or file over its limit.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413, InvalidArgument, "The request is too large";
    /// Path and query over the limit (edge).
    UriTooLong = "URI_TOO_LONG", 414, InvalidArgument, "The address is too long";
    /// Body type not accepted (edge).
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, InvalidArgument, "The content type is not supported";
    /// Same key, other request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, InvalidArgument, "The idempotency key belongs to another request";
    /// Content is not what it claims, undecodable or of a refused kind.
    MediaRejected = "MEDIA_REJECTED", 422, InvalidArgument, "The file was refused";
    /// Too many requests; the retry delay says when to come back.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", 429, ResourceExhausted, "Too many requests";
    /// Byte range outside the file (edge).
    RangeNotSatisfiable = "RANGE_NOT_SATISFIABLE", 416, OutOfRange, "The range is outside the file";
    /// Socket path without upgrade (edge).
    UpgradeRequired = "UPGRADE_REQUIRED", 426, FailedPrecondition, "This path needs a protocol upgrade";
    /// Header block over the limit (edge).
    HeadersTooLarge = "HEADERS_TOO_LARGE", 431, InvalidArgument, "The headers are too large";
    /// A defect of ours; the text is always `Internal error`.
    InternalError = "INTERNAL_ERROR", 500, Internal, "Internal error";
    /// Unknown RPC.
    NotImplemented = "NOT_IMPLEMENTED", 501, Unimplemented, "This is not implemented";
    /// Dependency down, breaker open, shedding.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", 503, Unavailable, "The service is temporarily unavailable";
    /// Deadline passed.
    GatewayTimeout = "GATEWAY_TIMEOUT", 504, DeadlineExceeded, "The request took too long";
    /// The caller left: logged as 499, never answered, so no client sees it.
    Cancelled = "CANCELLED", 499, Cancelled, "The request was cancelled";
}

impl Reason {
    /// Returns what a status without one of our reasons means: the first row of the
    /// table with its gRPC code (`Ok` is a defect, hence internal).
    pub const fn from_grpc(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::OutOfRange => Self::ValidationError,
            Code::Unauthenticated => Self::Unauthorized,
            Code::PermissionDenied => Self::Forbidden,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => Self::Conflict,
            Code::ResourceExhausted => Self::RateLimitExceeded,
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::InternalError,
            Code::Unimplemented => Self::NotImplemented,
            Code::Unavailable => Self::ServiceUnavailable,
            Code::DeadlineExceeded => Self::GatewayTimeout,
            Code::Cancelled => Self::Cancelled,
        }
    }
}
