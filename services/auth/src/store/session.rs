//! Sessions in the database (AU-10).

use std::net::IpAddr;

use entity::auth::sessions::{ActiveModel, Column, Entity, Model};
use fault::Result;
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::address;
use crate::domain::session::{EndReason, Session};

/// How often the last use of a session is written (AU-10).
pub(crate) const ACTIVITY_SECONDS: f64 = 60.0;

/// Sessions of one account; the base of every query a caller's wish leads to.
fn of_account(account_id: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account_id))
}

/// Adds a session.
pub(crate) async fn insert(db: &impl ConnectionTrait, session: &Session) -> Result<()> {
    let row = ActiveModel {
        id: Set(session.id),
        account_id: Set(session.account_id),
        active_profile_id: Set(session.active_profile_id),
        device_name: Set(session.device_name.clone()),
        user_agent: Set(session.user_agent.clone()),
        ip: Set(session.ip.map(|ip| ip.to_string())),
        last_activity_at: Set(session.last_activity_at),
        expires_at: Set(session.expires_at),
        absolute_expires_at: Set(session.absolute_expires_at),
        revoked_at: Set(None),
        revoke_reason: Set(None),
        created_at: Set(session.created_at),
        version: Set(session.version),
        ..Default::default()
    };
    Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Returns a session of the account, ended or not.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    id: Uuid,
) -> Result<Option<Session>> {
    one(db, of_account(account_id).filter(Column::Id.eq(id))).await
}

/// Returns the account a session belongs to.
pub(crate) async fn account_of(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Uuid>> {
    let row = Entity::find_by_id(id).one(db).await.map_err(store::fault)?;
    Ok(row.map(|row| row.account_id))
}

/// Returns a session of the account and keeps others from changing it until the transaction ends.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    id: Uuid,
) -> Result<Option<Session>> {
    let locked = of_account(account_id)
        .filter(Column::Id.eq(id))
        .lock(LockType::Update);
    one(db, locked).await
}

/// Returns the live sessions of the account, last used first.
pub(crate) async fn live(db: &impl ConnectionTrait, account_id: Uuid) -> Result<Vec<Session>> {
    let rows = of_account(account_id)
        .filter(Column::RevokedAt.is_null())
        .filter(Expr::col(Column::ExpiresAt).gt(Expr::current_timestamp()))
        .order_by_desc(Column::LastActivityAt)
        .order_by_desc(Column::Id)
        .all(db)
        .await
        .map_err(store::fault)?;
    Ok(rows.into_iter().map(session).collect())
}

/// Ends sessions of the account that are not ended yet, one or all; returns them as they are now.
pub(crate) async fn end(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    only: Option<Uuid>,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<Vec<Session>> {
    let mut ending = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .col_expr(Column::RevokeReason, Expr::value(reason.word()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    if let Some(id) = only {
        ending = ending.filter(Column::Id.eq(id));
    }
    let rows = ending.exec_with_returning(db).await.map_err(store::fault)?;
    Ok(rows.into_iter().map(session).collect())
}

/// Makes a session act as another profile; returns it as it is now, `None` if it is not live.
pub(crate) async fn switch(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    id: Uuid,
    profile_id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Session>> {
    let rows = Entity::update_many()
        .col_expr(Column::ActiveProfileId, Expr::value(profile_id))
        .col_expr(Column::LastActivityAt, Expr::value(now))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(rows.into_iter().next().map(session))
}

/// Makes every session of the account that acts as one profile act as another (AU-12); returns them.
pub(crate) async fn move_all(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    from: Uuid,
    to: Uuid,
) -> Result<Vec<Session>> {
    let rows = Entity::update_many()
        .col_expr(Column::ActiveProfileId, Expr::value(to))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::ActiveProfileId.eq(from))
        .filter(Column::RevokedAt.is_null())
        .exec_with_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(rows.into_iter().map(session).collect())
}

/// Notes that the session was refreshed and lives on.
pub(crate) async fn refreshed(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<()> {
    let row = ActiveModel {
        id: Set(id),
        last_activity_at: Set(now),
        expires_at: Set(expires_at),
        ..Default::default()
    };
    Entity::update(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Notes that the session was used, at most once a minute.
pub(crate) async fn touch(db: &impl ConnectionTrait, account_id: Uuid, id: Uuid) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastActivityAt, Expr::current_timestamp())
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .filter(Expr::col(Column::LastActivityAt).lt(Expr::cust_with_values(
            "now() - make_interval(secs => $1)",
            [ACTIVITY_SECONDS],
        )))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Seen {
    seen: bool,
}

/// Whether the account signed in before with this agent or from this network (/24, /64).
pub(crate) async fn seen_before(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    user_agent: Option<&str>,
    ip: Option<IpAddr>,
) -> Result<bool> {
    let ask = Statement::from_sql_and_values(
        db.get_database_backend(),
        "select exists (select 1 from sessions where account_id = $1 and (user_agent = $2 or \
         network(set_masklen(ip, $4)) = network(set_masklen($3::text::inet, $4)))) as seen",
        [
            account_id.into(),
            user_agent.into(),
            ip.map(|ip| ip.to_string()).into(),
            (if ip.is_some_and(|ip| ip.is_ipv6()) {
                64
            } else {
                24
            })
            .into(),
        ],
    );
    let seen = Seen::find_by_statement(ask)
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(seen.is_some_and(|seen| seen.seen))
}

/// Counts the live sessions of everybody.
pub(crate) async fn count_live(db: &impl ConnectionTrait) -> Result<u64> {
    Entity::find()
        .filter(Column::RevokedAt.is_null())
        .filter(Expr::col(Column::ExpiresAt).gt(Expr::current_timestamp()))
        .count(db)
        .await
        .map_err(store::fault)
}

/// Returns how many accounts were active within the last day, and within the last 30 days.
pub(crate) async fn count_active(db: &impl ConnectionTrait) -> Result<(i64, i64)> {
    let count = Statement::from_string(
        DbBackend::Postgres,
        "select count(distinct account_id) filter (where last_activity_at > now() - interval '1 day') as day, \
                count(distinct account_id) as month \
         from sessions where last_activity_at > now() - interval '30 days'",
    );
    let row = db.query_one_raw(count).await.map_err(store::fault)?;
    let Some(row) = row else { return Ok((0, 0)) };
    let read = |column| row.try_get("", column).map_err(store::fault);
    Ok((read("day")?, read("month")?))
}

/// Removes sessions that ended before `before`, with their refresh tokens; returns how many.
pub(crate) async fn purge(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<u64> {
    let removed = Entity::delete_many()
        .filter(
            Column::ExpiresAt
                .lt(before)
                .or(Column::RevokedAt.lt(before)),
        )
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(removed.rows_affected)
}

async fn one(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Option<Session>> {
    Ok(query.one(db).await.map_err(store::fault)?.map(session))
}

fn session(row: Model) -> Session {
    Session {
        id: row.id,
        account_id: row.account_id,
        active_profile_id: row.active_profile_id,
        device_name: row.device_name,
        user_agent: row.user_agent,
        ip: row.ip.as_deref().and_then(address),
        created_at: row.created_at,
        last_activity_at: row.last_activity_at,
        expires_at: row.expires_at,
        absolute_expires_at: row.absolute_expires_at,
        revoked_at: row.revoked_at,
        version: row.version,
    }
}
