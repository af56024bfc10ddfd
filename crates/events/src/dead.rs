//! Dead letters: events that failed, their later tries, and their replay (EB-5).

use contracts::common::v1::Envelope;
use fault::{Fault, Result};
use prost::Message;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use store::Db;
use time::OffsetDateTime;
use uuid::Uuid;

/// Tries in all; after the last the letter waits for an operator.
const TRIES: i32 = 5;

/// A letter that is due for another try.
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) event: Uuid,
    pub(crate) envelope: Envelope,
    pub(crate) attempts: i32,
}

/// Keeps an event that failed at its first try; the next one is due in a second.
pub(crate) async fn keep(
    db: &Db,
    consumer: &str,
    event: Uuid,
    envelope: &Envelope,
    error: &Fault,
) -> Result<()> {
    let insert = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into dead_letters (id, consumer, event_id, type, payload, attempts, next_try_at, error) \
         values ($1, $2, $3, $4, $5, 1, now() + interval '1 second', $6) \
         on conflict (consumer, event_id) do nothing",
        [
            Uuid::now_v7().into(),
            consumer.into(),
            event.into(),
            envelope.r#type.clone().into(),
            envelope.encode_to_vec().into(),
            cause(error).into(),
        ],
    );
    db.connection()
        .execute_raw(insert)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Keeps bytes that are no envelope, dead at once: trying again would not change them.
pub(crate) async fn keep_broken(db: &Db, consumer: &str, bytes: &[u8]) -> Result<()> {
    let insert = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into dead_letters (id, consumer, event_id, type, payload, attempts, next_try_at, dead, error) \
         values ($1, $2, $3, 'unknown', $4, 1, now(), true, 'not an envelope')",
        [
            Uuid::now_v7().into(),
            consumer.into(),
            Uuid::now_v7().into(),
            bytes.to_vec().into(),
        ],
    );
    db.connection()
        .execute_raw(insert)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// What there is to do, by one statement: whether a letter of the consumer is due, and how many of the schema are dead.
pub(crate) async fn look(db: &Db, consumer: &str) -> Result<(bool, u64)> {
    let look = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select exists (select from dead_letters where consumer = $1 and not dead and next_try_at <= now()) as is_due, \
           (select count(*) from dead_letters where dead) as dead",
        [consumer.into()],
    );
    let row = db.connection().query_one_raw(look).await;
    let Some(row) = row.map_err(store::fault)? else {
        return Ok((false, 0));
    };
    let dead: i64 = row.try_get("", "dead").map_err(store::fault)?;
    let is_due = row.try_get("", "is_due").map_err(store::fault)?;
    Ok((is_due, dead.unsigned_abs()))
}

/// Takes the oldest due letter for a try. Its next try is moved on before the work, so that a crash costs a try, not the letter.
pub(crate) async fn take_due(db: &Db, consumer: &str) -> Result<Option<Due>> {
    let take = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "update dead_letters set attempts = attempts + 1, next_try_at = now() + power(5, attempts) * interval '1 second' \
         where id = (select id from dead_letters where consumer = $1 and not dead and next_try_at <= now() \
                     order by next_try_at limit 1 for update skip locked) \
         returning id, event_id, payload, attempts",
        [consumer.into()],
    );
    let Some(row) = db
        .connection()
        .query_one_raw(take)
        .await
        .map_err(store::fault)?
    else {
        return Ok(None);
    };
    let payload: Vec<u8> = row.try_get("", "payload").map_err(store::fault)?;
    Ok(Some(Due {
        id: row.try_get("", "id").map_err(store::fault)?,
        event: row.try_get("", "event_id").map_err(store::fault)?,
        // Bytes that are no envelope have no type anybody handles, and so no effect.
        envelope: Envelope::decode(payload.as_slice()).unwrap_or_default(),
        attempts: row.try_get("", "attempts").map_err(store::fault)?,
    }))
}

/// Removes a letter in the transaction of its effect.
pub(crate) async fn settle(on: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    let delete = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "delete from dead_letters where id = $1",
        [id.into()],
    );
    on.execute_raw(delete).await.map_err(store::fault)?;
    Ok(())
}

/// Notes why a try failed; the last one declares the letter dead.
pub(crate) async fn failed(db: &Db, due: &Due, error: &Fault) -> Result<()> {
    let dead = due.attempts >= TRIES;
    let note = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "update dead_letters set error = $2, dead = $3, last_failed_at = now() where id = $1",
        [due.id.into(), cause(error).into(), dead.into()],
    );
    db.connection()
        .execute_raw(note)
        .await
        .map_err(store::fault)?;
    if dead {
        tracing::error!(event = %due.envelope.event_id, r#type = %due.envelope.r#type, cause = %cause(error),
            "an event failed {TRIES} times and waits for an operator");
    }
    Ok(())
}

/// How many letters are dead and wait for an operator.
///
/// # Errors
/// See [`store::fault`].
pub async fn count(db: &Db) -> Result<u64> {
    let count = Statement::from_string(
        DbBackend::Postgres,
        "select count(*) as n from dead_letters where dead",
    );
    let row = db
        .connection()
        .query_one_raw(count)
        .await
        .map_err(store::fault)?;
    let n: i64 = row
        .map_or(Ok(0), |row| row.try_get("", "n"))
        .map_err(store::fault)?;
    Ok(n.unsigned_abs())
}

/// A dead letter as operators see it: everything but what the event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its id, by which it is replayed.
    pub id: Uuid,
    /// The event.
    pub event: Uuid,
    /// The event's type; `unknown` when the entry was no event.
    pub type_name: String,
    /// The service that could not handle it.
    pub consumer: String,
    /// How often it was tried since it came or was last replayed.
    pub tries: i32,
    /// When it failed first.
    pub first_failed_at: OffsetDateTime,
    /// When it failed last.
    pub last_failed_at: OffsetDateTime,
    /// Why it failed last.
    pub cause: String,
}

/// The schema's dead letters that wait for an operator, the oldest first.
///
/// # Errors
/// See [`store::fault`].
pub async fn list(db: &Db) -> Result<Vec<Letter>> {
    let select = Statement::from_string(
        DbBackend::Postgres,
        "select id, event_id, type, consumer, attempts, created_at, last_failed_at, error \
         from dead_letters where dead order by created_at, id",
    );
    let rows = db
        .connection()
        .query_all_raw(select)
        .await
        .map_err(store::fault)?;
    rows.iter()
        .map(|row| letter(row).map_err(store::fault))
        .collect()
}

fn letter(row: &QueryResult) -> std::result::Result<Letter, DbErr> {
    Ok(Letter {
        id: row.try_get("", "id")?,
        event: row.try_get("", "event_id")?,
        type_name: row.try_get("", "type")?,
        consumer: row.try_get("", "consumer")?,
        tries: row.try_get("", "attempts")?,
        first_failed_at: row.try_get("", "created_at")?,
        last_failed_at: row.try_get("", "last_failed_at")?,
        cause: row.try_get("", "error")?,
    })
}

/// Gives every dead letter of the schema five new tries, the first at once; returns how many there were.
///
/// # Errors
/// See [`store::fault`].
pub async fn replay(db: &Db) -> Result<u64> {
    revive(db, "dead", Vec::new()).await
}

/// Gives one dead letter five new tries, the first at once; returns whether the schema has it and it is dead.
///
/// # Errors
/// See [`store::fault`].
pub async fn replay_one(db: &Db, id: Uuid) -> Result<bool> {
    Ok(revive(db, "dead and id = $1", vec![id.into()]).await? == 1)
}

async fn revive(db: &Db, which: &str, values: Vec<Value>) -> Result<u64> {
    let revive = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "update dead_letters set dead = false, attempts = 0, next_try_at = now() where {which}"
        ),
        values,
    );
    let revived = db
        .connection()
        .execute_raw(revive)
        .await
        .map_err(store::fault)?;
    Ok(revived.rows_affected())
}

/// The cause for operators: it stays in the table, which nobody outside reads.
fn cause(error: &Fault) -> String {
    let mut text = error.message().to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text.chars().take(2000).collect()
}
