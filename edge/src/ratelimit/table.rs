//! The table of buckets (edge.md): what each counts, for whom, and with which figures unless configured otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use fault::Reason;
use http::HeaderValue;
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

impl Figures {
    /// Returns what each replica admits by itself while Redis cannot be reached.
    pub(crate) fn local_limit(self) -> u32 {
        self.limit.div_ceil(2)
    }
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
    Profile,
}

/// Which requests a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    All,
    AnonymousReads,
    WithToken,
    WritesWithToken,
    /// Those whose contract names this bucket; with a subject of the token, those among them that have one.
    Named(&'static str),
    /// Those whose contract names this bucket and that have no token.
    NamedWithoutToken(&'static str),
}

impl Applies {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Named(name) | Self::NamedWithoutToken(name) => Some(name),
            Self::All | Self::AnonymousReads | Self::WithToken | Self::WritesWithToken => None,
        }
    }
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
    /// `X-RateLimit-Policy` with its limit, and with that of one replica.
    policies: [HeaderValue; 2],
}

impl Bucket {
    fn new(
        name: &'static str,
        shown: &'static str,
        subject: Subject,
        applies: Applies,
        figures: Figures,
    ) -> Self {
        let policies = policies(shown, figures);
        Self {
            name,
            shown,
            subject,
            applies,
            only: None,
            figures,
            policies,
        }
    }

    /// Gives it other figures.
    fn set(&mut self, figures: Figures) {
        self.figures = figures;
        self.policies = policies(self.shown, figures);
    }

    /// Returns `X-RateLimit-Policy` where this limit holds.
    pub(crate) fn policy(&self, limit: u64) -> HeaderValue {
        let [whole, local] = &self.policies;
        let is_whole = limit == u64::from(self.figures.limit);
        if is_whole { whole } else { local }.clone()
    }

    pub(crate) fn slot(&self) -> Duration {
        Duration::from_millis((u64::from(self.figures.window_seconds) * 1000 / 60).max(1))
    }
}

/// The table as specified. `stranger` is not in it: messaging alone knows who is one, and counts there (GW-3).
fn specified() -> Vec<Bucket> {
    use Applies::{All, AnonymousReads, Named, NamedWithoutToken, WithToken, WritesWithToken};
    use RedisDown::{Closed, Open};
    use Subject::{Account, Ip, Profile};
    const HOUR: u32 = 3600;
    const DAY: u32 = 24 * HOUR;
    vec![
        row("ip", Ip, All, 600, 60, Open),
        row("anon-read", Ip, AnonymousReads, 240, 60, Open),
        row("account", Account, WithToken, 300, 60, Open),
        row("write", Account, WritesWithToken, 60, 60, Closed),
        row("auth", Ip, NamedWithoutToken("auth"), 30, 60, Closed),
        row("otp-send", Ip, Named("otp-send"), 30, HOUR, Closed),
        row("otp-verify", Ip, Named("otp-verify"), 60, HOUR, Closed),
        Bucket {
            name: "otp-verify-wrong",
            only: Some(Reason::InvalidOtp),
            ..row("otp-verify", Ip, Named("otp-verify"), 20, HOUR, Closed)
        },
        row("search", Account, Named("search"), 60, 60, Open),
        Bucket {
            name: "search-anonymous",
            ..row("search", Ip, NamedWithoutToken("search"), 30, 60, Open)
        },
        row("upload", Account, Named("upload"), 30, 60, Closed),
        row("connect", Profile, Named("connect"), 50, DAY, Closed),
        row("report", Account, Named("report"), 30, DAY, Closed),
        row("export", Account, Named("export"), 1, DAY, Closed),
        row("socket-open", Ip, Named("socket-open"), 60, 60, Closed),
    ]
}

/// Returns the table with the configured figures in place of its own, once it is known to have every bucket that a
/// contract names.
pub(crate) fn table(configured: &BTreeMap<String, Figures>) -> anyhow::Result<Vec<Bucket>> {
    let mut table = specified();
    let names = contracts::rpcs()
        .iter()
        .flat_map(|rule| rule.buckets.iter().map(|name| (rule.path, *name)));
    check(&table, names)?;
    for (name, figures) in configured {
        let Some(bucket) = table.iter_mut().find(|bucket| bucket.name == name) else {
            anyhow::bail!("there is no rate-limit bucket `{name}`");
        };
        anyhow::ensure!(
            figures.window_seconds > 0,
            "rate-limit bucket `{name}`: the window must be at least one second"
        );
        bucket.set(*figures);
    }
    Ok(table)
}

/// Refuses names that no bucket goes by: a route that has one would not be limited as its contract says.
fn check<'n>(
    table: &[Bucket],
    mut names: impl Iterator<Item = (&'n str, &'n str)>,
) -> anyhow::Result<()> {
    let known = |name| table.iter().any(|it| it.applies.name() == Some(name));
    match names.find(|(_, name)| !known(*name)) {
        None => Ok(()),
        Some((rpc, name)) => {
            anyhow::bail!("{rpc} names the rate-limit bucket `{name}`, which does not exist")
        }
    }
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
    Bucket::new(name, name, subject, applies, figures)
}

fn policies(shown: &str, figures: Figures) -> [HeaderValue; 2] {
    [figures.limit, figures.local_limit()].map(|limit| {
        let text = format!("{shown};q={limit};w={}", figures.window_seconds);
        // Names and numbers are valid.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_3_a_bucket_named_by_a_contract_must_exist_and_be_one_that_is_named() {
        let table = specified();
        let named = |name| check(&table, [("/x/Y", "search"), ("/x/Y", name)].into_iter());
        assert!(named("otp-verify").is_ok());
        // stranger is counted by messaging; the last two count by themselves, whatever a contract says.
        for name in ["otp-sned", "stranger", "ip", "write"] {
            let refused = named(name).unwrap_err().to_string();
            assert!(
                refused.contains(name) && refused.contains("/x/Y"),
                "{refused}"
            );
        }
    }
}
