//! The projection of accounts' profiles (`account_profiles`): of the facts and of the mark of the primary profile, which
//! are told together and apart, the newest version of each wins (I-9).
//!
//! A deleted profile leaves a row of status `deleted` without its facts, so that no late event revives it.

use ::events::projections::{Comparison, Kept, Versions};
use contracts::Word as _;
use contracts::profile::v1::{ProfileStatus, ProfileType};
use entity::auth::account_profiles::{ActiveModel, Column, Entity, Model};
use fault::Result;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Statement,
};
use uuid::Uuid;

use super::corrupt;
use crate::domain::profile::OwnProfile;

/// The status of a row that only stands for a deleted profile.
const DELETED: &str = "deleted";

/// Whether a profile is known, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It lives.
    Live,
    /// It was deleted.
    Deleted,
    /// Nobody told yet.
    Unknown,
}

/// Returns the live profiles of an account, primary first, then oldest (ids rise with time).
pub(crate) async fn of_account(
    db: &impl ConnectionTrait,
    account_id: Uuid,
) -> Result<Vec<OwnProfile>> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.ne(DELETED))
        .order_by_desc(Column::IsPrimary)
        .order_by_asc(Column::ProfileId)
        .all(db)
        .await
        .map_err(store::fault)?;
    rows.into_iter().map(own).collect()
}

/// Says whether a profile of the account is known.
pub(crate) async fn known(db: &impl ConnectionTrait, account_id: Uuid, id: Uuid) -> Result<Known> {
    let row = Entity::find_by_id(id)
        .filter(Column::AccountId.eq(account_id))
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(match row {
        Some(row) if row.status == DELETED => Known::Deleted,
        Some(_) => Known::Live,
        None => Known::Unknown,
    })
}

/// The versions of a page of profiles, gone or not.
pub(crate) async fn versions(at: &Comparison, after: Uuid) -> Result<Kept<Versions>> {
    let page = "select profile_id as id, version, greatest(version, primary_version) as newest
        from account_profiles where profile_id > $1 order by 1 limit $2";
    let read = |row: &QueryResult| {
        Ok(Versions {
            facts: row.try_get("", "version")?,
            newest: row.try_get("", "newest")?,
        })
    };
    at.kept(page, after, read).await
}

/// A row as the nightly comparison sees it: equal to another unless more than versions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(Model);

impl Row {
    /// Whether it only stands for a deleted profile.
    pub(crate) fn is_buried(&self) -> bool {
        self.0.status == DELETED
    }
}

/// Returns the row of a profile, locked.
pub(crate) async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Row>> {
    let row = Entity::find_by_id(id)
        .lock_exclusive()
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(row.map(|row| {
        Row(Model {
            version: 0,
            primary_version: None,
            ..row
        })
    }))
}

/// Removes the row of a profile as long as it is of no newer version; returns whether there was one.
pub(crate) async fn forget(db: &impl ConnectionTrait, id: Uuid, newest: i32) -> Result<bool> {
    let removed = Entity::delete_by_id(id)
        .filter(Expr::cust_with_values(
            "greatest(version, primary_version) <= $1",
            [newest],
        ))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(removed.rows_affected == 1)
}

/// Stores what the profile service told, unless something newer is stored.
pub(crate) async fn put(db: &impl ConnectionTrait, profile: &OwnProfile) -> Result<()> {
    let row = ActiveModel {
        profile_id: Set(profile.id),
        account_id: Set(profile.account_id),
        display_name: Set(profile.display_name.clone()),
        profile_type: Set(profile
            .profile_type
            .word()
            .unwrap_or("innovator")
            .to_owned()),
        avatar_url: Set(profile.avatar_url.clone()),
        bio: Set(profile.bio.clone()),
        status: Set(profile.status.word().unwrap_or("draft").to_owned()),
        is_primary: Set(profile.is_primary),
        completion: Set(profile.completion),
        version: Set(profile.version),
        ..Default::default()
    };
    upsert(db, row).await
}

/// Leaves of a deleted profile only that it was, and which one its sessions act as instead.
pub(crate) async fn bury(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    id: Uuid,
    version: i32,
    successor: Option<Uuid>,
) -> Result<()> {
    let row = ActiveModel {
        profile_id: Set(id),
        account_id: Set(account_id),
        display_name: Set(String::new()),
        profile_type: Set("innovator".to_owned()),
        avatar_url: Set(None),
        bio: Set(None),
        status: Set(DELETED.to_owned()),
        is_primary: Set(false),
        completion: Set(0),
        version: Set(version),
        successor_id: Set(successor),
        ..Default::default()
    };
    upsert(db, row).await
}

/// Returns the profile itself, or when it was deleted the one that took over in the end.
pub(crate) async fn heir(db: &impl ConnectionTrait, id: Uuid) -> Result<Uuid> {
    let follow = Statement::from_sql_and_values(
        db.get_database_backend(),
        "with recursive line as (
           select $1::uuid as id
           union select p.successor_id from line join account_profiles p on p.profile_id = line.id
             where p.successor_id is not null)
         select id from line where not exists (
           select from account_profiles p where p.profile_id = line.id and p.successor_id is not null)",
        [id.into()],
    );
    let row = db.query_one_raw(follow).await.map_err(store::fault)?;
    row.map_or(Ok(id), |row| row.try_get("", "id"))
        .map_err(store::fault)
}

/// Says whether a known profile is primary, as of a version; returns false if the profile is not known.
///
/// The version of the facts stays: they may be told later, and are no older for that.
pub(crate) async fn set_primary(
    db: &impl ConnectionTrait,
    id: Uuid,
    primary: bool,
    version: i32,
) -> Result<bool> {
    // Asked first: a row another transaction adds between the two is marked although it was not known, or the event comes
    // again; asked last, it would be known and not marked.
    let known = Entity::find_by_id(id).one(db).await.map_err(store::fault)?;
    Entity::update_many()
        .col_expr(Column::IsPrimary, Expr::value(primary))
        .col_expr(Column::PrimaryVersion, Expr::value(version))
        .filter(Column::ProfileId.eq(id))
        .filter(Column::Status.ne(DELETED))
        .filter(Expr::cust_with_values(
            "greatest(version, primary_version) < $1",
            [version],
        ))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(known.is_some())
}

async fn upsert(db: &impl ConnectionTrait, row: ActiveModel) -> Result<()> {
    let newer = OnConflict::column(Column::ProfileId)
        .update_columns([
            Column::DisplayName,
            Column::ProfileType,
            Column::AvatarUrl,
            Column::Bio,
            Column::Status,
            Column::Completion,
            Column::Version,
            Column::SuccessorId,
        ])
        .value(
            Column::IsPrimary,
            Expr::cust(
                "case when account_profiles.primary_version >= excluded.version \
                 then account_profiles.is_primary else excluded.is_primary end",
            ),
        )
        .action_and_where(
            Expr::col((Entity, Column::Version))
                .lt(Expr::cust("excluded.version"))
                .and(
                    Expr::col((Entity, Column::Status))
                        .ne(DELETED)
                        .or(Expr::cust_with_values("excluded.status = $1", [DELETED])),
                ),
        )
        .to_owned();
    Entity::insert(row)
        .on_conflict(newer)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

fn own(row: Model) -> Result<OwnProfile> {
    Ok(OwnProfile {
        id: row.profile_id,
        account_id: row.account_id,
        display_name: row.display_name,
        profile_type: ProfileType::from_word(&row.profile_type)
            .ok_or_else(|| corrupt("a profile has an unknown type"))?,
        avatar_url: row.avatar_url,
        bio: row.bio,
        status: ProfileStatus::from_word(&row.status)
            .ok_or_else(|| corrupt("a profile has an unknown status"))?,
        is_primary: row.is_primary,
        completion: row.completion,
        version: row.version,
    })
}
