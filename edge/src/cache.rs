//! Replies to nobody in particular, kept for a minute: computed once for all who ask, dropped when their service says it
//! changed (GW-18, CA-1, CA-2, N-57). What nothing changed is kept longer, for when its service cannot be asked (GW-13).

mod news;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use contracts::{Effect, RpcRule};
use fault::Fault;
use http::Method;
use metrics::Counter;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use transcode::{Match, Selection};

use crate::auth::Session;
use crate::respond::Head;

pub(crate) use self::news::News;

/// What an entry weighs beside its bytes: its place in the tables and the reply's head.
const OVERHEAD: usize = 1024;

/// The oldest a reply may be that stands in for one that cannot be had (GW-13).
const OLDEST: Duration = Duration::from_secs(300);

/// Replies, by what was asked and the state of the service they were computed in.
#[derive(Debug)]
pub(crate) struct Cache {
    kept: moka::future::Cache<Key, Entry>,
    /// The same replies, of the same states: what changed is not shown again.
    last: moka::future::Cache<Key, Arc<Kept>>,
    news: Arc<News>,
    /// Nearly every request adds to it, so it is looked up once.
    hits: OnceLock<Counter>,
}

/// A reply as the API prints it, without what every reply says of itself: time, request id, limits, compression.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) head: Head,
    pub(crate) body: transcode::Kept,
}

/// All that a reply to nobody in particular depends on, beside the state of its service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// The route's place: another route may print the same message otherwise.
    route: usize,
    /// Path and query, as the request message that was made of them.
    message: Bytes,
    fields: Option<Selection>,
}

impl Question {
    /// What this message asks for at this route, of these fields.
    pub(crate) fn new(found: &Match<'_>, message: &Bytes, fields: Option<Selection>) -> Self {
        Self {
            route: found.place,
            message: ordered(message),
            fields,
        }
    }

    /// The fields that are asked for, if not all.
    pub(crate) fn fields(&self) -> Option<&Selection> {
        self.fields.as_ref()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    question: Question,
    /// The service's state when the computing began: what changed meanwhile leaves the result behind.
    state: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    reply: Arc<Kept>,
    lifetime: Duration,
}

/// Entries live as long as they say themselves.
struct Lifetimes;

impl moka::Expiry<Key, Entry> for Lifetimes {
    fn expire_after_create(&self, _key: &Key, entry: &Entry, _now: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

impl Cache {
    /// A cache of at most about so many bytes, which hears of changes by `news`.
    pub(crate) fn new(bytes: u64, news: Arc<News>) -> Self {
        let kept = moka::future::Cache::builder()
            .max_capacity(bytes)
            // New requests displace old ones; the other policy would keep outdated states that were popular.
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .weigher(|key: &Key, entry: &Entry| weight(key, &entry.reply))
            .expire_after(Lifetimes)
            .build();
        // Young replies are in both, and their bytes in memory once.
        let last = moka::future::Cache::builder()
            .max_capacity(bytes)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .weigher(|key: &Key, reply: &Arc<Kept>| weight(key, reply))
            .time_to_live(OLDEST)
            .build();
        Self {
            kept,
            last,
            news,
            hits: OnceLock::new(),
        }
    }

    /// Returns the reply that is kept, if one is.
    pub(crate) async fn kept(&self, rule: &RpcRule, question: &Question) -> Option<Arc<Kept>> {
        let state = self.news.state(rule.domain())?;
        let entry = self.kept.get(&Key::new(question, state)).await?;
        self.hit();
        Some(entry.reply)
    }

    /// Returns the kept reply, or has it computed: once for all who ask for the same at the same time. Failures are not
    /// kept. Without news of the service nothing is looked up or kept.
    ///
    /// # Errors
    /// What the computing says.
    pub(crate) async fn reply(
        &self,
        rule: &RpcRule,
        question: &Question,
        compute: impl Future<Output = Result<Kept, Fault>>,
    ) -> Result<Arc<Kept>, Fault> {
        let Some(state) = self.news.state(rule.domain()) else {
            count("bypass");
            return compute.await.map(Arc::new);
        };
        let key = Key::new(question, state);
        let last = key.clone();
        let kept = async {
            let reply = Arc::new(compute.await?);
            self.last.insert(last, Arc::clone(&reply)).await;
            Ok(Entry {
                reply,
                lifetime: about(rule.kept),
            })
        };
        let entry = self.kept.entry(key).or_try_insert_with(kept).await;
        let entry = entry.map_err(|fault: Arc<Fault>| Fault::clone(&fault))?;
        if entry.is_fresh() {
            count("miss");
        } else {
            self.hit();
        }
        Ok(entry.into_value().reply)
    }

    /// Returns what was answered last, if that is not older than 5 minutes and no change was heard of since (GW-13).
    pub(crate) async fn last(&self, rule: &RpcRule, question: &Question) -> Option<Arc<Kept>> {
        let state = self.news.last_state(rule.domain())?;
        let reply = self.last.get(&Key::new(question, state)).await?;
        count("stale");
        Some(reply)
    }

    /// Drops what is kept of the service of an RPC that was called and may have changed something: who wrote through this
    /// door reads what was written, whenever the service's own signal comes.
    pub(crate) fn called(&self, rule: &RpcRule) {
        if rule.effect != Effect::Safe {
            self.news.changed(rule.domain());
        }
    }

    fn hit(&self) {
        let hits = || metrics::counter!(REQUESTS, "outcome" => "hit");
        self.hits.get_or_init(hits).increment(1);
    }
}

impl Key {
    fn new(question: &Question, state: u64) -> Self {
        Self {
            question: question.clone(),
            state,
        }
    }
}

fn weight(key: &Key, reply: &Kept) -> u32 {
    let weight = key.question.message.len() + reply.body.size() + OVERHEAD;
    u32::try_from(weight).unwrap_or(u32::MAX)
}

/// Reports whether the reply to this request may be kept for others: a read by nobody in particular, of an RPC whose
/// contract says that it depends on nothing else.
pub(crate) fn serves(method: &Method, rule: &RpcRule, session: Option<&Session>) -> bool {
    session.is_none() && matches!(*method, Method::GET | Method::HEAD) && !rule.kept.is_zero()
}

/// A tenth more or less, so that what was asked for together does not end together (CA-2).
fn about(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(0.9..=1.1))
}

/// The message with its fields in the order of their numbers, so that the order of a query's parameters makes no
/// difference. The order within a list stays.
fn ordered(message: &Bytes) -> Bytes {
    fields(message).map_or_else(
        || message.clone(),
        |mut fields| {
            fields.sort_by_key(|(number, _)| *number);
            let mut ordered = BytesMut::with_capacity(message.len());
            for (_, field) in fields {
                ordered.extend_from_slice(&field);
            }
            ordered.freeze()
        },
    )
}

fn fields(message: &Bytes) -> Option<Vec<(u32, Bytes)>> {
    let mut rest = message.clone();
    let mut fields = Vec::new();
    while rest.has_remaining() {
        let from = rest.clone();
        let (number, wire) = decode_key(&mut rest).ok()?;
        skip_field(wire, number, &mut rest, DecodeContext::default()).ok()?;
        fields.push((number, from.slice(..from.len() - rest.len())));
    }
    Some(fields)
}

const REQUESTS: &str = "sf_cache_requests_total";

fn count(outcome: &'static str) {
    metrics::counter!(REQUESTS, "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use contracts::feed::v1::ListFeedRequest;
    use prost::Message;

    use super::*;

    #[test]
    fn ca_1_the_order_of_parameters_makes_no_other_key() {
        let page = ListFeedRequest {
            page: Some(2),
            ..Default::default()
        };
        let sort = ListFeedRequest {
            sort: "publishedAt".to_owned(),
            fields: vec!["title".to_owned(), "id".to_owned()],
            ..Default::default()
        };
        let one = [page.encode_to_vec(), sort.encode_to_vec()].concat();
        let other = [sort.encode_to_vec(), page.encode_to_vec()].concat();
        assert_ne!(one, other);
        assert_eq!(ordered(&one.into()), ordered(&other.clone().into()));
        let both = ListFeedRequest::decode(ordered(&other.into())).unwrap();
        assert_eq!(both.fields, sort.fields);
        assert_eq!(both.page, page.page);
        let broken = Bytes::from_static(&[0xff]);
        assert_eq!(ordered(&broken), broken);
    }

    #[test]
    fn ca_2_lifetimes_differ_by_a_tenth_at_most() {
        let minute = Duration::from_secs(60);
        let lifetimes: Vec<Duration> = (0..100).map(|_| about(minute)).collect();
        assert!(
            lifetimes
                .iter()
                .all(|time| (54.0..=66.0).contains(&time.as_secs_f64()))
        );
        assert!(lifetimes.iter().any(|time| *time != lifetimes[0]));
    }
}
