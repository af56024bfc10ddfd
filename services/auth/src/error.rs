//! How the auth service's operations fail.

use std::time::Duration;

use fault::{Fault, Reason};

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The code is wrong, expired, used, replaced, unknown or exhausted; nobody learns which (AU-5).
    #[error("the code is not good")]
    InvalidOtp,
    /// The address had its share of sends or wrong tries; free again after this time (AU-2, AU-4).
    #[error("the address has had its share of the window")]
    Limited(Duration),
    /// The account is suspended (AU-11).
    #[error("the account is suspended")]
    Disabled,
    /// The session was ended or is not known.
    #[error("the session has ended")]
    SessionOver,
    /// The session or its token is past its time.
    #[error("the session is past its time")]
    SessionExpired,
    /// The profile belongs to another account.
    #[error("the profile belongs to another account")]
    ForeignProfile,
    /// There is no such thing, or it is somebody else's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Something the operation stands on failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What operations return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidOtp => Self::of(Reason::InvalidOtp),
            Error::Limited(wait) => Self::new(
                Reason::RateLimitExceeded,
                "Too many codes for this address; please try again later",
            )
            .with_retry_after(wait),
            Error::Disabled => Self::of(Reason::AccountDisabled),
            Error::SessionOver => Self::of(Reason::TokenRevoked),
            Error::SessionExpired => Self::of(Reason::TokenExpired),
            Error::ForeignProfile => Self::forbidden("This profile belongs to another account"),
            Error::NotFound(thing) => Self::not_found(thing),
            Error::Fault(fault) => fault,
        }
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Fault(store::fault(error))
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        Fault::from(error).into()
    }
}
