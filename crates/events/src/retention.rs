//! How long plumbing rows live: published outbox rows 7 days, inbox rows 8 (EB-1, EB-4).

use fault::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use store::Db;

/// Removes outbox rows published more than 7 days ago and inbox rows older than 8 days.
pub(crate) async fn purge(db: &Db) -> Result<()> {
    for sql in [
        "delete from outbox where published_at < now() - interval '7 days'",
        "delete from inbox where processed_at < now() - interval '8 days'",
    ] {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        db.connection()
            .execute_raw(statement)
            .await
            .map_err(store::fault)?;
    }
    Ok(())
}
