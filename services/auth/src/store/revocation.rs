//! Revocations: added in the transaction of what they follow from (AU-9).

use entity::auth::revocations::{ActiveModel, Column, Entity, Model};
use fault::Result;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::corrupt;
use crate::domain::revocation::{Kind, Revocation};

/// How far back every poll reads again: sequence numbers commit out of order (AU-9).
const REREAD_SECONDS: i32 = 30;

/// Adds one revocation a subject, effective now.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    kind: Kind,
    subjects: &[Uuid],
    now: OffsetDateTime,
    memory: Duration,
) -> Result<()> {
    if subjects.is_empty() {
        return Ok(());
    }
    let rows = subjects.iter().map(|subject| ActiveModel {
        kind: Set(kind.word().to_owned()),
        subject_id: Set(*subject),
        effective_at: Set(now),
        expires_at: Set(now + memory),
        ..Default::default()
    });
    Entity::insert_many(rows)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Returns when the newest revocation takes effect that would hit a token of this account and profile minted
/// in this second. Looked up by expiry, which has the index and is `effective_at` plus a constant.
pub(crate) async fn newest_hitting(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    profile_id: Uuid,
    now: OffsetDateTime,
    memory: Duration,
) -> Result<Option<OffsetDateTime>> {
    let second = now.replace_nanosecond(0).unwrap_or(now);
    let newest: Option<Option<OffsetDateTime>> = Entity::find()
        .select_only()
        .column_as(Column::EffectiveAt.max(), "newest")
        .filter(Column::ExpiresAt.gte(second + memory))
        .filter(hits(account_id, profile_id))
        .into_tuple()
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(newest.flatten())
}

/// Whether a token of this account and profile, issued at this Unix second, is out of date.
pub(crate) async fn outdated(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    profile_id: Uuid,
    issued_at: i64,
) -> Result<bool> {
    let issued =
        OffsetDateTime::from_unix_timestamp(issued_at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let hit = Entity::find()
        .filter(Column::EffectiveAt.gte(issued))
        .filter(hits(account_id, profile_id))
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(hit.is_some())
}

fn hits(account_id: Uuid, profile_id: Uuid) -> Condition {
    let account = Column::SubjectId
        .eq(account_id)
        .and(Column::Kind.is_in([Kind::Role.word(), Kind::Account.word()]));
    let profile = Column::SubjectId
        .eq(profile_id)
        .and(Column::Kind.eq(Kind::Profile.word()));
    Condition::any().add(account).add(profile)
}

/// Returns the unexpired revocations above a sequence number, and all of the last 30 s whatever their number.
pub(crate) async fn unexpired(db: &impl ConnectionTrait, after: i64) -> Result<Vec<Revocation>> {
    let wanted = Condition::any().add(Column::Seq.gt(after)).add(recent());
    all(
        db,
        Entity::find()
            .filter(Expr::col(Column::ExpiresAt).gt(Expr::current_timestamp()))
            .filter(wanted),
    )
    .await
}

/// Returns the revocations of the last 30 s.
pub(crate) async fn of_late(
    db: &impl ConnectionTrait,
    memory: Duration,
) -> Result<Vec<Revocation>> {
    // By expiry, which has the index; see `newest_hitting`.
    let indexed = Expr::col(Column::ExpiresAt).gt(Expr::cust_with_values(
        "now() + make_interval(secs => $1)",
        [(memory - Duration::seconds(REREAD_SECONDS.into())).as_seconds_f64()],
    ));
    all(db, Entity::find().filter(indexed).filter(recent())).await
}

/// Removes what no token can be hit by any more; returns how many rows.
pub(crate) async fn purge(db: &impl ConnectionTrait) -> Result<u64> {
    let removed = Entity::delete_many()
        .filter(Expr::col(Column::ExpiresAt).lte(Expr::current_timestamp()))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(removed.rows_affected)
}

fn recent() -> Expr {
    Expr::col(Column::EffectiveAt).gt(Expr::cust_with_values(
        "now() - make_interval(secs => $1)",
        [f64::from(REREAD_SECONDS)],
    ))
}

async fn all(db: &impl ConnectionTrait, query: sea_orm::Select<Entity>) -> Result<Vec<Revocation>> {
    let rows = query
        .order_by_asc(Column::Seq)
        .all(db)
        .await
        .map_err(store::fault)?;
    rows.iter().map(revocation).collect()
}

fn revocation(row: &Model) -> Result<Revocation> {
    Ok(Revocation {
        seq: row.seq,
        kind: Kind::of(&row.kind).ok_or_else(|| corrupt("a revocation has an unknown kind"))?,
        subject_id: row.subject_id,
        effective_at: row.effective_at,
        expires_at: row.expires_at,
    })
}
