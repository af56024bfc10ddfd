//! Accounts in the database.

use entity::auth::user_accounts::{ActiveModel, Column, Entity, Model};
use fault::Result;
use identity::Role;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryResult,
    QuerySelect, Select, Statement,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::corrupt;
use crate::domain::account::{Account, Reference};

/// Accounts that are not deleted; the base of every other query.
fn living() -> Select<Entity> {
    Entity::find().filter(Column::DeletedAt.is_null())
}

/// Returns the account, unlocked.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Account>> {
    one(db, living().filter(Column::Id.eq(id))).await
}

/// Returns the next accounts that exist or existed.
pub(crate) async fn references(
    db: &impl ConnectionTrait,
    after: Uuid,
    at_most: u64,
) -> Result<Vec<Reference>> {
    let select = Statement::from_sql_and_values(
        db.get_database_backend(),
        "select a.id, a.is_active, a.deleted_at is not null as is_deleted, a.version, \
           coalesce(s.private_account, false) as private_account, \
           coalesce(s.contact_visibility, 'owner') as contact_visibility, coalesce(s.version, 0) as settings_version \
         from user_accounts a left join account_settings s on s.account_id = a.id \
         where a.id > $1 order by a.id limit $2",
        [after.into(), at_most.into()],
    );
    let rows = db.query_all_raw(select).await.map_err(store::fault)?;
    let read = |row| reference(row).map_err(store::fault);
    rows.iter().map(read).collect()
}

fn reference(row: &QueryResult) -> std::result::Result<Reference, DbErr> {
    Ok(Reference {
        id: row.try_get("", "id")?,
        is_active: row.try_get("", "is_active")?,
        is_deleted: row.try_get("", "is_deleted")?,
        version: row.try_get("", "version")?,
        private_account: row.try_get("", "private_account")?,
        contact_visibility: row.try_get("", "contact_visibility")?,
        settings_version: row.try_get("", "settings_version")?,
    })
}

/// Returns the account and keeps others from changing it until the transaction ends. Every transaction that
/// changes sessions or profiles of an account takes this lock before any other.
pub(crate) async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Account>> {
    let locked = living()
        .filter(Column::Id.eq(id))
        .lock(LockType::NoKeyUpdate);
    one(db, locked).await
}

/// Returns the account as it will be while the transaction lasts; others may do the same.
pub(crate) async fn lock_shared(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Account>> {
    one(db, living().filter(Column::Id.eq(id)).lock(LockType::Share)).await
}

/// Returns the account of an address, made if there was none, locked; and whether it was made (AU-6, C4).
pub(crate) async fn ensure(db: &impl ConnectionTrait, email: &str) -> Result<(Account, bool)> {
    let new = ActiveModel {
        id: Set(Uuid::now_v7()),
        email: Set(email.to_owned()),
        email_verified: Set(true),
        role: Set(Role::User.word().to_owned()),
        is_active: Set(true),
        first_login: Set(true),
        is_migrated: Set(false),
        initial_profile_id: Set(Uuid::now_v7()),
        version: Set(1),
        ..Default::default()
    };
    // Without a conflict target: the unique index is on an expression.
    let inserted = Entity::insert(new)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    let created = inserted == 1;
    let found = living()
        .filter(Func::lower(Expr::col(Column::Email)).eq(email))
        .lock(LockType::NoKeyUpdate);
    let account = one(db, found).await?;
    Ok((
        account.ok_or_else(|| corrupt("an account vanished while it was made"))?,
        created,
    ))
}

/// Notes a sign-in by a right code (AU-11): the address is proven.
pub(crate) async fn note_login(
    db: &impl ConnectionTrait,
    account: &mut Account,
    now: OffsetDateTime,
) -> Result<()> {
    change(db, account, |row| {
        row.last_login_at = Set(Some(now));
        row.email_verified = Set(true);
    })
    .await?;
    account.last_login_at = Some(now);
    account.email_verified = true;
    Ok(())
}

/// Gives the account another role.
pub(crate) async fn set_role(
    db: &impl ConnectionTrait,
    account: &mut Account,
    role: Role,
) -> Result<()> {
    change(db, account, |row| row.role = Set(role.word().to_owned())).await?;
    account.role = role;
    Ok(())
}

/// Notes that the profile wizard is done with (AU-21); once is enough.
pub(crate) async fn end_first_login(db: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::FirstLogin, Expr::value(false))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::FirstLogin.eq(true))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

async fn change(
    db: &impl ConnectionTrait,
    account: &mut Account,
    edit: impl FnOnce(&mut ActiveModel),
) -> Result<()> {
    let mut row = ActiveModel {
        id: Set(account.id),
        version: Set(account.version + 1),
        ..Default::default()
    };
    edit(&mut row);
    Entity::update(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    account.version += 1;
    Ok(())
}

async fn one(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Option<Account>> {
    query
        .one(db)
        .await
        .map_err(store::fault)?
        .map(account)
        .transpose()
}

fn account(row: Model) -> Result<Account> {
    Ok(Account {
        id: row.id,
        role: row
            .role
            .parse()
            .map_err(|_| corrupt("an account has an unknown role"))?,
        email: row.email,
        email_verified: row.email_verified,
        is_active: row.is_active,
        first_login: row.first_login,
        is_migrated: row.is_migrated,
        created_at: row.created_at,
        last_login_at: row.last_login_at,
        initial_profile_id: row.initial_profile_id,
        deletion_scheduled_for: row.deletion_scheduled_for,
        version: row.version,
    })
}
