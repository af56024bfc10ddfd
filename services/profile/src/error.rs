//! How the operations of this service fail, and what callers learn of it.

use fault::{Fault, Reason, Violation};
use thiserror::Error;

use crate::domain::answers::Refusal;

/// Why an operation did not happen.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// There is no such profile, or the caller may not see it.
    #[error("no such profile")]
    NotFound,
    /// The caller may see the profile, but it belongs to another account.
    #[error("a profile of another account")]
    Foreign,
    /// The account was erased.
    #[error("the account is gone")]
    AccountGone,
    /// The id is neither a UUID nor a word for the active profile.
    #[error("not a profile id")]
    MalformedId,
    /// Another profile has the user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Nobody may have the user name.
    #[error("the user name is reserved")]
    UsernameReserved,
    /// The account has as many profiles as it may.
    #[error("the account has {0} profiles")]
    LimitReached(usize),
    /// It is the account's only profile.
    #[error("the account's only profile")]
    LastProfile,
    /// A draft cannot be the primary profile.
    #[error("a draft cannot be primary")]
    PrimaryDraft,
    /// A finished profile keeps no state of the wizard.
    #[error("a finished profile keeps no draft")]
    NotADraft,
    /// The account has a draft of that type already.
    #[error("a draft of the type exists")]
    DraftExists,
    /// Neither the request nor the answers nor the primary profile name it.
    #[error("a profile without a name")]
    Nameless,
    /// Answers that are not taken.
    #[error("refused answers")]
    Answers(Vec<Refusal>),
    /// Something beneath failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("profile"),
            Error::Foreign => Self::forbidden("The profile belongs to another account"),
            Error::AccountGone => Self::unauthorized("The account no longer exists"),
            Error::MalformedId => Self::invalid("id", "must be a UUID, me or current-user"),
            Error::UsernameTaken => Self::new(Reason::UsernameTaken, "The user name is taken"),
            Error::UsernameReserved => Self::invalid("username", "is reserved"),
            Error::LimitReached(most) => Self::new(
                Reason::LimitReached,
                format!("An account has at most {most} profiles"),
            ),
            Error::LastProfile => Self::new(
                Reason::LastProfile,
                "The last profile of an account cannot be deleted",
            ),
            Error::PrimaryDraft => Self::new(
                Reason::InvalidState,
                "A draft cannot be the primary profile",
            ),
            Error::NotADraft => Self::new(Reason::InvalidState, "Only a draft keeps draftData"),
            Error::DraftExists => Self::conflict("There is a draft of this type already"),
            Error::Nameless => Self::invalid("displayName", "is required"),
            Error::Answers(refused) => {
                Self::violations(refused.into_iter().map(Violation::from).collect())
            }
            Error::Fault(fault) => fault,
        }
    }
}

impl From<Refusal> for Violation {
    fn from(refusal: Refusal) -> Self {
        Self {
            field: refusal.field,
            message: refusal.message,
        }
    }
}

/// What the operations of this service return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cv_9_every_refusal_has_its_code() {
        for (error, reason) in [
            (Error::NotFound, Reason::NotFound),
            (Error::Foreign, Reason::Forbidden),
            (Error::AccountGone, Reason::Unauthorized),
            (Error::MalformedId, Reason::ValidationError),
            (Error::UsernameTaken, Reason::UsernameTaken),
            (Error::UsernameReserved, Reason::ValidationError),
            (Error::LimitReached(20), Reason::LimitReached),
            (Error::LastProfile, Reason::LastProfile),
            (Error::PrimaryDraft, Reason::InvalidState),
            (Error::NotADraft, Reason::InvalidState),
            (Error::DraftExists, Reason::Conflict),
            (Error::Nameless, Reason::ValidationError),
            (Error::Answers(Vec::new()), Reason::ValidationError),
        ] {
            let fault = Fault::from(error);
            assert_eq!(fault.reason(), reason, "{fault:?}");
        }
    }
}
