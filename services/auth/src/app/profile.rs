//! The account's profiles: asked for, and kept as the profile service tells them (AU-12).

use ::store::Tx;
use contracts::auth::v1::ActiveProfileChanged;
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{
    GetProfileRequest, ListOwnProfilesRequest, Profile, ProfileDeleted, ProfilePrimaryChanged,
};
use events::Event;
use fault::{Fault, Reason};
use identity::Context;
use uuid::Uuid;

use super::App;
use super::token::{Access, Outdated};
use crate::domain::profile::OwnProfile;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::store;

impl App {
    /// Makes the caller's session act as another profile of the account; returns the profile whole.
    ///
    /// # Errors
    /// `FORBIDDEN` for a visible profile of another account, `NOT_FOUND` for others, and as [`App::act_as`].
    pub(crate) async fn switch_profile(
        &self,
        ctx: &Context,
        id: Uuid,
    ) -> Result<(Access, Profile)> {
        let caller = ctx.require_caller()?;
        let profile = self.own_profile(ctx, id).await?;
        let access = self.act_as(ctx, caller, id).await?;
        Ok((access, profile))
    }

    async fn own_profile(&self, ctx: &Context, id: Uuid) -> Result<Profile> {
        let id = id.to_string();
        let mut profiles = ProfileServiceClient::new(self.peers.call("profile", ctx));
        let own = profiles
            .list_own_profiles(ListOwnProfilesRequest::default())
            .await;
        let own = own.map_err(Fault::from)?.into_inner().items;
        if let Some(profile) = own.into_iter().find(|profile| profile.id == id) {
            return Ok(profile);
        }
        // Not the caller's: whether that is 403 or 404 depends on whether the caller may see it (CV-20).
        match profiles
            .get_profile(GetProfileRequest { id })
            .await
            .map_err(Fault::from)
        {
            Ok(_) => Err(Error::ForeignProfile),
            Err(fault) if fault.reason() == Reason::NotFound => Err(Error::NotFound("profile")),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Stores what the profile service tells of a live profile.
    pub(crate) async fn profile_told(
        &self,
        tx: &mut Tx,
        profile: &OwnProfile,
    ) -> fault::Result<()> {
        store::profile::put(&**tx, profile).await
    }

    /// Another profile is primary now. A profile that is not known yet makes the event come again later.
    pub(crate) async fn primary_changed(
        &self,
        tx: &mut Tx,
        change: &ProfilePrimaryChanged,
    ) -> fault::Result<()> {
        let mut known = true;
        if let Ok(previous) = change.previous_profile_id.parse() {
            known &= store::profile::set_primary(&**tx, previous, false, change.previous_version)
                .await?;
        }
        let primary = parse(&change.profile_id)?;
        known &= store::profile::set_primary(&**tx, primary, true, change.version).await?;
        if known {
            Ok(())
        } else {
            Err(Fault::unavailable(
                "a profile became primary that was not told yet",
            ))
        }
    }

    /// A profile is gone: tokens naming it are out of date, its sessions act as the primary one (AU-12).
    pub(crate) async fn profile_deleted(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        deleted: &ProfileDeleted,
    ) -> fault::Result<()> {
        let Some(profile) = &deleted.profile else {
            return Err(Fault::internal("ProfileDeleted without a profile"));
        };
        let (id, account_id) = (parse(&profile.profile_id)?, parse(&profile.account_id)?);
        // Before the clock is asked: no token can be minted between the two (AU-9).
        store::account::lock(&**tx, account_id).await?;
        let successor = deleted.new_primary_id.parse().ok();
        store::profile::bury(&**tx, account_id, id, profile.version, successor).await?;
        let now = store::clock(&**tx).await?;
        self.outdate_tokens(&**tx, account_id, Outdated::Profile(id), now)
            .await?;
        self.wake_feed_after(tx);
        if let Some(successor) = successor {
            // The successor's own end may have been told before this one.
            let heir = store::profile::heir(&**tx, successor).await?;
            let moved = store::session::move_all(&**tx, account_id, id, heir).await?;
            for session in &moved {
                tell_switched(tx, ctx, session).await?;
            }
        }
        Ok(())
    }
}

/// Tells that a session acts as another profile now.
pub(super) async fn tell_switched(
    tx: &mut Tx,
    ctx: &Context,
    session: &Session,
) -> fault::Result<()> {
    let changed = ActiveProfileChanged {
        account_id: session.account_id.to_string(),
        session_id: session.id.to_string(),
        profile_id: session.active_profile_id.to_string(),
    };
    events::publish(tx, ctx, Event::of(session.id, session.version, &changed)).await
}

/// Reads an id another service tells.
fn parse(id: &str) -> fault::Result<Uuid> {
    id.parse().map_err(Fault::internal)
}
