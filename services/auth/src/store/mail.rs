//! The mail queue (AU-17): what has still to be handed to the SMTP server, encrypted.

use std::time::Duration;

use entity::auth::mail_queue::{ActiveModel, Column, Entity, Model};
use fault::Result;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// One mail in the queue.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) id: Uuid,
    /// The recipient's address, encrypted.
    pub(crate) to: Vec<u8>,
    /// What it says, encrypted.
    pub(crate) params: Vec<u8>,
    /// How often it was tried, this time included.
    pub(crate) tries: i32,
}

impl Queued {
    /// How long it has been in the queue: its `UUIDv7` begins with the time it was put there.
    pub(crate) fn waited(&self) -> Duration {
        let queued = self.id.get_timestamp().map_or(0, |queued| {
            let (seconds, nanos) = queued.to_unix();
            Duration::new(seconds, nanos).as_millis()
        });
        let now = identity::clock::now().unix_timestamp_nanos() / 1_000_000;
        let waited = now.unsigned_abs().saturating_sub(queued);
        Duration::from_millis(u64::try_from(waited).unwrap_or(u64::MAX))
    }
}

/// Puts a mail into the queue, to be sent at once and dropped at `expires_at`.
pub(crate) async fn enqueue(
    db: &impl ConnectionTrait,
    mail: Queued,
    template: &'static str,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<()> {
    let row = ActiveModel {
        id: Set(mail.id),
        to_enc: Set(mail.to),
        template: Set(template.to_owned()),
        params_enc: Set(mail.params),
        tries: Set(0),
        next_try_at: Set(now),
        expires_at: Set(expires_at),
    };
    Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Returns in how long the first mail is due or of no use any more; zero when one is, `None` when there is none.
pub(crate) async fn due_in(db: &impl ConnectionTrait) -> Result<Option<Duration>> {
    let ask = Statement::from_string(
        db.get_database_backend(),
        "select extract(epoch from min(least(next_try_at, expires_at)) - now())::float8 as due_in from mail_queue",
    );
    let row = db.query_one_raw(ask).await.map_err(store::fault)?;
    let due: Option<f64> = row
        .map_or(Ok(None), |row| row.try_get("", "due_in"))
        .map_err(store::fault)?;
    Ok(due.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// Takes up to `most` due mails; each is due again after `lease`, should its sender die.
pub(crate) async fn claim(
    db: &impl ConnectionTrait,
    most: u64,
    lease: Duration,
) -> Result<Vec<Queued>> {
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Expr::col(Column::NextTryAt).lte(Expr::current_timestamp()))
        .and_where(Expr::col(Column::ExpiresAt).gt(Expr::current_timestamp()))
        .order_by(Column::NextTryAt, sea_orm::Order::Asc)
        .limit(most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let rows = Entity::update_many()
        .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
        .col_expr(Column::NextTryAt, after(lease))
        .filter(Column::Id.in_subquery(due))
        .exec_with_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(rows.into_iter().map(queued).collect())
}

/// Puts a mail off that could not be sent.
pub(crate) async fn postpone(db: &impl ConnectionTrait, id: Uuid, by: Duration) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::NextTryAt, after(by))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Removes a mail that was delivered or cannot be.
pub(crate) async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    Entity::delete_by_id(id)
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Removes and returns the mails that are of no use any more.
pub(crate) async fn expired(db: &impl ConnectionTrait) -> Result<Vec<Queued>> {
    let rows = Entity::delete_many()
        .filter(Expr::col(Column::ExpiresAt).lte(Expr::current_timestamp()))
        .exec_with_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(rows.into_iter().map(queued).collect())
}

fn after(wait: Duration) -> Expr {
    Expr::cust_with_values("now() + make_interval(secs => $1)", [wait.as_secs_f64()])
}

fn queued(row: Model) -> Queued {
    Queued {
        id: row.id,
        to: row.to_enc,
        params: row.params_enc,
        tries: row.tries,
    }
}
