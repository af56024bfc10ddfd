//! Sessions: refreshed, listed, ended (AU-8..AU-12).

use ::store::Tx;
use contracts::auth::v1::{SessionRevoked, SessionState};
use events::Event;
use fault::Reason;
use identity::access::Refused;
use identity::{Caller, Context};
use time::OffsetDateTime;
use uuid::Uuid;

use super::App;
use super::token::{Access, Pair};
use crate::domain::account::Account;
use crate::domain::revocation::Kind;
use crate::domain::session::{EndReason, Presented, RefreshToken, Session, judge, slide};
use crate::error::{Error, Result};
use crate::metrics;
use crate::store;
use crate::store::audit::{Action, Entry};

/// A session that goes on.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) active_profile_id: Uuid,
    pub(crate) tokens: Pair,
}

/// A session whose account and own rows are held by the transaction.
pub(super) struct Held {
    pub(super) account: Account,
    pub(super) session: Session,
    pub(super) now: OffsetDateTime,
}

impl App {
    /// Exchanges a refresh token for the next pair (AU-8).
    ///
    /// # Errors
    /// `UNAUTHORIZED` for a token that is not ours, `TOKEN_EXPIRED` past its time, `TOKEN_REVOKED` when the
    /// session ended or the token is outdated, which ends the session, `ACCOUNT_DISABLED`.
    pub(crate) async fn refresh(&self, ctx: &Context, token: &str) -> Result<Refreshed> {
        let outcome = self.try_refresh(ctx, token).await;
        if outcome.is_err() {
            metrics::refresh("refused");
        }
        outcome
    }

    async fn try_refresh(&self, ctx: &Context, token: &str) -> Result<Refreshed> {
        let claims = self
            .signer
            .verify_refresh(token)
            .map_err(|refused| match refused {
                Refused::Expired => Error::SessionExpired,
                Refused::UnknownKey | Refused::Invalid => Error::Fault(refused.into()),
            })?;
        let mut tx = self.db.begin(ctx).await?;
        let mut held = hold(&mut tx, claims.sub, claims.sid).await?;
        let session_id = held.session.id;
        let presented = store::refresh_token::find(&*tx, session_id, &claims.jti).await?;
        let newest = store::refresh_token::newest(&*tx, session_id).await?;
        let (Some(presented), Some(newest)) = (presented, newest) else {
            return Err(Error::SessionOver);
        };
        let jti = self.successor_of(&claims.jti);
        let (successor, outcome) = match judge(presented.generation, newest.generation) {
            Presented::Newest => {
                let successor = self
                    .rotate(&mut tx, ctx, &mut held, &presented, &jti)
                    .await?;
                (successor, "rotated")
            }
            Presented::Parent => (newest, "repeated"),
            Presented::Outdated => return self.reused(tx, ctx, held, presented.generation).await,
        };
        let Held {
            account,
            session,
            now,
        } = held;
        let tokens = self
            .mint_pair(&*tx, &account, &session, (&successor, &jti), now)
            .await?;
        tx.commit().await?;
        metrics::refresh(outcome);
        Ok(Refreshed {
            active_profile_id: session.active_profile_id,
            tokens,
        })
    }

    async fn rotate(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        held: &mut Held,
        presented: &RefreshToken,
        jti: &str,
    ) -> Result<RefreshToken> {
        let Held {
            account,
            session,
            now,
        } = held;
        session.expires_at = slide(
            *now,
            self.config.lifetimes.refresh(),
            session.absolute_expires_at,
        );
        let successor = RefreshToken {
            id: Uuid::now_v7(),
            generation: presented.generation + 1,
            issued_at: *now,
            expires_at: session.expires_at,
        };
        store::refresh_token::insert(&**tx, session.id, Some(presented.id), jti, &successor)
            .await?;
        store::refresh_token::stamp(&**tx, presented.id, *now).await?;
        store::session::refreshed(&**tx, session.id, *now, session.expires_at).await?;
        Entry::ok(Action::Refresh)
            .account(account.id)
            .session(session.id)
            .write(&**tx, ctx)
            .await?;
        Ok(successor)
    }

    /// Somebody holds a copy of the session's tokens: nobody may use it any more.
    async fn reused(
        &self,
        mut tx: Tx,
        ctx: &Context,
        held: Held,
        generation: i32,
    ) -> Result<Refreshed> {
        let Held {
            account,
            session,
            now,
        } = held;
        self.end_sessions(
            &mut tx,
            ctx,
            account.id,
            Some(session.id),
            EndReason::RefreshReuse,
            now,
        )
        .await?;
        Entry::new(Action::RefreshReuse, "refused")
            .account(account.id)
            .session(session.id)
            .detail("generation", generation.to_string())
            .write(&*tx, ctx)
            .await?;
        tx.commit().await?;
        self.announce_revocations().await;
        metrics::refresh("reused");
        Err(Error::SessionOver)
    }

    /// Ends the caller's session, or all sessions of the account; returns how many ended.
    ///
    /// # Errors
    /// Only those of the database.
    pub(crate) async fn logout(
        &self,
        ctx: &Context,
        caller: &Caller,
        only_current: bool,
    ) -> Result<usize> {
        let only = only_current.then_some(caller.session_id);
        let mut tx = self.db.begin(ctx).await?;
        store::account::lock(&*tx, caller.account_id).await?;
        let now = store::clock(&*tx).await?;
        let ended = self
            .end_sessions(
                &mut tx,
                ctx,
                caller.account_id,
                only,
                EndReason::Logout,
                now,
            )
            .await?;
        Entry::ok(Action::Logout)
            .account(caller.account_id)
            .session(caller.session_id)
            .detail("sessions", ended.to_string())
            .write(&*tx, ctx)
            .await?;
        tx.commit().await?;
        self.announce_revocations().await;
        Ok(ended)
    }

    /// Lists the live sessions of the account, last used first.
    pub(crate) async fn sessions(&self, caller: &Caller) -> Result<Vec<Session>> {
        Ok(store::session::live(self.db.connection(), caller.account_id).await?)
    }

    /// Ends one session of the account; one that has ended already stays so.
    ///
    /// # Errors
    /// `NOT_FOUND` when the account has no such session.
    pub(crate) async fn end_session(&self, ctx: &Context, caller: &Caller, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin(ctx).await?;
        store::account::lock(&*tx, caller.account_id).await?;
        if store::session::find(&*tx, caller.account_id, id)
            .await?
            .is_none()
        {
            return Err(Error::NotFound("session"));
        }
        let now = store::clock(&*tx).await?;
        let ended = self
            .end_sessions(
                &mut tx,
                ctx,
                caller.account_id,
                Some(id),
                EndReason::Revoked,
                now,
            )
            .await?;
        if ended > 0 {
            Entry::ok(Action::SessionRevoked)
                .account(caller.account_id)
                .session(id)
                .write(&*tx, ctx)
                .await?;
        }
        tx.commit().await?;
        self.announce_revocations().await;
        Ok(())
    }

    /// Makes the session act as a profile that is known to be the account's, and mints a token naming it.
    /// Older tokens keep naming the profile before it (AU-12).
    ///
    /// # Errors
    /// `TOKEN_REVOKED` when the session ended, `TOKEN_EXPIRED` past its time, `ACCOUNT_DISABLED`, and
    /// `NOT_FOUND` when the profile was deleted meanwhile.
    pub(crate) async fn act_as(
        &self,
        ctx: &Context,
        caller: &Caller,
        profile_id: Uuid,
    ) -> Result<Access> {
        let mut tx = self.db.begin(ctx).await?;
        let Held {
            account,
            session,
            now,
        } = hold(&mut tx, caller.account_id, caller.session_id).await?;
        if store::profile::known(&*tx, account.id, profile_id).await?
            == store::profile::Known::Deleted
        {
            return Err(Error::NotFound("profile"));
        }
        let switched =
            store::session::switch(&*tx, account.id, session.id, profile_id, now).await?;
        let switched = switched.ok_or(Error::SessionOver)?;
        if session.active_profile_id != profile_id {
            Entry::ok(Action::ProfileSwitched)
                .account(account.id)
                .session(session.id)
                .detail("profileId", profile_id.to_string())
                .write(&*tx, ctx)
                .await?;
            super::profile::tell_switched(&mut tx, ctx, &switched).await?;
        }
        let access = self.mint_access(&*tx, &account, &switched, now).await?;
        tx.commit().await?;
        Ok(access)
    }

    /// Says whether a token of a session may be used now.
    pub(crate) async fn check(&self, caller: &Caller, issued_at: i64) -> Result<SessionState> {
        let db = self.db.connection();
        let Some(account) = store::account::find(db, caller.account_id).await? else {
            return Ok(SessionState::Revoked);
        };
        if !account.is_active {
            return Ok(SessionState::Disabled);
        }
        let now = store::clock(db).await?;
        let session = store::session::find(db, account.id, caller.session_id).await?;
        if !session.is_some_and(|session| session.is_live(now)) {
            return Ok(SessionState::Revoked);
        }
        let profile_id = caller.profile_id;
        if store::revocation::outdated(db, account.id, profile_id, issued_at).await? {
            return Ok(SessionState::Stale);
        }
        self.touch(caller.account_id, caller.session_id).await?;
        Ok(SessionState::Active)
    }

    /// Notes that a session is in use, at most once a minute (AU-10). Nothing fails with it.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`: what comes next would wait for the database as long and in vain (T46).
    pub(crate) async fn touch(&self, account_id: Uuid, session_id: Uuid) -> Result<()> {
        if !self.active.entry(session_id).or_insert(()).await.is_fresh() {
            return Ok(());
        }
        let touched = store::session::touch(self.db.connection(), account_id, session_id).await;
        let Err(error) = touched else { return Ok(()) };
        self.active.invalidate(&session_id).await;
        if error.reason() == Reason::ServiceUnavailable {
            return Err(error.into());
        }
        tracing::warn!(%error, "the last use of a session could not be noted");
        Ok(())
    }

    /// Ends sessions with everything that follows from it, in the transaction that holds the account's lock.
    async fn end_sessions(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        account_id: Uuid,
        only: Option<Uuid>,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<usize> {
        let ended = store::session::end(&**tx, account_id, only, reason, now).await?;
        let ids: Vec<Uuid> = ended.iter().map(|session| session.id).collect();
        let memory = self.revocation_memory();
        store::revocation::insert(&**tx, Kind::Session, &ids, now, memory).await?;
        for session in &ended {
            let revoked = SessionRevoked {
                account_id: account_id.to_string(),
                session_id: session.id.to_string(),
                reason: reason.word().to_owned(),
            };
            events::publish(tx, ctx, Event::of(session.id, session.version, &revoked)).await?;
        }
        self.wake_feed_after(tx);
        Ok(ended.len())
    }
}

/// Takes the locks of an account and its session, in this order everywhere, and refuses what cannot go on.
pub(super) async fn hold(tx: &mut Tx, account_id: Uuid, session_id: Uuid) -> Result<Held> {
    // Shared: sessions of one account go on side by side, but none while account or profiles change.
    let account = store::account::lock_shared(&**tx, account_id).await?;
    let account = account.ok_or(Error::SessionOver)?;
    if !account.is_active {
        return Err(Error::Disabled);
    }
    let session = store::session::lock(&**tx, account_id, session_id).await?;
    let session = session.ok_or(Error::SessionOver)?;
    let now = store::clock(&**tx).await?;
    if session.revoked_at.is_some() {
        return Err(Error::SessionOver);
    }
    if !session.is_live(now) {
        return Err(Error::SessionExpired);
    }
    Ok(Held {
        account,
        session,
        now,
    })
}
