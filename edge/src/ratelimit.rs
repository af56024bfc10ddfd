//! Rate limits: sliding windows in Redis, at most one round trip for a request, the tightest bucket reported (GW-3..GW-6).

mod batch;
mod local;
mod table;

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chassis::Task;
use fault::{Fault, Reason};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use identity::Caller;
use redis::Redis;
use tokio::time::Instant;
use uuid::Uuid;

pub use self::table::{Figures, RedisDown};

use self::batch::Batches;
use self::local::Local;
use self::table::{Applies, Bucket, Subject};
use crate::client_ip;
use crate::config::Config;

/// How long Redis is left alone after it failed to answer: waiting for it once a second is enough.
const REST: Duration = Duration::from_secs(1);

/// The limiter of one replica.
#[derive(Debug)]
pub(crate) struct Limiter {
    table: Vec<Bucket>,
    batches: Arc<Batches>,
    patience: Duration,
    local: Local,
    epoch: Instant,
    /// Milliseconds after `epoch` until which Redis is not asked.
    resting_until: AtomicU64,
}

/// A limiter that counts in process alone, as every one does while Redis cannot be reached.
#[derive(Debug)]
pub(crate) struct InProcess {
    table: Vec<Bucket>,
    local: Local,
}

impl InProcess {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let (table, local) = (table::table(&config.buckets)?, Local::new());
        Ok(Self { table, local })
    }

    /// As [`Limiter::admit`].
    pub(crate) fn admit(&self, subjects: Subjects<'_>) -> (Option<Standing>, Result<(), Fault>) {
        let mut charges = counted(&self.table, subjects);
        let (admitted, counts) = self.local.instead(&mut charges);
        decide(&charges, admitted, &counts)
    }
}

/// What the buckets look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subjects<'a> {
    pub(crate) method: &'a Method,
    pub(crate) ip: IpAddr,
    pub(crate) caller: Option<&'a Caller>,
    /// Buckets the contract names.
    pub(crate) named: &'a [&'a str],
}

/// One window a request counts in.
#[derive(Debug)]
struct Charge<'a> {
    bucket: &'a Bucket,
    key: Key,
    cost: u32,
}

/// Names a window: its bucket and whom it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    bucket: &'static str,
    subject: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Address(IpAddr),
    Id(Uuid),
}

/// Prints the key in Redis.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, subject } = self;
        match subject {
            Counted::Address(ip) => write!(f, "rl:{bucket}:{ip}"),
            Counted::Id(id) => write!(f, "rl:{bucket}:{id}"),
        }
    }
}

/// The state of one window.
#[derive(Debug, Clone, Copy)]
struct Count {
    limit: u64,
    used: u64,
    reset: Duration,
}

/// What the headers of a reply say about limits.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    policy: HeaderValue,
    limit: u64,
    remaining: u64,
    reset: u64,
}

impl Limiter {
    pub(crate) fn new(redis: Redis, config: &Config) -> anyhow::Result<Self> {
        let (local, epoch, resting_until) = (Local::new(), Instant::now(), AtomicU64::new(0));
        let patience = Duration::from_millis(config.limits.ratelimit_ms);
        Ok(Self {
            table: table::table(&config.buckets)?,
            batches: Batches::new(redis, patience),
            patience,
            local,
            epoch,
            resting_until,
        })
    }

    /// The task that asks Redis for all requests. Without it each asks for itself.
    pub(crate) fn task(&self) -> Task {
        Batches::task(&self.batches)
    }

    /// Counts a request in every bucket that applies to it, or refuses it and counts nothing. Returns how the tightest
    /// bucket stands, `None` when none is counted.
    pub(crate) async fn admit(
        &self,
        subjects: Subjects<'_>,
    ) -> (Option<Standing>, Result<(), Fault>) {
        let mut charges = counted(&self.table, subjects);
        let (admitted, counts) = match self.ask_redis(&charges).await {
            Some(answer) => answer,
            None => self.local.instead(&mut charges),
        };
        decide(&charges, admitted, &counts)
    }

    /// Counts a request in the buckets that count only replies with this reason (wrong codes).
    pub(crate) async fn answered(&self, subjects: Subjects<'_>, reason: Reason) {
        let mut charges = charges(&self.table, subjects, |_| 1);
        charges.retain(|charge| charge.bucket.only == Some(reason));
        if !charges.is_empty() && self.ask_redis(&charges).await.is_none() {
            self.local.count(&charges);
        }
    }

    /// Counts in Redis; `None` when it does not answer in time, or did not a moment ago.
    async fn ask_redis(&self, charges: &[Charge<'_>]) -> Option<(bool, Vec<Count>)> {
        let elapsed = || u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        if elapsed() < self.resting_until.load(Ordering::Relaxed) {
            return None;
        }
        let answer = tokio::time::timeout(self.patience, self.batches.ask(charges)).await;
        match answer
            .map_err(Fault::unavailable)
            .and_then(|numbers| counts(charges, &numbers?))
        {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::warn!(%error, "rate limits are counted without Redis");
                let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
                self.resting_until
                    .store(elapsed().saturating_add(rest), Ordering::Relaxed);
                None
            }
        }
    }
}

/// Says how the tightest of these windows stands, and whether a request passes.
fn decide(
    charges: &[Charge<'_>],
    admitted: bool,
    counts: &[Count],
) -> (Option<Standing>, Result<(), Fault>) {
    // A refusal names a full bucket, and of several the one that is full for longest: a retry before its time is vain.
    let tightest = charges
        .iter()
        .zip(counts)
        .min_by_key(|(_, count)| (count.limit.saturating_sub(count.used), Reverse(count.reset)));
    let Some((charge, count)) = tightest else {
        return (None, Ok(()));
    };
    let standing = Standing::of(charge.bucket, *count);
    if admitted {
        return (Some(standing), Ok(()));
    }
    metrics::counter!("sf_ratelimit_refused_total", "bucket" => charge.bucket.name).increment(1);
    let refused = Fault::new(Reason::RateLimitExceeded, "Too many requests")
        .with_retry_after(Duration::from_secs(standing.reset));
    (Some(standing), Err(refused))
}

/// Returns the windows a request counts in when it comes; those that count some replies only are looked at.
fn counted<'a>(table: &'a [Bucket], subjects: Subjects<'_>) -> Vec<Charge<'a>> {
    charges(table, subjects, |bucket| u32::from(bucket.only.is_none()))
}

/// Returns the windows a request counts in, each at what it costs there.
fn charges<'a>(
    table: &'a [Bucket],
    subjects: Subjects<'_>,
    cost: impl Fn(&Bucket) -> u32,
) -> Vec<Charge<'a>> {
    let applying = table.iter().filter(|bucket| bucket.applies(subjects));
    let charge = |bucket: &'a Bucket| {
        let subject = match bucket.subject {
            Subject::Ip => Counted::Address(client_ip::subject(subjects.ip)),
            Subject::Account => Counted::Id(subjects.caller?.account_id),
            Subject::Profile => Counted::Id(subjects.caller?.profile_id),
        };
        let key = Key {
            bucket: bucket.name,
            subject,
        };
        Some(Charge {
            bucket,
            key,
            cost: cost(bucket),
        })
    };
    applying.filter_map(charge).collect()
}

fn counts(charges: &[Charge<'_>], numbers: &[i64]) -> Result<(bool, Vec<Count>), Fault> {
    let (admitted, windows) = numbers
        .split_first()
        .ok_or_else(|| Fault::internal("an empty reply to a rate-limit script"))?;
    let count = |(charge, numbers): (&Charge<'_>, &[i64])| {
        let unsigned = |index: usize| {
            numbers
                .get(index)
                .and_then(|n| u64::try_from(*n).ok())
                .unwrap_or(0)
        };
        Count {
            limit: u64::from(charge.bucket.figures.limit),
            used: unsigned(0),
            reset: Duration::from_millis(unsigned(1)),
        }
    };
    Ok((
        *admitted == 1,
        charges
            .iter()
            .zip(windows.chunks_exact(2))
            .map(count)
            .collect(),
    ))
}

impl Bucket {
    fn applies(&self, subjects: Subjects<'_>) -> bool {
        let (token, read) = (
            subjects.caller.is_some(),
            matches!(*subjects.method, Method::GET | Method::HEAD),
        );
        match self.applies {
            Applies::All => true,
            Applies::AnonymousReads => read && !token,
            Applies::WithToken => token,
            Applies::WritesWithToken => token && !read && subjects.method != Method::OPTIONS,
            Applies::Named(name) => subjects.named.contains(&name),
            Applies::NamedWithoutToken(name) => !token && subjects.named.contains(&name),
        }
    }
}

impl Standing {
    fn of(bucket: &Bucket, count: Count) -> Self {
        let reset = count.reset.as_millis().div_ceil(1000).max(1);
        Self {
            policy: bucket.policy(count.limit),
            limit: count.limit,
            remaining: count.limit.saturating_sub(count.used),
            reset: u64::try_from(reset).unwrap_or(u64::MAX),
        }
    }

    /// Adds the headers of HD-2: the tightest bucket's limit, what is left of it, the seconds until its oldest slot
    /// leaves, and `name;q=limit;w=window`.
    pub(crate) fn describe(&self, reply: &mut HeaderMap) {
        const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
        const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
        const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
        const POLICY: HeaderName = HeaderName::from_static("x-ratelimit-policy");
        reply.insert(LIMIT, self.limit.into());
        reply.insert(REMAINING, self.remaining.into());
        reply.insert(RESET, self.reset.into());
        reply.insert(POLICY, self.policy.clone());
    }
}

#[cfg(test)]
mod tests;
