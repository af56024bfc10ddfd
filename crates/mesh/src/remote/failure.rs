//! Why a try of a call got no reply.

use std::{error::Error, fmt};

type Cause = Box<dyn Error + Send + Sync>;

/// Why a try of a call got no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was done: any call may be tried again.
    NeverSent(Cause),
    /// The connection broke; the call may have been acted upon.
    Lost(Cause),
    /// The endpoint broke off this call alone; it may have been acted upon.
    Reset(Cause),
    /// The endpoint takes so long that another is worth a try.
    Slow,
    /// No endpoint is in rotation.
    Nowhere,
}

impl Failure {
    pub(super) fn never_sent(cause: impl Into<Cause>) -> Self {
        Self::NeverSent(cause.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverSent(cause) | Self::Lost(cause) | Self::Reset(cause) => cause.fmt(f),
            Self::Slow => f.write_str("no answer in half of the time left"),
            Self::Nowhere => f.write_str("no endpoint is in rotation"),
        }
    }
}

impl Error for Failure {}

impl Failure {
    /// Whether the breaker hears of it. An endpoint that is out of reach is out of rotation
    /// already, and back sooner than a breaker would close.
    pub(crate) fn is_callees(&self) -> bool {
        matches!(self, Self::Reset(_))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NeverSent(_) => "never_sent",
            Self::Lost(_) => "lost",
            Self::Reset(_) => "reset",
            Self::Slow => "slow",
            Self::Nowhere => "nowhere",
        }
    }
}
