//! The first profile of an account (AU-6, C5).

use identity::Context;
use store::Tx;
use uuid::Uuid;

use crate::domain::{AccountState, Profile, Whole};
use crate::error::{Error, Result};
use crate::store as rows;

use super::{App, tell_created};

/// Makes the account's first profile unless the account has one. Returns the
/// profile of that id, else the primary one, and whether it was made here.
pub(crate) async fn ensure(
    tx: &mut Tx,
    ctx: &Context,
    account: Uuid,
    id: Uuid,
    name: &str,
) -> Result<(Profile, bool)> {
    let had = rows::profile::lock_account(tx, account).await?;
    if had
        .iter()
        .any(|profile| profile.account_state == AccountState::Deleted)
    {
        return Err(Error::NotFound);
    }
    let mut live = had
        .into_iter()
        .filter(|profile| profile.deleted_at.is_none())
        .collect::<Vec<_>>();
    live.sort_by_key(|profile| (profile.id != id, !profile.is_primary));
    if let Some(profile) = live.into_iter().next() {
        return Ok((profile, false));
    }
    let name = if name.trim().is_empty() {
        "New member"
    } else {
        name
    };
    let whole = Whole::placeholder(id, account, name, identity::clock::now());
    let profile = rows::profile::insert(tx, &whole).await?.profile;
    tell_created(tx, ctx, &profile).await?;
    Ok((profile, true))
}

impl App {
    /// Makes the account's first profile unless the account has one.
    pub(crate) async fn ensure(
        &self,
        ctx: &Context,
        account: Uuid,
        id: Uuid,
        name: &str,
    ) -> Result<(Profile, bool)> {
        let mut tx = self.db.begin(ctx).await?;
        let ensured = ensure(&mut tx, ctx, account, id, name).await?;
        tx.commit().await?;
        Ok(ensured)
    }
}
