//! Who people are: the local copy first, the profile service for what is not there yet (PJ-3).

use std::collections::HashMap;

use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{BatchGetRefsRequest, ProfileCard};
use identity::Context;
use mesh::Peers;
use moka::future::Cache;
use store::Db;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::people::{self, Person};

/// Profiles one call may ask for.
const BATCH: usize = 200;
/// Profiles remembered as stored, so that their viewers' requests need not look.
const REMEMBERED: u64 = 100_000;

/// Profiles as feed knows them.
#[derive(Clone, Debug)]
pub(crate) struct People {
    db: Db,
    peers: Peers,
    stored: Cache<Uuid, ()>,
}

impl People {
    /// Reads here, asks there.
    pub(crate) fn new(db: Db, peers: Peers) -> Self {
        Self {
            db,
            peers,
            stored: Cache::new(REMEMBERED),
        }
    }

    /// These profiles; what is not known is asked for, together, and stored.
    pub(crate) async fn find(
        &self,
        ctx: &Context,
        mut ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Person>> {
        ids.sort_unstable();
        ids.dedup();
        let known = people::known(&self.db.for_call(ctx), &ids).await?;
        ids.retain(|id| !known.contains_key(id));
        if ids.is_empty() {
            return Ok(known);
        }
        self.fetch(ctx, &ids).await?;
        let mut found = people::known(&self.db.for_call(ctx), &ids).await?;
        found.extend(known);
        Ok(found)
    }

    /// The profile the caller acts as: the active one, or another of the same account.
    ///
    /// # Errors
    /// [`Error::ForeignProfile`] when it belongs to another account or is gone.
    pub(crate) async fn acting(&self, ctx: &Context, wanted: Option<Uuid>) -> Result<Uuid> {
        let caller = ctx.require_caller()?;
        let id = wanted.unwrap_or(caller.profile_id);
        let found = self.find(ctx, vec![id]).await?;
        match found.get(&id) {
            Some(person) if person.is_live && person.account_id == caller.account_id => Ok(id),
            _ => Err(Error::ForeignProfile),
        }
    }

    /// Makes sure that the viewer's profile is known, since targets are compared with its type and tags. A profile
    /// service that does not answer only means that targeted posts are not shown yet.
    ///
    /// # Errors
    /// See [`store::fault`]: nothing else could be read either, and would be waited for as long (T46).
    pub(crate) async fn meet(&self, ctx: &Context) -> Result<()> {
        let Some(id) = ctx.viewer().profile_id else {
            return Ok(());
        };
        if self.stored.contains_key(&id) {
            return Ok(());
        }
        let known = people::known(&self.db.for_call(ctx), &[id]).await?;
        if known.contains_key(&id) {
            self.stored.insert(id, ()).await;
        } else if let Err(error) = self.fetch(ctx, &[id]).await {
            tracing::warn!(%error, "the viewer's profile could not be read");
        }
        Ok(())
    }

    async fn fetch(&self, ctx: &Context, ids: &[Uuid]) -> Result<()> {
        // For nobody in particular: a stream outlives the identity it was opened with.
        let nobody = ctx.for_nobody();
        let mut client = ProfileServiceClient::new(self.peers.call("profile", &nobody));
        for batch in ids.chunks(BATCH) {
            let request = BatchGetRefsRequest {
                ids: batch.iter().map(Uuid::to_string).collect(),
            };
            let reply = client
                .batch_get_refs(request)
                .await
                .map_err(fault::Fault::from)?;
            // In one order, since what is kept may stay locked until the call ends.
            let mut profiles = reply.into_inner().profiles;
            profiles.sort_unstable_by(|a, b| a.profile_id.cmp(&b.profile_id));
            for profile in profiles {
                people::keep(&self.db.for_call(ctx), Some(profile)).await?;
            }
        }
        Ok(())
    }
}

/// The card of an author, or of nobody when the author is gone.
pub(crate) fn card(people: &HashMap<Uuid, Person>, id: Option<Uuid>) -> ProfileCard {
    let person = id
        .and_then(|id| people.get(&id))
        .filter(|person| person.is_live);
    person.map_or_else(nobody, |person| person.card.clone())
}

/// The card of an erased author (CV-17).
pub(crate) fn nobody() -> ProfileCard {
    ProfileCard {
        id: Uuid::nil().to_string(),
        name: "Deleted user".to_owned(),
        is_deleted: true,
        ..ProfileCard::default()
    }
}
