//! The operations of the service: authorise, transact, publish.

mod account;
mod compare;
mod create;
mod delete;
mod ensure;
mod primary;
mod read;
mod update;

use contracts::Word;
use identity::{Context, Viewer};
use store::{Db, Tx};
use uuid::Uuid;

pub(crate) use account::{AccountChange, change_account, change_settings};
pub(crate) use compare::AccountFacts;
pub(crate) use create::Creation;
pub(crate) use ensure::ensure;
pub(crate) use read::Seen;

use crate::config::Config;
use crate::domain::{Change, Changes, Profile, username};
use crate::error::{Error, Result};
use crate::events::publish;
use crate::store as rows;

/// The operations over one database.
#[derive(Clone, Debug)]
pub(crate) struct App {
    db: Db,
    config: Config,
    /// Keys the hash by which a repeated POST is known.
    key: [u8; 32],
}

impl App {
    pub(crate) const fn new(db: Db, config: Config, key: [u8; 32]) -> Self {
        Self { db, config, key }
    }
}

/// Which profile a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one the caller acts as.
    Active,
    /// The one with this id.
    Id(Uuid),
}

impl Target {
    fn resolve(self, ctx: &Context) -> Result<Uuid> {
        match self {
            Self::Active => Ok(ctx.require_caller()?.profile_id),
            Self::Id(id) => Ok(id),
        }
    }
}

/// Locks a profile its caller may change. What the caller may not see does not
/// exist for it (CV-20).
async fn lock_own(tx: &mut Tx, ctx: &Context, target: Target) -> Result<Profile> {
    let caller = ctx.require_caller()?;
    let id = target.resolve(ctx)?;
    match rows::profile::lock(tx, id).await? {
        Some(profile) if profile.account_id == caller.account_id => Ok(profile),
        _ => Err(foreign_or_unknown(tx, &ctx.viewer(), id).await?),
    }
}

/// Returns why a profile that is not the caller's cannot be changed.
async fn foreign_or_unknown(tx: &mut Tx, viewer: &Viewer, id: Uuid) -> Result<Error> {
    let seen = rows::profile::page(&**tx, viewer, id).await?;
    Ok(seen.map_or(Error::NotFound, |_| Error::Foreign))
}

/// Refuses what no profile may be called by (PR-19).
fn check_username(changes: &Changes) -> Result<()> {
    match &changes.username {
        Change::Set(name) if username::is_reserved(name) => Err(Error::UsernameReserved),
        Change::Set(_) | Change::Clear | Change::Keep => Ok(()),
    }
}

/// Counts what is worth a number, once the transaction is committed (OB-3).
fn count_after_commit(tx: &mut Tx, metric: &'static str, profile: &Profile) {
    let kind = profile.kind.word().unwrap_or_default();
    tx.after_commit(move || metrics::counter!(metric, "type" => kind).increment(1));
}

/// Notes how complete a profile is, once the transaction is committed.
fn note_completion(tx: &mut Tx, profile: &Profile) {
    let completion = f64::from(profile.completion);
    tx.after_commit(move || metrics::histogram!("sf_profile_completion").record(completion));
}

/// Tells of a new profile.
async fn tell_created(tx: &mut Tx, ctx: &Context, profile: &Profile) -> Result<()> {
    count_after_commit(tx, "sf_profiles_created_total", profile);
    note_completion(tx, profile);
    Ok(publish::created(tx, ctx, profile).await?)
}

/// Tells that the wizard of a profile was finished.
async fn tell_completed(tx: &mut Tx, ctx: &Context, profile: &Profile) -> Result<()> {
    count_after_commit(tx, "sf_profiles_completed_total", profile);
    Ok(publish::completed(tx, ctx, profile).await?)
}
