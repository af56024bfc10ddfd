//! Profiles: found by who may see them, locked by who changes them.

use std::collections::HashMap;

use entity::profile::{profile_metadata, profile_private, profile_stats, profiles};
use fault::{Fault, Reason, Result};
use identity::Viewer;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr,
    EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use store::{fault, violated};
use uuid::Uuid;

use super::{answers, model, stats};
use crate::domain::{Private, Profile, Whole};
use crate::error::{Error, Result as Outcome};

/// The rule of VIS-1, VIS-2 and VIS-6 for profiles; `$1` is the viewer's profile, `$2` its account.
const VISIBLE: &str = "profiles.account_state = 'live'
  and profiles.user_account_id not in (
    select b.blocked_account from block_ref b where b.blocker_account = $2 and b.removed_at is null
    union all select b.blocker_account from block_ref b where b.blocked_account = $2 and b.removed_at is null)
  and (profiles.user_account_id = $2 or profiles.effective_visibility = 'public'
    or (profiles.effective_visibility = 'connections' and profiles.id in (
      select c.profile_b from connection_ref c where c.profile_a = $1 and c.removed_at is null
      union all select c.profile_a from connection_ref c where c.profile_b = $1 and c.removed_at is null)))";

/// Live profiles whose card the viewer may see; the base of every query for others.
fn cards(viewer: &Viewer) -> Select<profiles::Entity> {
    let values = [
        sea_orm::Value::from(viewer.profile_id),
        sea_orm::Value::from(viewer.account_id),
    ];
    live().filter(Expr::cust_with_values(VISIBLE, values))
}

/// Live profiles whose page the viewer may see: as [`cards`], without the drafts of others (PR-11).
fn pages(viewer: &Viewer) -> Select<profiles::Entity> {
    let own = viewer
        .account_id
        .map(|account| profiles::Column::UserAccountId.eq(account));
    let finished = profiles::Column::Status.eq(profiles::Status::Complete);
    cards(viewer).filter(Condition::any().add(finished).add_option(own))
}

fn live() -> Select<profiles::Entity> {
    profiles::Entity::find().filter(profiles::Column::DeletedAt.is_null())
}

fn read(rows: Vec<profiles::Model>) -> Result<Vec<Profile>> {
    rows.into_iter().map(model::profile).collect()
}

/// Returns the profile if the viewer may see its page.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<Profile>> {
    let row = pages(viewer)
        .filter(profiles::Column::Id.eq(id))
        .one(db)
        .await
        .map_err(fault)?;
    row.map(model::profile).transpose()
}

/// Returns the account's profiles whose pages the viewer may see, primary first, then oldest.
pub(crate) async fn pages_of(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    account: Uuid,
) -> Result<Vec<Profile>> {
    let found = pages(viewer).filter(profiles::Column::UserAccountId.eq(account));
    read(primary_first(found).all(db).await.map_err(fault)?)
}

/// Returns those of the profiles whose card the viewer may see, in no order.
pub(crate) async fn cards_among(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<Vec<Profile>> {
    let found = cards(viewer).filter(among(ids));
    read(found.all(db).await.map_err(fault)?)
}

/// Returns those of the profiles that exist or existed, in no order.
pub(crate) async fn known(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Profile>> {
    read(
        profiles::Entity::find()
            .filter(among(ids))
            .all(db)
            .await
            .map_err(fault)?,
    )
}

/// Returns the next profiles that exist or existed, with their versions.
pub(crate) async fn versions(
    db: &impl ConnectionTrait,
    after: Uuid,
    at_most: u64,
) -> Result<Vec<(Uuid, i32)>> {
    profiles::Entity::find()
        .select_only()
        .columns([profiles::Column::Id, profiles::Column::Version])
        .filter(profiles::Column::Id.gt(after))
        .order_by_asc(profiles::Column::Id)
        .limit(at_most)
        .into_tuple()
        .all(db)
        .await
        .map_err(fault)
}

/// Returns the live profiles of an account, primary first, then oldest.
pub(crate) async fn of_account(db: &impl ConnectionTrait, account: Uuid) -> Result<Vec<Profile>> {
    let found = live().filter(profiles::Column::UserAccountId.eq(account));
    read(primary_first(found).all(db).await.map_err(fault)?)
}

/// One array instead of a list keeps the statement's text the same for every number of ids.
fn among(ids: &[Uuid]) -> SimpleExpr {
    Expr::cust_with_values(
        "profiles.id = any($1)",
        [sea_orm::Value::from(ids.to_vec())],
    )
}

fn primary_first(select: Select<profiles::Entity>) -> Select<profiles::Entity> {
    select
        .order_by(profiles::Column::IsPrimary, Order::Desc)
        .order_by(profiles::Column::CreatedAt, Order::Asc)
        .order_by(profiles::Column::Id, Order::Asc)
}

/// Takes the account for this transaction, whether or not it has profiles, and
/// locks all it has and had in id order (D2).
///
/// The rows are read after the account is taken, so they include what a
/// transaction that was waited for has added.
pub(crate) async fn lock_account(tx: &DatabaseTransaction, account: Uuid) -> Result<Vec<Profile>> {
    let take = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        [format!("profile:{account}").into()],
    );
    tx.execute_raw(take).await.map_err(fault)?;
    let rows = profiles::Entity::find()
        .filter(profiles::Column::UserAccountId.eq(account))
        .order_by(profiles::Column::Id, Order::Asc)
        .lock_exclusive();
    read(rows.all(tx).await.map_err(fault)?)
}

/// Returns a live profile, locked.
pub(crate) async fn lock(tx: &DatabaseTransaction, id: Uuid) -> Result<Option<Profile>> {
    let row = live().filter(profiles::Column::Id.eq(id)).lock_exclusive();
    row.one(tx)
        .await
        .map_err(fault)?
        .map(model::profile)
        .transpose()
}

/// Adds to profiles what belongs to them, in the order given.
pub(crate) async fn whole(db: &impl ConnectionTrait, profiles: Vec<Profile>) -> Result<Vec<Whole>> {
    let ids: Vec<_> = profiles.iter().map(|profile| profile.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut private = privates(db, &ids).await?;
    let mut answers = answers::of(db, &ids).await?;
    let mut stats = stats::of(db, &ids).await?;
    let wholes = profiles.into_iter().map(|profile| Whole {
        private: private.remove(&profile.id).unwrap_or_default(),
        answers: answers.remove(&profile.id).unwrap_or_default(),
        stats: stats.remove(&profile.id).unwrap_or_default(),
        profile,
    });
    Ok(wholes.collect())
}

/// Adds to one profile what belongs to it.
pub(crate) async fn whole_of(db: &impl ConnectionTrait, profile: Profile) -> Result<Whole> {
    let found = whole(db, vec![profile]).await?.pop();
    found.ok_or_else(|| fault::Fault::internal("a profile without itself"))
}

async fn privates(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<HashMap<Uuid, Private>> {
    let of_these = profile_private::Column::ProfileId.is_in(ids.to_vec());
    let rows = profile_private::Entity::find()
        .filter(of_these)
        .all(db)
        .await
        .map_err(fault)?;
    rows.into_iter()
        .map(|row| Ok((row.profile_id, model::private(row)?)))
        .collect()
}

/// Stores a new profile with all that belongs to it and returns it as stored.
pub(crate) async fn insert(tx: &DatabaseTransaction, whole: &Whole) -> Outcome<Whole> {
    let id = whole.profile.id;
    let row = model::row(&whole.profile)
        .insert(tx)
        .await
        .map_err(refused)?;
    model::private_row(id, &whole.private)
        .insert(tx)
        .await
        .map_err(fault)?;
    answers::replace(tx, id, &Default::default(), &whole.answers).await?;
    stats::begin(tx, id).await?;
    Ok(Whole {
        profile: model::profile(row)?,
        ..whole.clone()
    })
}

/// Stores what changed of a profile and all that belongs to it, and returns it as stored.
pub(crate) async fn save(
    tx: &DatabaseTransaction,
    before: &Whole,
    after: &Whole,
) -> Outcome<Whole> {
    let id = after.profile.id;
    let profile = update(tx, before.profile.version, &after.profile).await?;
    if before.private != after.private {
        model::private_row(id, &after.private)
            .update(tx)
            .await
            .map_err(fault)?;
    }
    answers::replace(tx, id, &before.answers, &after.answers).await?;
    Ok(Whole {
        profile,
        ..after.clone()
    })
}

/// Stores a profile's own row in place of the version that was read and returns it as stored (CQ-2).
pub(crate) async fn update(
    tx: &DatabaseTransaction,
    read: i32,
    profile: &Profile,
) -> Outcome<Profile> {
    let statement = profiles::Entity::update(model::row(profile))
        .validate()
        .map_err(fault)?
        .filter(profiles::Column::Version.eq(read));
    let row = statement.exec(tx).await.map_err(refused)?;
    Ok(model::profile(row)?)
}

/// Stores what only some see of a profile.
pub(crate) async fn update_private(
    tx: &DatabaseTransaction,
    id: Uuid,
    private: &Private,
) -> Result<()> {
    model::private_row(id, private)
        .update(tx)
        .await
        .map_err(fault)
        .map(drop)
}

/// Removes what belongs to a profile, for good; the profile's own row stays.
pub(crate) async fn strip(tx: &DatabaseTransaction, id: Uuid) -> Result<()> {
    profile_private::Entity::delete_by_id(id)
        .exec(tx)
        .await
        .map_err(fault)?;
    profile_stats::Entity::delete_by_id(id)
        .exec(tx)
        .await
        .map_err(fault)?;
    let answers =
        profile_metadata::Entity::delete_many().filter(profile_metadata::Column::ProfileId.eq(id));
    answers.exec(tx).await.map_err(fault).map(drop)
}

/// Names the constraint a write ran into, or the other version it found.
fn refused(error: DbErr) -> Error {
    if matches!(error, DbErr::RecordNotUpdated) {
        return Error::Fault(Fault::of(Reason::PreconditionFailed).with_source(error));
    }
    match violated(&error).as_deref() {
        Some("profiles_username") => Error::UsernameTaken,
        Some("profiles_draft") => Error::DraftExists,
        _ => Error::Fault(fault(error)),
    }
}
