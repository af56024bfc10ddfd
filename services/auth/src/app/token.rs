//! Minting tokens, always in the transaction that makes them true.

use identity::access::{AccessGrant, RefreshGrant};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;
use uuid::Uuid;

use super::App;
use crate::domain::account::Account;
use crate::domain::revocation::{self, Kind};
use crate::domain::session::{RefreshToken, Session, first_jti, successor_jti};
use crate::error::Result;
use crate::store;

/// An access token and how long it lives, in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) token: String,
    pub(crate) expires_in: i32,
}

/// An access token with the refresh token that gets the next one.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: Access,
    pub(crate) refresh_token: String,
    pub(crate) refresh_expires_in: i32,
}

/// Which tokens of an account are out of date.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outdated {
    /// All: they say the old role.
    Role,
    /// Those naming this profile.
    Profile(Uuid),
}

impl App {
    /// How long revocations are remembered.
    pub(crate) fn revocation_memory(&self) -> time::Duration {
        revocation::memory(self.config.lifetimes.access())
    }

    /// Mints an access token for a session as it is in this transaction, which holds the account's lock.
    pub(crate) async fn mint_access(
        &self,
        db: &impl ConnectionTrait,
        account: &Account,
        session: &Session,
        now: OffsetDateTime,
    ) -> Result<Access> {
        let profile_id = session.active_profile_id;
        let memory = self.revocation_memory();
        let newest =
            store::revocation::newest_hitting(db, account.id, profile_id, now, memory).await?;
        let grant = AccessGrant {
            account_id: account.id,
            email: &account.email,
            profile_id,
            session_id: session.id,
            role: account.role,
        };
        let lifetime = self.config.lifetimes.access();
        let issued_at = revocation::issue_second(now, newest);
        Ok(Access {
            token: self.signer.access(&grant, issued_at, lifetime)?,
            expires_in: seconds(lifetime.as_secs()),
        })
    }

    /// Mints both tokens.
    pub(crate) async fn mint_pair(
        &self,
        db: &impl ConnectionTrait,
        account: &Account,
        session: &Session,
        (refresh, jti): (&RefreshToken, &str),
        now: OffsetDateTime,
    ) -> Result<Pair> {
        let grant = RefreshGrant {
            account_id: account.id,
            session_id: session.id,
            jti,
            issued_at: refresh.issued_at.unix_timestamp(),
            expires_at: refresh.expires_at.unix_timestamp(),
        };
        let left = grant.expires_at - now.unix_timestamp();
        Ok(Pair {
            access: self.mint_access(db, account, session, now).await?,
            refresh_token: self.signer.refresh(&grant)?,
            refresh_expires_in: seconds(u64::try_from(left).unwrap_or(0)),
        })
    }

    /// Puts every token of an account, or those naming one profile of it, out of date in the transaction that
    /// holds the account's lock (AU-9).
    pub(crate) async fn outdate_tokens(
        &self,
        db: &impl ConnectionTrait,
        account_id: Uuid,
        scope: Outdated,
        now: OffsetDateTime,
    ) -> fault::Result<()> {
        let memory = self.revocation_memory();
        let (kind, subject, profile_id) = match scope {
            Outdated::Role => (Kind::Role, account_id, Uuid::nil()),
            Outdated::Profile(id) => (Kind::Profile, id, id),
        };
        let newest =
            store::revocation::newest_hitting(db, account_id, profile_id, now, memory).await?;
        let effective = revocation::effective_at(now, newest);
        store::revocation::insert(db, kind, &[subject], effective, memory).await
    }

    /// The id of a session's first refresh token: an HMAC of the session's id, whose randomness is the operating
    /// system's (C1), so that it can be told again without having been stored (ID-5).
    pub(crate) fn first_jti(&self, session_id: Uuid) -> String {
        first_jti(&self.secrets.refresh, session_id)
    }

    /// The id of the token that succeeds the one of this id.
    pub(crate) fn successor_of(&self, jti: &str) -> String {
        successor_jti(&self.secrets.refresh, jti)
    }
}

fn seconds(seconds: u64) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
