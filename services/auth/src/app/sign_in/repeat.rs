//! A sign-in that is asked for again by its idempotency key (ID-5).

use std::time::Duration;

use identity::Context;
use uuid::Uuid;

use super::SignedIn;
use crate::app::App;
use crate::app::session::{Held, hold};
use crate::domain::account::Account;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store;
use crate::store::audit::{Action, Entry};

/// An account that is older than its session by no more than a transaction takes was made with it.
const MADE_TOGETHER: Duration = Duration::from_secs(5);

impl App {
    /// Answers a sign-in again with the session it began: nothing of its tokens was stored, so they are minted anew.
    /// The refresh token is the session's newest, as it was told before (AU-8).
    ///
    /// # Errors
    /// `TOKEN_REVOKED` when the session has ended meanwhile, `ACCOUNT_DISABLED`.
    pub(super) async fn repeat_sign_in(&self, ctx: &Context, session_id: Uuid) -> Result<SignedIn> {
        let mut tx = self.db.begin(ctx).await?;
        let account_id = store::session::account_of(&*tx, session_id).await?;
        let account_id = account_id.ok_or(Error::SessionOver)?;
        let Held {
            account,
            session,
            now,
        } = hold(&mut tx, account_id, session_id).await?;
        let newest = store::refresh_token::newest(&*tx, session_id).await?;
        let newest = newest.ok_or(Error::SessionOver)?;
        let mut jti = self.first_jti(session_id);
        for _ in 0..newest.generation {
            jti = self.successor_of(&jti);
        }
        let tokens = self
            .mint_pair(&*tx, &account, &session, (&newest, &jti), now)
            .await?;
        let profiles = store::profile::of_account(&*tx, account.id).await?;
        Entry::ok(Action::Login)
            .account(account.id)
            .session(session.id)
            .detail("repeated", "true")
            .write(&*tx, ctx)
            .await?;
        tx.commit().await?;
        metrics::login("repeated");
        Ok(SignedIn {
            is_new: made_with(&account, &session),
            account,
            session,
            profiles,
            tokens,
        })
    }
}

fn made_with(account: &Account, session: &Session) -> bool {
    session.created_at - account.created_at < MADE_TOGETHER
}
