//! What an operator may set for the profile service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::answers::Limits;

/// The profile service's settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most live profiles of an account (N-29). Default 20.
    pub profiles_per_account: usize,
    /// Most answers of a profile (N-25). Default 200.
    pub answers: usize,
    /// Most bytes of all answers of a profile (N-25). Default 65536.
    pub answer_bytes: usize,
    /// For how many seconds an equal final POST is a repeat (PR-8). Default 600.
    pub repeat_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let Limits { keys, bytes } = Limits::default();
        Self {
            profiles_per_account: 20,
            answers: keys,
            answer_bytes: bytes,
            repeat_seconds: 600,
        }
    }
}

impl Config {
    /// Returns how much may be answered.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            keys: self.answers,
            bytes: self.answer_bytes,
        }
    }

    /// Returns for how long an equal final POST is a repeat.
    #[must_use]
    pub const fn repeats(&self) -> Duration {
        Duration::from_secs(self.repeat_seconds)
    }
}
