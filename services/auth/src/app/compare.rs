//! The account's profiles compared with the profile service, every night (PJ-5).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use ::events::projections::{Compared, Comparison, Difference, Kept, Versions};
use chassis::async_trait;
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{
    AccountProfile, ListAccountProfilesRequest, ProfileDeleted, ProfileRef, ProfileState,
};
use fault::{Fault, Result};
use identity::Context;
use uuid::Uuid;

use super::App;
use crate::domain::profile::OwnProfile;
use crate::store;

/// `account_profiles`, by the versions of the facts and of the mark.
#[derive(Debug)]
pub(crate) struct AccountProfiles(pub(crate) Arc<App>);

#[async_trait]
impl Compared for AccountProfiles {
    fn name(&self) -> &'static str {
        "account_profiles"
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let kept = store::profile::versions(at, after).await?;
        let page = at.profiles(ctx, after, &kept).await?;
        let ids = page.wrong.iter().map(|(id, _)| *id);
        let mut found = at.profile_refs(ctx, ids).await?;
        let mut siblings = BTreeMap::new();
        for (id, difference) in page.wrong {
            let Some(profile) = found.remove(&id) else {
                continue;
            };
            let own = match siblings.entry(profile.account_id.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(live(at, ctx, profile.account_id.clone()).await?),
            };
            if self.repair(at, ctx, &kept, &profile, own).await? {
                at.repaired(self, difference);
            }
        }
        for id in page.unknown {
            let tx = at.db().begin(ctx).await?;
            let gone = store::profile::forget(&*tx, id, kept.rows[&id].newest).await?;
            tx.commit().await?;
            if gone {
                at.repaired(self, Difference::Unknown);
            }
        }
        Ok(page.reach.next())
    }
}

impl AccountProfiles {
    /// Stores a profile as its owner has it; returns whether more than versions changed.
    async fn repair(
        &self,
        at: &Comparison,
        ctx: &Context,
        kept: &Kept<Versions>,
        profile: &ProfileRef,
        own: &[AccountProfile],
    ) -> Result<bool> {
        let id: Uuid = profile.profile_id.parse().map_err(Fault::internal)?;
        let is_gone = profile.state() == ProfileState::Deleted;
        let mut tx = at.db().begin(ctx).await?;
        let before = store::profile::lock(&*tx, id).await?;
        let is_buried = before.as_ref().is_some_and(store::profile::Row::is_buried);
        // A version that never was, and a grave of somebody alive, are damage.
        if let Some(known) = kept.rows.get(&id)
            && (known.newest > profile.version || (is_buried && !is_gone))
        {
            store::profile::forget(&*tx, id, known.newest).await?;
        }
        if is_gone {
            let deleted = ProfileDeleted {
                profile: Some(profile.clone()),
                new_primary_id: primary(own),
            };
            self.0.profile_deleted(&mut tx, ctx, &deleted).await?;
        } else if let Some(told) = own.iter().find_map(|one| told(one, id)) {
            self.0.profile_told(&mut tx, &told).await?;
        }
        let after = store::profile::lock(&*tx, id).await?;
        tx.commit().await?;
        Ok(after != before)
    }
}

/// Asks for the live profiles of an account.
async fn live(at: &Comparison, ctx: &Context, account_id: String) -> Result<Vec<AccountProfile>> {
    let mut owner = ProfileServiceClient::new(at.peers().call("profile", ctx));
    let asked = ListAccountProfilesRequest { account_id };
    let found = owner.list_account_profiles(asked).await;
    Ok(found.map_err(Fault::from)?.into_inner().profiles)
}

fn told(one: &AccountProfile, id: Uuid) -> Option<OwnProfile> {
    let own = OwnProfile::told(one.profile.as_ref()?, one.summary.as_ref()?)?;
    (own.id == id).then_some(own)
}

/// The id of the primary one; empty when there is none, as events have it.
fn primary(own: &[AccountProfile]) -> String {
    let marked = |one: &&AccountProfile| one.summary.as_ref().is_some_and(|s| s.is_primary);
    let primary = own.iter().find(marked).and_then(|one| one.profile.as_ref());
    primary.map_or_else(String::new, |profile| profile.profile_id.clone())
}
