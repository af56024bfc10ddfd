//! What can go wrong, told apart by who has to act: the proto's author, the client, or nobody.

/// One thing wrong with a request (CV-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The JSON path of the value (`participantProfileIds[2]`), the name of the
    /// query parameter or path variable, or empty for the body as a whole.
    pub field: String,
    /// What is wrong, in words a person can act on.
    pub message: String,
}

impl Violation {
    /// Says that `field` is wrong because of `message`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Why a descriptor set cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The bytes are no descriptor set.
    #[error("the descriptor set does not decode")]
    Descriptor(#[from] prost_reflect::DescriptorError),
    /// A path template breaks the grammar of google.api.http.
    #[error("{rpc}: the path template `{template}` is wrong: {reason}")]
    Template {
        /// The RPC the template belongs to.
        rpc: String,
        /// The template as written.
        template: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule names a field that does not exist or cannot stand where it is named.
    #[error("{rpc}: {reason}")]
    Binding {
        /// The RPC the rule belongs to.
        rpc: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two bindings match the same requests with equal rank (GW-1).
    #[error(
        "{method} {first_template} of {first} and {second_template} of {second} match the same requests"
    )]
    Ambiguous {
        /// The HTTP method both have.
        method: String,
        /// The RPC of the first binding.
        first: String,
        /// The template of the first binding.
        first_template: String,
        /// The RPC of the second binding.
        second: String,
        /// The template of the second binding.
        second_template: String,
    },
}

/// Why no route takes a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No template matches the path.
    #[error("no route has this path")]
    NotFound,
    /// The most specific template of the path has no such method (K-6).
    #[error("the path has other methods")]
    MethodNotAllowed {
        /// The methods it has, sorted, HEAD beside GET and OPTIONS always.
        allow: Vec<String>,
    },
    /// The path is not one any route could have (TR-14).
    #[error("{0}")]
    BadPath(String),
}

/// Why a message could not be turned from one form into the other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The descriptor set has no message of this name.
    #[error("unknown message `{0}`")]
    UnknownMessage(String),
    /// The bytes are not a valid encoding of the message.
    #[error("malformed protobuf: {0}")]
    Wire(&'static str),
    /// The message holds a value that has no JSON form.
    #[error("no JSON form: {0}")]
    Unprintable(String),
    /// The JSON does not fit the message.
    #[error("the JSON does not fit the message ({} violations)", .0.len())]
    Json(Vec<Violation>),
}

impl From<&'static str> for Error {
    fn from(reason: &'static str) -> Self {
        Self::Wire(reason)
    }
}
