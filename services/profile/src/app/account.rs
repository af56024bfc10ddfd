//! What an account's settings, suspension and end do to its profiles (VIS-1,
//! VIS-2, AU-13, AU-22).

use fault::Fault;
use identity::Context;
use store::Tx;
use uuid::Uuid;

use crate::domain::{AccountState, Profile, Settings};
use crate::error::Result;
use crate::events::publish;
use crate::store as rows;

use super::delete::erase;

/// A new state of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountChange {
    /// The account.
    pub(crate) account: Uuid,
    /// Its state from now on.
    pub(crate) state: AccountState,
    /// The version of the account; older ones are not applied.
    pub(crate) version: i32,
}

/// Applies the settings of an account to its profiles.
pub(crate) async fn change_settings(
    tx: &mut Tx,
    ctx: &Context,
    account: Uuid,
    settings: Settings,
) -> Result<()> {
    let live = live(lock_known(tx, account).await?);
    for mut whole in rows::profile::whole(&**tx, live).await? {
        let known = whole.private.settings;
        if known.version >= settings.version {
            continue;
        }
        whole.private.settings = Settings {
            account_version: known.account_version,
            ..settings
        };
        rows::profile::update_private(tx, whole.profile.id, &whole.private).await?;
        let before = whole.profile.effective_visibility;
        whole.profile.show_to(whole.profile.visibility, &settings);
        if whole.profile.effective_visibility != before {
            let read = whole.profile.version;
            whole.profile.touch(identity::clock::now());
            let profile = rows::profile::update(tx, read, &whole.profile).await?;
            publish::visibility_changed(tx, ctx, &profile).await?;
        }
    }
    Ok(())
}

/// Applies a new state of an account to its profiles; the end of an account ends them all.
pub(crate) async fn change_account(
    tx: &mut Tx,
    ctx: &Context,
    change: AccountChange,
) -> Result<()> {
    if change.state == AccountState::Deleted {
        return end_account(tx, ctx, change.account).await;
    }
    let live = live(lock_known(tx, change.account).await?);
    for mut whole in rows::profile::whole(&**tx, live).await? {
        if whole.private.settings.account_version >= change.version {
            continue;
        }
        whole.private.settings.account_version = change.version;
        rows::profile::update_private(tx, whole.profile.id, &whole.private).await?;
        let profile = Profile {
            account_state: change.state,
            ..whole.profile
        };
        rows::profile::update(tx, profile.version, &profile).await?;
    }
    Ok(())
}

async fn end_account(tx: &mut Tx, ctx: &Context, account: Uuid) -> Result<()> {
    let profiles = lock_known(tx, account).await?;
    rows::relation::unrelate(tx, account).await?;
    for profile in profiles {
        let lives = profile.deleted_at.is_none();
        let profile = Profile {
            account_state: AccountState::Deleted,
            ..profile
        };
        if lives {
            let profile = erase(tx, profile).await?;
            publish::deleted(tx, ctx, &profile, None).await?;
        } else {
            rows::profile::update(tx, profile.version, &profile).await?;
        }
    }
    Ok(())
}

/// Returns what the account has and had, locked.
///
/// Every account has a profile from its first event on. One without is told of later, and so is this, or else the first
/// profile would come to life after its account has ended.
async fn lock_known(tx: &mut Tx, account: Uuid) -> Result<Vec<Profile>> {
    let profiles = rows::profile::lock_account(tx, account).await?;
    if profiles.is_empty() {
        return Err(Fault::unavailable("an event of an account that was not told yet").into());
    }
    Ok(profiles)
}

fn live(mut profiles: Vec<Profile>) -> Vec<Profile> {
    profiles.retain(|profile| profile.deleted_at.is_none());
    profiles
}
