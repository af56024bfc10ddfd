//! Claims and outcomes of keyed requests in `idempotency_keys` (ID-2, ID-3).
//!
//! A claim commits alone, before its request works; its outcome commits in the transaction of the effect. Times are the
//! database's.

use std::time::Duration;

use fault::{Fault, Reason, Result};
use identity::Context;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Db, fault};

/// How long a key means what it meant first (N-13), in hours.
const HOURS: i32 = 24;

/// How long a sign-in may be repeated by its key (ID-5, N-13), in seconds.
const SESSION_SECONDS: i32 = 60;

/// How long after its deadline a request without an outcome counts as dead (ID-3).
const GRACE: Duration = Duration::from_secs(10);

/// How often a claim is tried when the row it found is gone again.
const TRIES: usize = 3;

/// Rows removed by one statement, which keeps each short.
const SLICE: u64 = 5_000;

/// A request that asks for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose key it is.
    pub scope: String,
    /// The key.
    pub key: String,
    /// What tells the request from others.
    pub fingerprint: [u8; 32],
    /// How long such a request may take.
    pub deadline: Duration,
}

/// What a key stands for.
#[derive(Debug)]
pub enum Found {
    /// Nothing so far: the request is the caller's to do.
    Mine(Claim),
    /// The same request, which has not ended.
    Unfinished,
    /// Another request.
    Other,
    /// The same request, with its outcome.
    Outcome(Outcome),
    /// The same request, which began this session.
    Session(Uuid),
}

/// How a request ended, in the words of whoever stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub status: Vec<u8>,
    /// What it answered.
    pub body: Vec<u8>,
}

/// The right to do what a key stands for. It ends with an outcome, with its release, or by being taken over when its
/// owner is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    scope: String,
    key: String,
    /// Tells this claim from a later one of the same key.
    made_at: OffsetDateTime,
}

/// Claims a key, or returns what it stands for. The claim is committed when this returns.
///
/// # Errors
/// See [`fault`](crate::fault).
pub async fn claim(db: &Db, asked: &Asked) -> Result<Found> {
    for _ in 0..TRIES {
        if let Some(made_at) = take(db, asked).await? {
            return Ok(Found::Mine(Claim {
                scope: asked.scope.clone(),
                key: asked.key.clone(),
                made_at,
            }));
        }
        if let Some(found) = look(db, asked).await? {
            return Ok(found);
        }
    }
    // Others claim and release it without end; the next try is the client's.
    Ok(Found::Unfinished)
}

/// Of many that come at once, the row's lock lets one through.
async fn take(db: &Db, asked: &Asked) -> Result<Option<OffsetDateTime>> {
    let dead_after = asked.deadline + GRACE;
    let sql = format!(
        "insert into idempotency_keys as k (scope, key, fingerprint, state, created_at, expires_at) \
         values ($1, $2, $3, 'claimed', clock_timestamp(), clock_timestamp() + interval '{HOURS} hours') \
         on conflict (scope, key) do update set fingerprint = excluded.fingerprint, state = 'claimed', status = null, \
         body = null, session_id = null, created_at = excluded.created_at, expires_at = excluded.expires_at \
         where k.expires_at <= now() or (k.state = 'claimed' and k.fingerprint = excluded.fingerprint \
         and k.created_at < now() - $4 * interval '1 second') \
         returning created_at"
    );
    let values = [
        asked.scope.clone().into(),
        asked.key.clone().into(),
        asked.fingerprint.to_vec().into(),
        dead_after.as_secs_f64().into(),
    ];
    let row = one(db.connection(), &sql, values).await?;
    row.map(|row| row.try_get_by_index(0))
        .transpose()
        .map_err(fault)
}

async fn look(db: &Db, asked: &Asked) -> Result<Option<Found>> {
    let sql = "select fingerprint, state, status, body, session_id from idempotency_keys \
               where scope = $1 and key = $2";
    let values = [asked.scope.clone().into(), asked.key.clone().into()];
    let Some(row) = one(db.connection(), sql, values).await? else {
        return Ok(None);
    };
    let fingerprint: Vec<u8> = row.try_get_by_index(0).map_err(fault)?;
    if fingerprint != asked.fingerprint {
        return Ok(Some(Found::Other));
    }
    let state: String = row.try_get_by_index(1).map_err(fault)?;
    if state == "claimed" {
        return Ok(Some(Found::Unfinished));
    }
    if let Some(session) = row.try_get_by_index::<Option<Uuid>>(4).map_err(fault)? {
        return Ok(Some(Found::Session(session)));
    }
    let status: Option<Vec<u8>> = row.try_get_by_index(2).map_err(fault)?;
    let body: Option<Vec<u8>> = row.try_get_by_index(3).map_err(fault)?;
    Ok(Some(Found::Outcome(Outcome {
        status: status.unwrap_or_default(),
        body: body.unwrap_or_default(),
    })))
}

impl Claim {
    /// Stores the outcome: in the transaction of the effect, or alone when there is none.
    ///
    /// # Errors
    /// `IDEMPOTENCY_IN_PROGRESS` when the claim was taken over meanwhile: the effect must not become true then. Else
    /// see [`fault`](crate::fault).
    pub async fn finish(&self, db: &impl ConnectionTrait, outcome: Outcome) -> Result<()> {
        let set = "status = $4, body = $5";
        let values = [outcome.status.into(), outcome.body.into()];
        self.end(db, set, values).await
    }

    /// Stores the session a sign-in began, in the transaction that begins it. The key means this sign-in for 60 s.
    ///
    /// # Errors
    /// As [`Claim::finish`].
    pub async fn finish_with_session(
        &self,
        db: &impl ConnectionTrait,
        session: Uuid,
    ) -> Result<()> {
        let set = format!(
            "session_id = $4, expires_at = clock_timestamp() + interval '{SESSION_SECONDS} seconds'"
        );
        self.end(db, &set, [session.into()]).await
    }

    async fn end(
        &self,
        db: &impl ConnectionTrait,
        set: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<()> {
        let sql = format!(
            "update idempotency_keys set state = 'done', {set} \
             where scope = $1 and key = $2 and created_at = $3 and state = 'claimed'"
        );
        let ended = self.run(db, &sql, values).await?;
        if ended == 0 {
            return Err(
                Fault::of(Reason::IdempotencyInProgress).with_source("the claim was taken over")
            );
        }
        Ok(())
    }

    /// Gives an unfinished claim back; one that has an outcome stays.
    ///
    /// # Errors
    /// See [`fault`](crate::fault).
    pub async fn release(&self, db: &impl ConnectionTrait) -> Result<()> {
        let sql = "delete from idempotency_keys \
                   where scope = $1 and key = $2 and created_at = $3 and state = 'claimed'";
        self.run(db, sql, []).await.map(drop)
    }

    async fn run(
        &self,
        db: &impl ConnectionTrait,
        sql: &str,
        more: impl IntoIterator<Item = Value>,
    ) -> Result<u64> {
        let mut values: Vec<Value> = vec![
            self.scope.clone().into(),
            self.key.clone().into(),
            self.made_at.into(),
        ];
        values.extend(more);
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let done = db.execute_raw(statement).await.map_err(fault)?;
        Ok(done.rows_affected())
    }
}

/// Attached to the context of a keyed sign-in, whose reply is never stored (ID-5).
#[derive(Debug)]
pub enum SignIn {
    /// The session that begins is to be stored with this claim.
    First(Claim),
    /// The key has begun this session already.
    Repeat(Uuid),
}

impl SignIn {
    /// Stores the session a keyed sign-in begins, in the transaction that begins it; nothing without a key.
    ///
    /// # Errors
    /// As [`Claim::finish`].
    pub async fn note(ctx: &Context, db: &impl ConnectionTrait, session: Uuid) -> Result<()> {
        match ctx.attached::<Self>().as_deref() {
            Some(Self::First(claim)) => claim.finish_with_session(db, session).await,
            _ => Ok(()),
        }
    }

    /// Returns the session this sign-in has begun already, if its key says so.
    #[must_use]
    pub fn repeated(ctx: &Context) -> Option<Uuid> {
        match *ctx.attached::<Self>()? {
            Self::Repeat(session) => Some(session),
            Self::First(_) => None,
        }
    }
}

/// Removes keys whose time is over.
///
/// # Errors
/// See [`fault`](crate::fault).
pub async fn purge(db: &Db) -> Result<()> {
    let sql = format!(
        "delete from idempotency_keys where ctid = any (array(\
         select ctid from idempotency_keys where expires_at <= now() limit {SLICE} for update skip locked))"
    );
    loop {
        let statement = Statement::from_string(DbBackend::Postgres, sql.clone());
        let removed = db
            .connection()
            .execute_raw(statement)
            .await
            .map_err(fault)?;
        if removed.rows_affected() < SLICE {
            return Ok(());
        }
    }
}

async fn one(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    db.query_one_raw(statement).await.map_err(fault)
}
