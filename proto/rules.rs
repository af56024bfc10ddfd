//! The rules of every RPC, compiled from its `(smilefactory.api.v1.rpc)` option.

use std::time::Duration;

use crate::keyed::Idempotency;

mod table {
    use super::{Access, Cache, Effect, FilterKind, FilterRule, ListRule, RpcRule};
    use crate::keyed::{Idempotency, Keyed, Replay};
    use std::time::Duration;

    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}

/// Who may call an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone; no token is looked at.
    Public,
    /// Anyone; a token shows more, and a bad token is refused.
    Optional,
    /// A valid access token.
    User,
    /// An access token with role staff or admin.
    Staff,
    /// Other services only; never reachable from outside.
    Service,
}

/// What repeating a call does, which decides whether the mesh may retry it (SC-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Reads only.
    Safe,
    /// A repeat leaves the same state.
    Idempotent,
    /// A repeat may act twice; also what an RPC without a declaration is.
    Unsafe,
}

/// How a reply may be cached by clients (CQ-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cache {
    /// `private, no-store` with a token, `public, max-age=0, must-revalidate` without.
    Default,
    /// Without a token the reply depends on nothing about the caller.
    Public,
    /// Never stored by anyone.
    NoStore,
}

/// The kind of value a filter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilterKind {
    /// Text.
    Text,
    /// One word of a closed set: see [`FilterRule::words`].
    Word,
    /// A UUID.
    Id,
    /// true or false.
    Bool,
    /// An integer.
    Integer,
    /// An RFC 3339 timestamp or a date.
    Timestamp,
    /// Tags: any of the given ones.
    Tags,
    /// A decimal number.
    Decimal,
}

/// One name a list can be filtered by.
#[derive(Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// The name, in camelCase.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: FilterKind,
    /// For [`FilterKind::Word`]: every accepted spelling with the word it means.
    pub words: &'static [(&'static str, &'static str)],
}

/// The list grammar of one RPC (K-2).
#[derive(Debug, PartialEq, Eq)]
pub struct ListRule {
    /// Sort names; the first is the default, `-` before a name is descending.
    pub sort: &'static [&'static str],
    /// The names it can be filtered by.
    pub filters: &'static [FilterRule],
    /// Whether `cursor` is accepted beside `page`.
    pub cursor: bool,
    /// Whether `search` is accepted.
    pub search: bool,
    /// The page size when none is asked for.
    pub default_limit: u32,
    /// The largest page size; larger ones count as this.
    pub max_limit: u32,
}

/// The rules of one RPC.
#[derive(Debug)]
pub struct RpcRule {
    /// The gRPC path: `/smilefactory.feed.v1.FeedService/ListFeed`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// For [`Access::Service`]: the services that may call it. For the others:
    /// the services that may call it besides the edge.
    pub callers: &'static [&'static str],
    /// The HTTP status of success.
    pub status: u16,
    /// What repeating it does.
    pub effect: Effect,
    /// How long it may take.
    pub deadline: Duration,
    /// The largest HTTP body in bytes.
    pub body_limit: usize,
    /// Rate-limit buckets counted beside the ones every call counts in.
    pub buckets: &'static [&'static str],
    /// How replies may be cached.
    pub cache: Cache,
    /// Whether it has an HTTP rule and so is reachable from outside.
    pub public: bool,
    /// Whether the reply is a stream of messages. One that a user opened ends
    /// with its token, an internal one after 10 min (SC-3).
    pub streaming: bool,
    /// For lists: what may be sorted and filtered.
    pub list: Option<ListRule>,
    /// Whether it may use the part of the capacity kept free under overload (GW-27).
    pub reserve: bool,
    /// For RPCs with a POST binding: how calls with an idempotency key are treated.
    pub idempotency: Option<Idempotency>,
    /// How long the edge keeps replies to requests without a token (GW-18); zero unless the class is [`Cache::Public`].
    pub kept: Duration,
    /// Whether the service compares the version in `If-Match` with the resource's (CQ-2).
    pub conditional: bool,
}

impl RpcRule {
    /// The domain of its service: `feed`.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        let rest = self.path.strip_prefix("/smilefactory.");
        rest.and_then(|rest| rest.split('.').next())
            .unwrap_or_default()
    }

    /// The name of the RPC: `ListFeed`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The rules of the RPC at a gRPC path, such as
/// `/smilefactory.feed.v1.FeedService/ListFeed`; none for paths no contract has.
#[must_use]
pub fn rpc(path: &str) -> Option<&'static RpcRule> {
    let found = table::RULES.binary_search_by(|rule| rule.path.cmp(path));
    found.ok().map(|index| &table::RULES[index])
}

/// The rules of every RPC, ordered by path.
#[must_use]
pub fn rpcs() -> &'static [RpcRule] {
    table::RULES
}
