//! Wall time: the one place the product asks what time it is.

use std::time::SystemTime;

use time::OffsetDateTime;

/// Returns the present time, UTC.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the clock the lint points to"
)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now())
}

/// Returns the present time in whole seconds since 1970-01-01T00:00:00Z.
pub fn unix() -> i64 {
    now().unix_timestamp()
}
