//! Tokens that are no longer good, as the auth service tells: in memory, with the age of the news (AU-9).

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use contracts::auth::v1::{Revocation, RevocationBatch, RevocationKind};
use fault::Reason;
use identity::access::AccessClaims;
use identity::clock;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// The revocations in force.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    state: RwLock<State>,
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// By kind and subject; of several about one subject the latest counts.
    rows: HashMap<(RevocationKind, Uuid), Row>,
    heard: Option<Instant>,
    highest: i64,
    swept: i64,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Tokens issued up to this second are refused.
    effective_at: i64,
    /// From this second on no token it concerns can be alive.
    expires_at: i64,
}

/// How often rows past their time are dropped, in seconds.
const SWEEP: i64 = 60;

impl Revocations {
    /// Takes a batch in; an empty one is news too: that there is none.
    pub(super) fn hear(&self, batch: &RevocationBatch) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.heard = Some(Instant::now());
        for revocation in &batch.revocations {
            state.highest = state.highest.max(revocation.seq);
            state.take(revocation);
        }
        let now = clock::unix();
        if now - state.swept >= SWEEP {
            state.swept = now;
            state.rows.retain(|_, row| row.expires_at > now);
        }
        drop(state);
        if !batch.revocations.is_empty() {
            self.news.send_replace(());
        }
    }

    /// Returns what changes with every revocation that is heard of.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Returns the highest sequence number heard of.
    pub(super) fn highest(&self) -> i64 {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .highest
    }

    /// Reports whether the last news is older than `age`, or there never was any.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.heard.is_none_or(|heard| heard.elapsed() > age)
    }

    /// Returns why a token is no longer good, if it is not. A session's end ends all its tokens; the others end those
    /// issued up to their second. The end of a profile or role leaves the session alive: refreshing helps.
    pub(super) fn verdict(&self, claims: &AccessClaims) -> Option<Reason> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let row = |kind, subject| state.rows.get(&(kind, subject)).copied();
        let issued_before =
            |kind, subject| row(kind, subject).is_some_and(|row| claims.iat <= row.effective_at);
        if row(RevocationKind::Session, claims.sid).is_some()
            || issued_before(RevocationKind::Account, claims.sub)
        {
            return Some(Reason::TokenRevoked);
        }
        let outdated = issued_before(RevocationKind::Profile, claims.profile_id)
            || issued_before(RevocationKind::Role, claims.sub);
        outdated.then_some(Reason::TokenExpired)
    }
}

impl State {
    fn take(&mut self, revocation: &Revocation) {
        let (kind, Ok(subject)) = (revocation.kind(), Uuid::parse_str(&revocation.subject_id))
        else {
            tracing::error!(
                seq = revocation.seq,
                "a revocation without a subject was ignored"
            );
            return;
        };
        // Without times a revocation holds for every token there is.
        let row = Row {
            effective_at: revocation
                .effective_at
                .as_ref()
                .map_or(i64::MAX, |at| at.seconds),
            expires_at: revocation
                .expires_at
                .as_ref()
                .map_or(i64::MAX, |at| at.seconds),
        };
        let known = self.rows.entry((kind, subject)).or_insert(row);
        known.effective_at = known.effective_at.max(row.effective_at);
        known.expires_at = known.expires_at.max(row.expires_at);
    }
}
