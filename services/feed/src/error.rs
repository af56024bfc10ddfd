//! What can go wrong here, and what a caller learns of it.

use fault::{Fault, Reason, Violation};

use crate::domain::post::Refused;

/// The result of an operation.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No such post, or the viewer may not see it: `NOT_FOUND`.
    #[error("post not found")]
    NoPost,
    /// No such comment, or the viewer may not see it: `NOT_FOUND`.
    #[error("comment not found")]
    NoComment,
    /// No such group, or the author may not see it: `NOT_FOUND`.
    #[error("group not found")]
    NoGroup,
    /// The post is another account's: `FORBIDDEN`.
    #[error("not the author of the post")]
    NotYourPost,
    /// The comment is another account's, and so is its post: `FORBIDDEN`.
    #[error("not the author of the comment")]
    NotYourComment,
    /// The profile is another account's or gone: `FORBIDDEN`.
    #[error("foreign profile")]
    ForeignProfile,
    /// The author is no member of the group: `FORBIDDEN`.
    #[error("not a member of the group")]
    NotMember,
    /// The input is wrong: `VALIDATION_ERROR`.
    #[error("invalid input")]
    Invalid(Vec<Violation>),
    /// The post does not stand where it would have to: `INVALID_STATE`.
    #[error("{0}")]
    State(&'static str),
    /// Whatever was underneath.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    /// One field is wrong.
    pub(crate) fn invalid(field: &str, message: &str) -> Self {
        Self::Invalid(vec![Violation {
            field: field.to_owned(),
            message: message.to_owned(),
        }])
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(violations) => Self::Invalid(violations),
            Refused::State(message) => Self::State(message),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NoPost => Self::not_found("post"),
            Error::NoComment => Self::not_found("comment"),
            Error::NoGroup => Self::not_found("group"),
            Error::NotYourPost => Self::forbidden("Only the author may do this with a post"),
            Error::NotYourComment => Self::forbidden("Only the author may do this with a comment"),
            Error::ForeignProfile => Self::forbidden("This profile is not yours"),
            Error::NotMember => Self::forbidden("Only members may post in a group"),
            Error::Invalid(violations) => Self::violations(violations),
            Error::State(message) => Self::new(Reason::InvalidState, message),
            Error::Fault(fault) => fault,
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        Fault::from(error).into()
    }
}
