//! What can be set about this service.

use serde::{Deserialize, Serialize};

/// The feed service's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often scheduled posts are looked at, in milliseconds. Default 10000.
    pub publish_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publish_every_ms: 10_000,
        }
    }
}
