//! Counters of profiles, each with one writer (D12): the events of posts and connections.

use std::collections::HashMap;

use entity::profile::profile_stats::{ActiveModel, Column, Entity};
use fault::{Fault, Result};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    Statement, Value,
};
use store::fault;
use uuid::Uuid;

use super::model;
use crate::domain::Stats;

/// Returns the counters of these profiles.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, Stats>> {
    let rows = Entity::find()
        .filter(Column::ProfileId.is_in(profiles.to_vec()))
        .all(db)
        .await
        .map_err(fault)?;
    Ok(rows
        .iter()
        .map(|row| (row.profile_id, model::stats(row)))
        .collect())
}

/// Begins to count for a new profile.
pub(crate) async fn begin(tx: &DatabaseTransaction, profile: Uuid) -> Result<()> {
    let row = ActiveModel {
        profile_id: Set(profile),
        views: Set(0),
        posts: Set(0),
        connections: Set(0),
    };
    row.insert(tx).await.map_err(fault).map(drop)
}

/// Counts one more or one less post of a profile that still is.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when that would be less than none: the post that is gone was not told of yet.
pub(crate) async fn count_post(tx: &DatabaseTransaction, profile: Uuid, by: i32) -> Result<()> {
    let sql = "with counted as (update profile_stats set posts = posts + $2
            where profile_id = $1 and posts + $2 >= 0 returning 1)
        select exists (select from counted)
          or not exists (select from profile_stats where profile_id = $1) as counted";
    let values = [profile.into(), by.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let row = tx.query_one_raw(statement).await.map_err(fault)?;
    let counted = row.map_or(Ok(true), |row| row.try_get("", "counted"));
    if counted.map_err(fault)? {
        return Ok(());
    }
    Err(Fault::unavailable("a post ended that was not told yet"))
}

/// Counts the connections of these profiles anew.
///
/// The rows are locked before the count is taken, so that of two transactions
/// the later one counts what the earlier one committed.
pub(crate) async fn count_connections(
    tx: &DatabaseTransaction,
    profiles: impl IntoIterator<Item = Uuid>,
) -> Result<()> {
    let ids: Vec<_> = profiles.into_iter().collect();
    let lock =
        "select 1 from profile_stats where profile_id = any($1) order by profile_id for update";
    run(tx, lock, vec![ids.clone().into()]).await?;
    let count = "update profile_stats s set connections = (
            select count(*) from connection_ref c
            where (c.profile_a = s.profile_id or c.profile_b = s.profile_id) and c.removed_at is null)
        where s.profile_id = any($1)";
    run(tx, count, vec![ids.into()]).await
}

async fn run(tx: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<()> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.map_err(fault).map(drop)
}
