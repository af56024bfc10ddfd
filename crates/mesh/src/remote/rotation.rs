//! Whether calls go to an endpoint, and why not.

use std::{fmt, time::Duration};

/// Whether calls go to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Yes.
    In,
    /// Only when no other is in: it said GOAWAY, which need not mean that it leaves.
    Leaving,
    /// No.
    Out,
}

/// Why an endpoint leaves rotation.
#[derive(Debug)]
pub(super) enum Outage {
    /// It said GOAWAY.
    GoAway,
    /// It is out of reach.
    Unreachable(String),
    /// Its calls fail.
    Failures,
}

impl Outage {
    /// Returns the delay before it is probed: it doubles with each outage and each probe
    /// that fails, half of it more or less, so that many processes do not probe in step.
    /// Whose calls fail may well pass a probe, and so has to wait for longer.
    pub(super) fn delay(&self, outages: u32) -> Duration {
        let (first, last) = match self {
            Self::GoAway if outages == 0 => return Duration::ZERO,
            Self::GoAway | Self::Unreachable(_) => {
                (Duration::from_millis(50), Duration::from_secs(2))
            }
            Self::Failures => (Duration::from_secs(1), Duration::from_secs(30)),
        };
        let delay = first.saturating_mul(1 << outages.min(16)).min(last);
        delay.mul_f64(rand::random_range(0.5..1.5))
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::GoAway => State::Leaving,
            Self::Unreachable(_) | Self::Failures => State::Out,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoAway => f.write_str("GOAWAY"),
            Self::Unreachable(why) => f.write_str(why),
            Self::Failures => f.write_str("calls fail"),
        }
    }
}
