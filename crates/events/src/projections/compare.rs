//! Copies of other services' facts compared with their owners, page by page, and repaired (PJ-5).
//!
//! What is kept is read before the owner is asked. So a newer version here than there is no event that was quicker, but
//! damage, and may be replaced; an older one is stored as an event would be, and loses against what is newer by then.

mod accounts;
mod profiles;

use std::collections::BTreeMap;
use std::fmt;

use chassis::async_trait;
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::{AccountRef, ListAccountRefsRequest};
use contracts::profile::v1::profile_service_client::ProfileServiceClient;
use contracts::profile::v1::{BatchGetRefsRequest, ListProfileVersionsRequest, ProfileRef};
use fault::{Fault, Result};
use identity::Context;
use mesh::Peers;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use store::Db;
use uuid::Uuid;

use super::id;

pub use accounts::Accounts;
pub use profiles::Profiles;

/// Rows read here at once.
const PAGE: usize = 500;
/// Profiles one call may ask for.
const BATCH: usize = 200;

/// A copy that has an owner to be compared with.
#[async_trait]
pub trait Compared: fmt::Debug + Send + Sync {
    /// Its name in figures and log lines: the table's.
    fn name(&self) -> &'static str;

    /// Compares the rows after an id and repairs them; returns the id to go on from, or `None` at the end.
    ///
    /// # Errors
    /// Those of the database and of the owner: the page is compared again then.
    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>>;
}

/// Where copies are compared: a service's schema, and where their owners are.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub(super) service: String,
    pub(super) db: Db,
    pub(super) peers: Peers,
}

/// What was wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// There was none.
    Missing,
    /// It was of an older version.
    Behind,
    /// It was of a version that never was, or said something else than the owner of the same version.
    Ahead,
    /// Its owner knows nothing of it.
    Unknown,
}

/// How far a page reaches: what is beyond the last id was not read, here or there.
#[derive(Clone, Copy, Debug)]
pub struct Reach(Option<Uuid>);

impl Reach {
    fn new(here: Option<Uuid>, there: Option<Uuid>) -> Self {
        Self(here.into_iter().chain(there).min())
    }

    /// Whether a row is on the page.
    #[must_use]
    pub fn covers(self, id: Uuid) -> bool {
        self.0.is_none_or(|last| id <= last)
    }

    /// The id to go on from, or `None` at the end.
    #[must_use]
    pub const fn next(self) -> Option<Uuid> {
        self.0
    }
}

/// A page of what is kept, in the order of its ids.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    /// The rows by id.
    pub rows: BTreeMap<Uuid, T>,
    /// The last id, when there may be more.
    last: Option<Uuid>,
}

/// The versions a copy of a profile was made from.
#[derive(Clone, Copy, Debug)]
pub struct Versions {
    /// Of its facts.
    pub facts: i32,
    /// The newest of any part.
    pub newest: i32,
}

/// A page of copies of profiles, as far as it differs from what the profile service has.
#[derive(Clone, Debug)]
pub struct ProfilePage {
    /// What is to be asked for and stored.
    pub wrong: Vec<(Uuid, Difference)>,
    /// What is to be removed.
    pub unknown: Vec<Uuid>,
    /// How far the page reaches.
    pub reach: Reach,
}

impl Comparison {
    /// The service's database.
    #[must_use]
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// The service's peers.
    #[must_use]
    pub const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Reads what is kept by a statement over `$1`, the id to begin after, and `$2`, how many rows at most; it orders by
    /// its column `id`.
    ///
    /// # Errors
    /// See [`store::fault`].
    pub async fn kept<T>(
        &self,
        sql: &str,
        after: Uuid,
        facts: impl Fn(&QueryResult) -> std::result::Result<T, DbErr>,
    ) -> Result<Kept<T>> {
        let values = [after.into(), (PAGE as i64).into()];
        let select = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let found = self.db.connection().query_all_raw(select).await;
        let mut rows = BTreeMap::new();
        for row in found.map_err(store::fault)? {
            let id = row.try_get("", "id").map_err(store::fault)?;
            rows.insert(id, facts(&row).map_err(store::fault)?);
        }
        let last = rows.last_key_value().map(|(id, _)| *id);
        let is_cut = rows.len() == PAGE;
        Ok(Kept {
            last: last.filter(|_| is_cut),
            rows,
        })
    }

    /// Asks the profile service for the versions of a page and compares them with what is kept.
    ///
    /// # Errors
    /// When the profile service does not answer.
    pub async fn profiles(
        &self,
        ctx: &Context,
        after: Uuid,
        kept: &Kept<Versions>,
    ) -> Result<ProfilePage> {
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
        let reach = Reach::new(kept.last, there.filter(|_| told.more));
        let mut wrong = Vec::new();
        for (&id, version) in versions.iter().filter(|(id, _)| reach.covers(**id)) {
            match kept.rows.get(&id) {
                None => wrong.push((id, Difference::Missing)),
                Some(known) if known.newest > *version => wrong.push((id, Difference::Ahead)),
                Some(known) if known.facts < *version => wrong.push((id, Difference::Behind)),
                Some(_) => {}
            }
        }
        let known = kept.rows.keys().copied();
        let unknown = known.filter(|id| reach.covers(*id) && !versions.contains_key(id));
        Ok(ProfilePage {
            wrong,
            unknown: unknown.collect(),
            reach,
        })
    }

    /// Asks the profile service for profiles, gone or not.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn profile_refs(
        &self,
        ctx: &Context,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<BTreeMap<Uuid, ProfileRef>> {
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        let mut facts = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            let asked = BatchGetRefsRequest {
                ids: batch.to_vec(),
            };
            let mut owner = ProfileServiceClient::new(self.peers.call("profile", ctx));
            let found = owner.batch_get_refs(asked).await.map_err(Fault::from)?;
            for profile in found.into_inner().profiles {
                facts.insert(id(&profile.profile_id)?, profile);
            }
        }
        Ok(facts)
    }

    /// Asks the auth service for the accounts of a page.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn accounts<T>(
        &self,
        ctx: &Context,
        after: Uuid,
        kept: &Kept<T>,
    ) -> Result<(BTreeMap<Uuid, AccountRef>, Reach)> {
        let asked = ListAccountRefsRequest {
            after_id: after.to_string(),
        };
        let mut owner = AuthServiceClient::new(self.peers.call("auth", ctx));
        let told = owner.list_account_refs(asked).await;
        let told = told.map_err(Fault::from)?.into_inner();
        let mut accounts = BTreeMap::new();
        for account in told.accounts {
            accounts.insert(id(&account.account_id)?, account);
        }
        let there = accounts.last_key_value().map(|(id, _)| *id);
        let reach = Reach::new(kept.last, there.filter(|_| told.more));
        accounts.retain(|id, _| reach.covers(*id));
        Ok((accounts, reach))
    }

    /// Counts a row that differed, once it is repaired.
    pub fn repaired(&self, copy: &dyn Compared, difference: Difference) {
        let difference = match difference {
            Difference::Missing => "missing",
            Difference::Behind => "behind",
            Difference::Ahead => "ahead",
            Difference::Unknown => "unknown",
        };
        metrics::counter!("sf_projection_repairs_total", "service" => self.service.clone(),
            "projection" => copy.name(), "difference" => difference)
        .increment(1);
        tracing::warn!(service = %self.service, projection = copy.name(), difference, "a projection was repaired");
    }
}
