//! What can be set about this service.

use serde::{Deserialize, Serialize};

/// The feed service's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often scheduled posts are looked at, in milliseconds. Default 10000.
    pub publish_every_ms: u64,
    /// How often views are stored, in milliseconds; a view shows in the count at most this and one write later (at most
    /// 5000, FD-19). Default 4000.
    pub flush_views_every_ms: u64,
    /// How often the streams of this process look for new posts when nothing tells them, in milliseconds; one statement
    /// for all of them, and none without streams. Default 1000.
    pub look_for_news_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publish_every_ms: 10_000,
            flush_views_every_ms: 4_000,
            look_for_news_every_ms: 1_000,
        }
    }
}
