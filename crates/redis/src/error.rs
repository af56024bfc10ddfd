//! Redis errors as faults.

use std::time::Duration;

use fault::Fault;
use fred::error::{Error, ErrorKind};

/// How long a caller should wait before it asks a Redis that is down again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Connection trouble is `SERVICE_UNAVAILABLE`, a refused command `INTERNAL_ERROR`.
pub(crate) fn fault(error: Error) -> Fault {
    match error.kind() {
        ErrorKind::IO
        | ErrorKind::Timeout
        | ErrorKind::Canceled
        | ErrorKind::Backpressure
        | ErrorKind::Tls
        | ErrorKind::Auth
        | ErrorKind::Routing => Fault::unavailable(error).with_retry_after(RETRY_AFTER),
        _ if is_starting(error.details()) => {
            Fault::unavailable(error).with_retry_after(RETRY_AFTER)
        }
        _ => Fault::internal(error),
    }
}

/// Answers of a server that is up but cannot serve yet or any more.
fn is_starting(details: &str) -> bool {
    [
        "LOADING",
        "MASTERDOWN",
        "READONLY",
        "OOM",
        "BUSY",
        "NOAUTH",
        "CLUSTERDOWN",
    ]
    .iter()
    .any(|word| details.starts_with(word))
}

/// The fault of a command that is not even sent, because there is no connection.
pub(crate) fn disconnected() -> Fault {
    Fault::unavailable("not connected to Redis").with_retry_after(RETRY_AFTER)
}

/// Whether a group read failed because the stream or the group is gone.
pub(crate) fn is_no_group(error: &Error) -> bool {
    error.details().starts_with("NOGROUP") || error.details().starts_with("UNBLOCKED")
}
