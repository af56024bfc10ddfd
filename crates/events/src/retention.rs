//! How long plumbing rows live: published outbox rows 7 days, inbox rows 8 (EB-1, EB-4, N-56), dead letters 30.

use fault::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::Db;

/// Rows removed by one statement, which keeps each short.
const SLICE: u64 = 5_000;

/// Removes outbox rows published more than 7 days ago, inbox rows older than 8 days, and rows of the projections that
/// ended more than 8 days ago: no event that could bring them back is kept anywhere by then.
///
/// A dead letter nobody replayed goes after 30 days with its alert: what it says of people must not outlive them longer
/// (AU-22, PJ-4).
pub(crate) async fn purge(db: &Db, projections: &[&str]) -> Result<()> {
    remove(db, "outbox", "published_at < now() - interval '7 days'").await?;
    remove(db, "inbox", "processed_at < now() - interval '8 days'").await?;
    let letters = "dead and created_at < now() - interval '30 days'";
    let given_up = remove(db, "dead_letters", letters).await?;
    if given_up > 0 {
        tracing::error!(
            given_up,
            "dead letters nobody replayed for 30 days were removed"
        );
    }
    for table in projections {
        remove(db, table, "removed_at < now() - interval '8 days'").await?;
    }
    Ok(())
}

async fn remove(db: &Db, table: &str, old: &str) -> Result<u64> {
    let sql = format!(
        "delete from {table} where ctid = any (array(select ctid from {table} where {old} limit {SLICE}))"
    );
    let mut all = 0;
    loop {
        let statement = Statement::from_string(DbBackend::Postgres, sql.clone());
        let removed = db
            .connection()
            .execute_raw(statement)
            .await
            .map_err(store::fault)?;
        all += removed.rows_affected();
        if removed.rows_affected() < SLICE {
            return Ok(all);
        }
    }
}
