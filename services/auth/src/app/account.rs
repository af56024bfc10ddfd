//! The caller's own account (AU-21).

use identity::{Caller, Context};
use uuid::Uuid;

use super::App;
use crate::domain::account::{Account, Reference};
use crate::domain::profile::OwnProfile;
use crate::error::{Error, Result};
use crate::store;

/// Accounts listed at once, as the contract says.
const REFERENCES: usize = 500;

/// The caller's account and profiles.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) account: Account,
    pub(crate) profiles: Vec<OwnProfile>,
    pub(crate) active_profile_id: Uuid,
}

impl App {
    /// Returns the next accounts that exist or existed, in the order of their ids, and whether there are more (PJ-5).
    pub(crate) async fn account_refs(&self, after: Uuid) -> Result<(Vec<Reference>, bool)> {
        let db = self.db.connection();
        let mut found = store::account::references(db, after, REFERENCES as u64 + 1).await?;
        let more = found.len() > REFERENCES;
        found.truncate(REFERENCES);
        Ok((found, more))
    }

    /// Returns the caller's account and profiles.
    ///
    /// # Errors
    /// `TOKEN_REVOKED` when the account is gone, `ACCOUNT_DISABLED` while it is suspended.
    pub(crate) async fn me(&self, caller: &Caller) -> Result<Me> {
        let db = self.db.connection();
        let account = store::account::find(db, caller.account_id).await?;
        let account = account.ok_or(Error::SessionOver)?;
        if !account.is_active {
            return Err(Error::Disabled);
        }
        let mut profiles = store::profile::of_account(db, account.id).await?;
        if profiles.is_empty() {
            // Nothing was told yet; the facts are known beforehand (AU-6).
            profiles.push(OwnProfile::placeholder(&account));
        }
        Ok(Me {
            account,
            profiles,
            active_profile_id: caller.profile_id,
        })
    }

    /// Notes that the profile wizard is done with.
    pub(crate) async fn complete_wizard(&self, ctx: &Context, account_id: Uuid) -> Result<()> {
        let tx = self.db.begin(ctx).await?;
        store::account::end_first_login(&*tx, account_id).await?;
        Ok(tx.commit().await?)
    }
}
