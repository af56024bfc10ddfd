//! Signing in and signing up: one flow (AU-1, AU-6).

mod repeat;

use std::time::Duration;

use ::store::Tx;
use ::store::idempotency::SignIn;
use contracts::auth::v1::{AccountCreated, AccountLoggedIn};
use contracts::profile::v1::EnsureProfileRequest;
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use events::Event;
use fault::Fault;
use identity::{Context, Role};
use time::OffsetDateTime;
use uuid::Uuid;

use super::App;
use super::token::{Outdated, Pair};
use crate::domain::account::{Account, first_display_name};
use crate::domain::code::Code;
use crate::domain::profile::{OwnProfile, acting};
use crate::domain::session::{RefreshToken, Session, slide};
use crate::error::{Error, Result};
use crate::metrics;
use crate::store;
use crate::store::audit::{Action, Entry};

/// The most time sign-in spends on having the first profile made (AU-6).
const ENSURE_PROFILE: Duration = Duration::from_secs(2);

/// A session that just began.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    pub(crate) session: Session,
    pub(crate) profiles: Vec<OwnProfile>,
    pub(crate) is_new: bool,
    pub(crate) tokens: Pair,
}

impl App {
    /// Redeems a code and begins a session; makes the account if the address has none. Asked for again by its
    /// idempotency key, it goes on with the session it began (ID-5).
    ///
    /// # Errors
    /// As [`App::redeem_code`]; `ACCOUNT_DISABLED` for a suspended account, whose code is then used up.
    pub(crate) async fn sign_in(
        &self,
        ctx: &Context,
        email: &str,
        code: &Code,
        device_name: Option<String>,
    ) -> Result<SignedIn> {
        let mut signed_in = match SignIn::repeated(ctx) {
            Some(session_id) => self.repeat_sign_in(ctx, session_id).await?,
            None => {
                // The code is used up before anything is made (C4).
                self.redeem_code(ctx, email, code).await?;
                self.begin_session(ctx, email, device_name).await?
            }
        };
        if signed_in.profiles.is_empty() {
            signed_in.profiles = vec![self.ensure_profile(ctx, &signed_in.account).await];
        }
        Ok(signed_in)
    }

    async fn begin_session(
        &self,
        ctx: &Context,
        email: &str,
        device_name: Option<String>,
    ) -> Result<SignedIn> {
        let mut tx = self.db.begin(ctx).await?;
        let (mut account, is_new) = store::account::ensure(&*tx, email).await?;
        Entry::ok(Action::OtpVerified)
            .account(account.id)
            .email(self.address_hash(email))
            .write(&*tx, ctx)
            .await?;
        if !account.is_active {
            return self.turn_away(tx, ctx, &account).await;
        }
        let now = store::clock(&*tx).await?;
        // Whoever never signed in has no devices, so that none of them is new.
        let first = account.last_login_at.is_none();
        store::account::note_login(&*tx, &mut account, now).await?;
        if is_new {
            store::settings::ensure(&*tx, account.id).await?;
            tell_created(&mut tx, ctx, &account).await?;
        }
        self.promote(&mut tx, ctx, &mut account, now).await?;
        let profiles = store::profile::of_account(&*tx, account.id).await?;
        let seen = first
            || store::session::seen_before(&*tx, account.id, ctx.user_agent(), ctx.ip()).await?;
        let profile_id = acting(&profiles, &account);
        let session = self.new_session(ctx, &account, profile_id, device_name, now);
        let tokens = self.open_session(&mut tx, &account, &session, now).await?;
        tell_login(&mut tx, ctx, &account, &session, !seen).await?;
        SignIn::note(ctx, &*tx, session.id).await?;
        tx.commit().await?;
        metrics::login("ok");
        if is_new {
            metrics::registered();
        }
        Ok(SignedIn {
            account,
            session,
            profiles,
            is_new,
            tokens,
        })
    }

    /// Notes that somebody suspended had a right code, and says so (AU-11).
    async fn turn_away(&self, tx: Tx, ctx: &Context, account: &Account) -> Result<SignedIn> {
        Entry::new(Action::Login, "disabled")
            .account(account.id)
            .write(&*tx, ctx)
            .await?;
        tx.commit().await?;
        metrics::login("disabled");
        Err(Error::Disabled)
    }

    /// Gives the role admin to the addresses that are configured to have it (AU-23).
    async fn promote(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        account: &mut Account,
        now: OffsetDateTime,
    ) -> Result<()> {
        let admins = &self.config.admin_emails;
        let listed = admins
            .iter()
            .any(|admin| admin.trim().to_lowercase() == account.email);
        if !listed || account.role == Role::Admin {
            return Ok(());
        }
        let before = account.role;
        store::account::set_role(&**tx, account, Role::Admin).await?;
        self.outdate_tokens(&**tx, account.id, Outdated::Role, now)
            .await?;
        Entry::ok(Action::RoleChanged)
            .account(account.id)
            .detail("from", before.word())
            .write(&**tx, ctx)
            .await?;
        let changed = contracts::auth::v1::AccountRoleChanged {
            account_id: account.id.to_string(),
            role: account.role.word().to_owned(),
            version: account.version,
        };
        events::publish(tx, ctx, Event::of(account.id, account.version, &changed)).await?;
        Ok(())
    }

    fn new_session(
        &self,
        ctx: &Context,
        account: &Account,
        active_profile_id: Uuid,
        device_name: Option<String>,
        now: OffsetDateTime,
    ) -> Session {
        let lifetimes = &self.config.lifetimes;
        let absolute_expires_at = now + lifetimes.absolute();
        Session {
            id: Uuid::now_v7(),
            account_id: account.id,
            active_profile_id,
            device_name: device_name.filter(|name| !name.is_empty()),
            user_agent: ctx.user_agent().map(str::to_owned),
            ip: ctx.ip(),
            created_at: now,
            last_activity_at: now,
            expires_at: slide(now, lifetimes.refresh(), absolute_expires_at),
            absolute_expires_at,
            revoked_at: None,
            version: 1,
        }
    }

    async fn open_session(
        &self,
        tx: &mut Tx,
        account: &Account,
        session: &Session,
        now: OffsetDateTime,
    ) -> Result<Pair> {
        let refresh = RefreshToken {
            id: Uuid::now_v7(),
            generation: 0,
            issued_at: now,
            expires_at: session.expires_at,
        };
        let jti = self.first_jti(session.id);
        store::session::insert(&**tx, session).await?;
        store::refresh_token::insert(&**tx, session.id, None, &jti, &refresh).await?;
        self.mint_pair(&**tx, account, session, (&refresh, &jti), now)
            .await
    }

    /// Has the first profile made. Sign-in does not fail with it: the profile's facts are known beforehand,
    /// and `AccountCreated` or the next sign-in repairs what was missed (AU-6, C5).
    async fn ensure_profile(&self, ctx: &Context, account: &Account) -> OwnProfile {
        match self
            .call_ensure_profile(&ctx.within(ENSURE_PROFILE), account)
            .await
        {
            Ok(profile) => profile,
            Err(error) => {
                tracing::warn!(%error, account = %account.id, "the first profile could not be ensured");
                OwnProfile::placeholder(account)
            }
        }
    }

    async fn call_ensure_profile(
        &self,
        ctx: &Context,
        account: &Account,
    ) -> fault::Result<OwnProfile> {
        let mut profiles = ProfileServiceClient::new(self.peers.call("profile", ctx));
        let request = EnsureProfileRequest {
            account_id: account.id.to_string(),
            profile_id: account.initial_profile_id.to_string(),
            display_name: first_display_name(&account.email),
        };
        let reply = profiles.ensure_profile(request).await?.into_inner();
        let told = reply.profile.and_then(|told| {
            OwnProfile::told(told.profile.as_ref()?, &told.summary.unwrap_or_default())
        });
        let profile = told
            .filter(|profile| profile.account_id == account.id)
            .ok_or_else(|| {
                Fault::internal("EnsureProfile answered without a profile of the account")
            })?;
        // What the event will tell too, but now, so that the next call knows it.
        store::profile::put(self.db.connection(), &profile).await?;
        Ok(profile)
    }
}

async fn tell_created(tx: &mut Tx, ctx: &Context, account: &Account) -> Result<()> {
    let created = AccountCreated {
        account_id: account.id.to_string(),
        initial_profile_id: account.initial_profile_id.to_string(),
        display_name: first_display_name(&account.email),
    };
    events::publish(tx, ctx, Event::of(account.id, account.version, &created)).await?;
    Ok(())
}

async fn tell_login(
    tx: &mut Tx,
    ctx: &Context,
    account: &Account,
    session: &Session,
    new_device: bool,
) -> Result<()> {
    Entry::ok(Action::Login)
        .account(account.id)
        .session(session.id)
        .write(&**tx, ctx)
        .await?;
    let login = AccountLoggedIn {
        account_id: account.id.to_string(),
        session_id: session.id.to_string(),
        new_device,
    };
    events::publish(tx, ctx, Event::of(account.id, account.version, &login)).await?;
    Ok(())
}
