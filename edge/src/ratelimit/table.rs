//! The table of buckets (edge.md): what each counts, for whom, and with which figures unless configured otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use fault::Reason;
use serde::{Deserialize, Serialize};

/// The configurable figures of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Requests counted per subject and window.
    pub limit: u32,
    /// Length of the sliding window in seconds; it moves in 60 equal steps.
    pub window_seconds: u32,
    /// What happens while Redis cannot be reached (GW-6).
    pub redis_down: RedisDown,
}

/// What a bucket does while Redis cannot be reached (GW-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedisDown {
    /// Everything passes.
    Open,
    /// Each replica counts for itself, with half the limit.
    Closed,
}

/// Whom a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Ip,
    Account,
}

/// Which requests a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    All,
    AnonymousReads,
    WithToken,
    WritesWithToken,
    /// Those whose contract names this bucket.
    Named(&'static str),
}

/// One bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Its name in configuration, keys and metrics.
    pub(crate) name: &'static str,
    /// Its name in `X-RateLimit-Policy`.
    pub(crate) shown: &'static str,
    pub(crate) subject: Subject,
    pub(crate) applies: Applies,
    /// Counts only requests that were answered so; all of them are checked.
    pub(crate) only: Option<Reason>,
    pub(crate) figures: Figures,
}

impl Bucket {
    pub(crate) fn slot(&self) -> Duration {
        Duration::from_millis((u64::from(self.figures.window_seconds) * 1000 / 60).max(1))
    }
}

/// Returns the table with the configured figures in place of its own.
pub(crate) fn table(configured: &BTreeMap<String, Figures>) -> anyhow::Result<Vec<Bucket>> {
    use Applies::{All, AnonymousReads, Named, WithToken, WritesWithToken};
    use RedisDown::{Closed, Open};
    use Subject::{Account, Ip};
    let mut table = vec![
        row("ip", Ip, All, 600, 60, Open),
        row("anon-read", Ip, AnonymousReads, 240, 60, Open),
        row("account", Account, WithToken, 300, 60, Open),
        row("write", Account, WritesWithToken, 60, 60, Closed),
        row("auth", Ip, Named("auth"), 30, 60, Closed),
        row("otp-send", Ip, Named("otp-send"), 30, 3600, Closed),
        row("otp-verify", Ip, Named("otp-verify"), 60, 3600, Closed),
        Bucket {
            name: "otp-verify-wrong",
            only: Some(Reason::InvalidOtp),
            ..row("otp-verify", Ip, Named("otp-verify"), 20, 3600, Closed)
        },
    ];
    for (name, figures) in configured {
        let Some(bucket) = table.iter_mut().find(|bucket| bucket.name == name) else {
            anyhow::bail!("there is no rate-limit bucket `{name}`");
        };
        anyhow::ensure!(
            figures.window_seconds > 0,
            "rate-limit bucket `{name}`: the window must be at least one second"
        );
        bucket.figures = *figures;
    }
    Ok(table)
}

fn row(
    name: &'static str,
    subject: Subject,
    applies: Applies,
    limit: u32,
    window_seconds: u32,
    redis_down: RedisDown,
) -> Bucket {
    let figures = Figures {
        limit,
        window_seconds,
        redis_down,
    };
    Bucket {
        name,
        shown: name,
        subject,
        applies,
        only: None,
        figures,
    }
}
