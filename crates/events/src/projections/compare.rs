//! One page of a projection compared with its owner, and repaired (PJ-5).
//!
//! What is kept is read before the owner is asked. So a newer version here than there is no event that was quicker, but
//! damage, and may be replaced; an older one is stored as an event would be, and loses against what is newer by then.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::{AccountRef, AccountState, ListAccountRefsRequest};
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{BatchGetRefsRequest, ListProfileVersionsRequest, ProfileRef};
use fault::{Fault, Result};
use identity::Context;
use mesh::Peers;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use store::{Db, Tx};
use uuid::Uuid;

use super::{id, keep_account, keep_profile, run};

/// Rows read here at once.
const PAGE: usize = 500;
/// Profiles one call may ask for.
const BATCH: usize = 200;
/// Time one page may take.
const TIME: Duration = Duration::from_secs(30);

/// A service's projections and where their owners are.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) service: String,
    pub(super) db: Db,
    pub(super) peers: Peers,
}

/// A projection that has an owner to be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Projection {
    Profiles,
    Accounts,
}

/// What was wrong with a row.
#[derive(Clone, Copy, Debug)]
enum Difference {
    Missing,
    Behind,
    Ahead,
    Unknown,
}

impl Projection {
    pub(super) const ALL: [Self; 2] = [Self::Profiles, Self::Accounts];

    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Profiles => "profile_ref",
            Self::Accounts => "account_ref",
        }
    }
}

/// How far a page reaches: what is beyond the last id was not read, here or there.
#[derive(Clone, Copy, Debug)]
struct Reach(Option<Uuid>);

impl Reach {
    fn new(here: Option<Uuid>, there: Option<Uuid>) -> Self {
        Self(here.into_iter().chain(there).min())
    }

    fn covers(self, id: Uuid) -> bool {
        self.0.is_none_or(|last| id <= last)
    }
}

impl Comparison {
    /// Compares the rows after an id and repairs them; returns the id to go on from, or `None` at the end.
    pub(super) async fn page(&self, projection: Projection, after: Uuid) -> Result<Option<Uuid>> {
        let ctx = Context::background(format!("compare-{}", Uuid::now_v7()), TIME);
        match projection {
            Projection::Profiles => self.profiles(&ctx, after).await,
            Projection::Accounts => self.accounts(&ctx, after).await,
        }
    }

    async fn profiles(&self, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let sql = "select profile_id as id, version from profile_ref where profile_id > $1 order by 1 limit $2";
        let version = |row: &QueryResult| row.try_get::<i32>("", "version");
        let (kept, here) = self.kept(sql, after, version).await?;
        let asked = ListProfileVersionsRequest {
            after_id: after.to_string(),
        };
        let mut owner = ProfileServiceClient::new(self.peers.call("profile", ctx));
        let told = owner.list_profile_versions(asked).await;
        let told = told.map_err(Fault::from)?.into_inner();
        let mut versions = BTreeMap::new();
        for profile in &told.profiles {
            versions.insert(id(&profile.profile_id)?, profile.version);
        }
        let there = versions.last_key_value().map(|(id, _)| *id);
        let reach = Reach::new(here, there.filter(|_| told.more));
        let mut wrong = Vec::new();
        for (&id, version) in versions.iter().filter(|(id, _)| reach.covers(**id)) {
            match kept.get(&id) {
                None => wrong.push((id, Difference::Missing)),
                Some(known) if known < version => wrong.push((id, Difference::Behind)),
                Some(known) if known > version => wrong.push((id, Difference::Ahead)),
                Some(_) => {}
            }
        }
        for batch in wrong.chunks(BATCH) {
            self.repair_profiles(ctx, batch, &kept).await?;
        }
        let unknown = |id: &Uuid| reach.covers(*id) && !versions.contains_key(id);
        for (&id, &version) in kept.iter().filter(|(id, _)| unknown(id)) {
            self.forget(ctx, Projection::Profiles, id, version).await?;
        }
        Ok(reach.0)
    }

    async fn repair_profiles(
        &self,
        ctx: &Context,
        wrong: &[(Uuid, Difference)],
        kept: &BTreeMap<Uuid, i32>,
    ) -> Result<()> {
        let ids = wrong.iter().map(|(id, _)| id.to_string()).collect();
        let mut owner = ProfileServiceClient::new(self.peers.call("profile", ctx));
        let found = owner.batch_get_refs(BatchGetRefsRequest { ids }).await;
        let mut facts: BTreeMap<Uuid, ProfileRef> = BTreeMap::new();
        for profile in found.map_err(Fault::from)?.into_inner().profiles {
            facts.insert(id(&profile.profile_id)?, profile);
        }
        for &(id, difference) in wrong {
            let Some(profile) = facts.remove(&id) else {
                continue;
            };
            let mut tx = self.db.begin(ctx).await?;
            if let (Difference::Ahead, Some(&version)) = (difference, kept.get(&id)) {
                remove(&mut tx, Projection::Profiles, id, version).await?;
            }
            let changed = keep_profile(&*tx, Some(profile)).await?;
            tx.commit().await?;
            self.count(Projection::Profiles, difference, changed);
        }
        Ok(())
    }

    /// The version of an account rises without events too, hence what is compared is the state.
    async fn accounts(&self, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let sql = "select account_id as id, state, version from account_ref where account_id > $1 order by 1 limit $2";
        let facts = |row: &QueryResult| {
            let state = row.try_get::<String>("", "state")?;
            Ok((state, row.try_get::<i32>("", "version")?))
        };
        let (kept, here) = self.kept(sql, after, facts).await?;
        let asked = ListAccountRefsRequest {
            after_id: after.to_string(),
        };
        let mut owner = AuthServiceClient::new(self.peers.call("auth", ctx));
        let told = owner.list_account_refs(asked).await;
        let told = told.map_err(Fault::from)?.into_inner();
        let mut accounts = BTreeMap::new();
        for account in &told.accounts {
            accounts.insert(id(&account.account_id)?, account);
        }
        let there = accounts.last_key_value().map(|(id, _)| *id);
        let reach = Reach::new(here, there.filter(|_| told.more));
        for (id, account) in accounts.iter().filter(|(id, _)| reach.covers(**id)) {
            self.account(ctx, *id, account, kept.get(id)).await?;
        }
        let unknown = |id: &Uuid| reach.covers(*id) && !accounts.contains_key(id);
        for (&id, &(_, version)) in kept.iter().filter(|(id, _)| unknown(id)) {
            self.forget(ctx, Projection::Accounts, id, version).await?;
        }
        Ok(reach.0)
    }

    async fn account(
        &self,
        ctx: &Context,
        id: Uuid,
        account: &AccountRef,
        kept: Option<&(String, i32)>,
    ) -> Result<()> {
        let state = match account.state() {
            AccountState::Live => "live",
            AccountState::Suspended => "suspended",
            AccountState::Deleted => "deleted",
            AccountState::Unspecified => {
                return Err(Fault::internal("an account without a state"));
            }
        };
        let difference = match kept {
            // Accounts nobody ever suspended or deleted are in no projection.
            None if state == "live" => return Ok(()),
            None => Difference::Missing,
            Some((_, version)) if *version > account.version => Difference::Ahead,
            Some((known, _)) if known == state => return Ok(()),
            Some((_, version)) if *version == account.version => Difference::Ahead,
            Some(_) => Difference::Behind,
        };
        let mut tx = self.db.begin(ctx).await?;
        if let (Difference::Ahead, Some(&(_, version))) = (difference, kept) {
            remove(&mut tx, Projection::Accounts, id, version).await?;
        }
        let changed = keep_account(&*tx, &account.account_id, state, account.version).await?;
        tx.commit().await?;
        self.count(Projection::Accounts, difference, changed);
        Ok(())
    }

    /// Removes a row its owner knows nothing of.
    async fn forget(
        &self,
        ctx: &Context,
        projection: Projection,
        id: Uuid,
        version: i32,
    ) -> Result<()> {
        let mut tx = self.db.begin(ctx).await?;
        let gone = remove(&mut tx, projection, id, version).await?;
        tx.commit().await?;
        self.count(projection, Difference::Unknown, gone);
        Ok(())
    }

    /// Reads what is kept after an id; with the last id when that was not all.
    async fn kept<T>(
        &self,
        sql: &str,
        after: Uuid,
        facts: impl Fn(&QueryResult) -> std::result::Result<T, DbErr>,
    ) -> Result<(BTreeMap<Uuid, T>, Option<Uuid>)> {
        let values = [after.into(), (PAGE as i64).into()];
        let select = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows = self.db.connection().query_all_raw(select).await;
        let mut kept = BTreeMap::new();
        for row in rows.map_err(store::fault)? {
            let id = row.try_get("", "id").map_err(store::fault)?;
            kept.insert(id, facts(&row).map_err(store::fault)?);
        }
        let last = kept.last_key_value().map(|(id, _)| *id);
        let is_cut = kept.len() == PAGE;
        Ok((kept, last.filter(|_| is_cut)))
    }

    fn count(&self, projection: Projection, difference: Difference, repaired: bool) {
        if !repaired {
            return;
        }
        let difference = match difference {
            Difference::Missing => "missing",
            Difference::Behind => "behind",
            Difference::Ahead => "ahead",
            Difference::Unknown => "unknown",
        };
        metrics::counter!("sf_projection_repairs_total", "service" => self.service.clone(),
            "projection" => projection.table(), "difference" => difference)
        .increment(1);
        tracing::warn!(service = %self.service, projection = projection.table(), difference, "a projection was repaired");
    }
}

/// Removes a row that is damage, as long as it is the one that was seen; returns whether it was.
async fn remove(tx: &mut Tx, projection: Projection, id: Uuid, version: i32) -> Result<bool> {
    let sql = match projection {
        Projection::Profiles => "delete from profile_ref where profile_id = $1 and version = $2",
        Projection::Accounts => "delete from account_ref where account_id = $1 and version = $2",
    };
    Ok(run(&**tx, sql, vec![id.into(), version.into()]).await? == 1)
}
