//! Which profile of an account is primary (PR-4, D1, D2, I-6).

use identity::Context;
use store::Tx;

use crate::domain::{Profile, Whole};
use crate::error::{Error, Result};
use crate::events::publish;
use crate::store as rows;

use super::{App, Target, foreign_or_unknown};

/// Moves the mark from one profile to another; the account is locked.
///
/// The old mark goes first: the index admits one at any moment.
pub(super) async fn move_mark(
    tx: &mut Tx,
    ctx: &Context,
    old: &Profile,
    new: &Profile,
) -> Result<(Profile, Profile)> {
    let now = identity::clock::now();
    let mut unmarked = Profile {
        is_primary: false,
        ..old.clone()
    };
    unmarked.touch(now);
    let old = rows::profile::update(tx, old.version, &unmarked).await?;
    let new = mark(tx, new).await?;
    publish::primary_changed(tx, ctx, &new, &old).await?;
    Ok((old, new))
}

/// Marks a profile of an account that has no primary one at this moment.
pub(super) async fn mark(tx: &mut Tx, profile: &Profile) -> Result<Profile> {
    let mut marked = Profile {
        is_primary: true,
        ..profile.clone()
    };
    marked.touch(identity::clock::now());
    rows::profile::update(tx, profile.version, &marked).await
}

impl App {
    /// Makes a finished profile the primary one.
    pub(crate) async fn set_primary(&self, ctx: &Context, target: Target) -> Result<Whole> {
        let caller = ctx.require_caller()?.clone();
        let id = target.resolve(ctx)?;
        let mut tx = self.db.begin(ctx).await?;
        let mut live = rows::profile::lock_account(&tx, caller.account_id).await?;
        live.retain(|profile| profile.deleted_at.is_none());
        let Some(chosen) = live.iter().find(|profile| profile.id == id) else {
            return Err(foreign_or_unknown(&mut tx, &ctx.viewer(), id).await?);
        };
        if chosen.is_draft() {
            return Err(Error::PrimaryDraft);
        }
        ctx.expected_version().admit(chosen.version)?;
        let chosen = match live.iter().find(|profile| profile.is_primary) {
            Some(primary) if primary.id == id => chosen.clone(),
            Some(primary) => move_mark(&mut tx, ctx, primary, chosen).await?.1,
            None => mark(&mut tx, chosen).await?,
        };
        let whole = rows::profile::whole_of(&*tx, chosen).await?;
        tx.commit().await?;
        Ok(whole)
    }
}
