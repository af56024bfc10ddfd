//! Reading profiles, each as far as its viewer may (VIS-1, PR-11).

use std::collections::{HashMap, HashSet};

use fault::Fault;
use identity::{Context, Viewer};
use uuid::Uuid;

use crate::domain::{Profile, Sight, Whole};
use crate::error::{Error, Result};
use crate::store as rows;

use super::{App, Target};

/// Versions listed at once, as the contract says.
const VERSIONS: usize = 500;

/// A profile and how its viewer stands to it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The profile.
    pub(crate) whole: Whole,
    /// How much of it is shown.
    pub(crate) sight: Sight,
    /// Whether viewer and profile are connected; nothing when nobody looks.
    pub(crate) connected: Option<bool>,
}

impl App {
    /// Returns the caller's profiles with drafts, primary first, then oldest.
    pub(crate) async fn own(&self, ctx: &Context) -> Result<Vec<Whole>> {
        let account = ctx.require_caller()?.account_id;
        let db = self.db.connection();
        let profiles = rows::profile::of_account(db, account).await?;
        Ok(rows::profile::whole(db, profiles).await?)
    }

    /// Returns a profile whose page the caller may see.
    pub(crate) async fn get(&self, ctx: &Context, target: Target) -> Result<Seen> {
        let id = target.resolve(ctx)?;
        let viewer = ctx.viewer();
        let page = rows::profile::page(self.db.connection(), &viewer, id).await?;
        let seen = self
            .see(&viewer, vec![page.ok_or(Error::NotFound)?])
            .await?
            .pop();
        seen.ok_or_else(|| Fault::internal("a profile without itself").into())
    }

    /// Returns the profiles of an account whose pages the caller may see.
    pub(crate) async fn of_user(&self, ctx: &Context, account: Uuid) -> Result<Vec<Seen>> {
        let viewer = ctx.viewer();
        let pages = rows::profile::pages_of(self.db.connection(), &viewer, account).await?;
        self.see(&viewer, pages).await
    }

    async fn see(&self, viewer: &Viewer, profiles: Vec<Profile>) -> Result<Vec<Seen>> {
        let db = self.db.connection();
        let foreign = profiles
            .iter()
            .filter(|profile| Some(profile.account_id) != viewer.account_id);
        let ids: Vec<_> = foreign.map(|profile| profile.id).collect();
        let connected = match viewer.profile_id {
            Some(profile) if !ids.is_empty() => {
                rows::relation::connected_among(db, profile, &ids).await?
            }
            _ => HashSet::new(),
        };
        let wholes = rows::profile::whole(db, profiles).await?;
        Ok(wholes
            .into_iter()
            .map(|whole| seen(whole, viewer, &connected))
            .collect())
    }

    /// Returns the live profiles of an account, primary first, then oldest.
    pub(crate) async fn of_account(&self, account: Uuid) -> Result<Vec<Profile>> {
        Ok(rows::profile::of_account(self.db.connection(), account).await?)
    }

    /// Returns the profiles whose card a viewer may see, in the order asked for.
    pub(crate) async fn cards(&self, viewer: &Viewer, ids: &[Uuid]) -> Result<Vec<Profile>> {
        let found = rows::profile::cards_among(self.db.connection(), viewer, ids).await?;
        Ok(in_order(ids, found))
    }

    /// Returns the profiles that exist or existed, in the order asked for.
    pub(crate) async fn known(&self, ids: &[Uuid]) -> Result<Vec<Profile>> {
        let found = rows::profile::known(self.db.connection(), ids).await?;
        Ok(in_order(ids, found))
    }

    /// Returns the next profiles that exist or existed with their versions, in the order of their ids, and whether there
    /// are more (PJ-5).
    pub(crate) async fn versions(&self, after: Uuid) -> Result<(Vec<(Uuid, i32)>, bool)> {
        let db = self.db.connection();
        let mut found = rows::profile::versions(db, after, VERSIONS as u64 + 1).await?;
        let more = found.len() > VERSIONS;
        found.truncate(VERSIONS);
        Ok((found, more))
    }
}

fn seen(whole: Whole, viewer: &Viewer, connected: &HashSet<Uuid>) -> Seen {
    let is_connected = connected.contains(&whole.profile.id);
    let sight = if Some(whole.profile.account_id) == viewer.account_id {
        Sight::Owner
    } else {
        Sight::of_other(is_connected, whole.private.settings.contact_visibility)
    };
    Seen {
        whole,
        sight,
        connected: viewer.account_id.map(|_| is_connected),
    }
}

/// Puts profiles in the order of their ids, each once.
fn in_order(ids: &[Uuid], found: Vec<Profile>) -> Vec<Profile> {
    let mut found: HashMap<_, _> = found
        .into_iter()
        .map(|profile| (profile.id, profile))
        .collect();
    ids.iter().filter_map(|id| found.remove(id)).collect()
}
