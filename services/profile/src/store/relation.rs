//! Who is connected with whom, as the connection service tells it.

use std::collections::HashSet;

use fault::Result;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement};
use store::fault;
use uuid::Uuid;

#[derive(FromQueryResult)]
struct Other {
    id: Uuid,
}

/// Returns those of the profiles that are connected with `profile`.
pub(crate) async fn connected_among(
    db: &impl ConnectionTrait,
    profile: Uuid,
    ids: &[Uuid],
) -> Result<HashSet<Uuid>> {
    let sql = "select c.profile_b as id from connection_ref c
          where c.profile_a = $1 and c.removed_at is null and c.profile_b = any($2)
        union all select c.profile_a from connection_ref c
          where c.profile_b = $1 and c.removed_at is null and c.profile_a = any($2)";
    others(db, sql, [profile.into(), ids.to_vec().into()]).await
}

/// Whether one of these profiles or accounts is gone; none goes before the transaction ends.
///
/// Their ends are told here first, so what others tell of them later comes too late.
pub(crate) async fn is_gone(
    tx: &DatabaseTransaction,
    profiles: &[Uuid],
    accounts: &[Uuid],
) -> Result<bool> {
    let sql = "select coalesce(bool_or(gone), false) as gone from (
          select (id = any($1) and deleted_at is not null)
            or (user_account_id = any($2) and account_state = 'deleted') as gone
          from profiles where id = any($1) or user_account_id = any($2) order by id for share) held";
    let values = [profiles.to_vec().into(), accounts.to_vec().into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let row = tx.query_one_raw(statement).await.map_err(fault)?;
    row.map_or(Ok(false), |row| row.try_get("", "gone"))
        .map_err(fault)
}

/// Ends every connection of a profile and returns with whom it had any.
pub(crate) async fn disconnect(tx: &DatabaseTransaction, profile: Uuid) -> Result<HashSet<Uuid>> {
    let sql = "update connection_ref set removed_at = now()
        where (profile_a = $1 or profile_b = $1) and removed_at is null
        returning case when profile_a = $1 then profile_b else profile_a end as id";
    others(tx, sql, [profile.into()]).await
}

/// Ends every mute of a profile.
pub(crate) async fn unmute(tx: &DatabaseTransaction, profile: Uuid) -> Result<()> {
    let sql =
        "update mute_ref set removed_at = now() where muted_profile_id = $1 and removed_at is null";
    run(tx, sql, profile).await
}

/// Ends every block an account made or suffered, and every mute it made.
pub(crate) async fn unrelate(tx: &DatabaseTransaction, account: Uuid) -> Result<()> {
    let blocks = "update block_ref set removed_at = now()
        where (blocker_account = $1 or blocked_account = $1) and removed_at is null";
    run(tx, blocks, account).await?;
    let mutes =
        "update mute_ref set removed_at = now() where account_id = $1 and removed_at is null";
    run(tx, mutes, account).await
}

async fn run(tx: &DatabaseTransaction, sql: &str, id: Uuid) -> Result<()> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.into()]);
    tx.execute_raw(statement).await.map_err(fault).map(drop)
}

async fn others<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<HashSet<Uuid>> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = Other::find_by_statement(statement)
        .all(db)
        .await
        .map_err(fault)?;
    Ok(rows.into_iter().map(|other| other.id).collect())
}
