//! Database errors as faults, and the constraint an error names.

use std::time::Duration;

use fault::{Fault, Reason};
use sea_orm::{DbErr, RuntimeErr};

/// How long a caller should wait before it asks a database that is down or full again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Turns a database error into what a caller may learn; the cause stays in the fault's source, for the log.
///
/// | error | fault |
/// |---|---|
/// | pool exhausted, connection lost or refused, server starting, stopping, full or read-only | `SERVICE_UNAVAILABLE`, retry after 1 s |
/// | statement time-out or cancelled statement | `GATEWAY_TIMEOUT` |
/// | deadlock, failed serialization, lock not available | `CONFLICT`, retry at once |
/// | anything else | `INTERNAL_ERROR` |
#[must_use]
pub fn fault(error: DbErr) -> Fault {
    match class(&error) {
        Class::Down => Fault::unavailable(error).with_retry_after(RETRY_AFTER),
        Class::Timeout => Fault::timeout().with_source(error),
        Class::Clash => Fault::new(
            Reason::Conflict,
            "Somebody else changed this at the same moment; try again",
        )
        .with_source(error)
        .with_retry_after(Duration::ZERO),
        Class::Other => Fault::internal(error),
    }
}

/// Returns the name of the constraint or unique index an error violates; `None` for any other error.
#[must_use]
pub fn violated(error: &DbErr) -> Option<String> {
    sqlx_error(error)?
        .as_database_error()?
        .constraint()
        .map(str::to_owned)
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Down,
    Timeout,
    Clash,
    Other,
}

fn class(error: &DbErr) -> Class {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Class::Down;
    }
    match sqlx_error(error) {
        Some(sqlx::Error::Database(error)) => error
            .code()
            .map_or(Class::Other, |code| class_of_state(&code)),
        Some(
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed,
        ) => Class::Down,
        Some(_) => Class::Other,
        None if matches!(error, DbErr::Conn(_)) => Class::Down,
        None => Class::Other,
    }
}

/// Classes of SQLSTATE, by <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn class_of_state(state: &str) -> Class {
    match state {
        "57014" => Class::Timeout,
        "40001" | "40P01" | "55P03" => Class::Clash,
        // idle_in_transaction_session_timeout, shutdowns, start-up, read-only after a failover
        "25P03" | "57P01" | "57P02" | "57P03" | "57P05" | "25006" => Class::Down,
        other if other.starts_with("08") || other.starts_with("53") => Class::Down,
        _ => Class::Other,
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_fall_into_the_class_their_fault_needs() {
        for (state, class) in [
            ("57014", Class::Timeout),
            ("40001", Class::Clash),
            ("40P01", Class::Clash),
            ("08006", Class::Down),
            ("53300", Class::Down),
            ("57P03", Class::Down),
            ("23505", Class::Other),
            ("42P01", Class::Other),
        ] {
            assert_eq!(class_of_state(state), class, "{state}");
        }
    }
}
