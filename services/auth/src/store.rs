//! What the auth service keeps: rows in PostgreSQL, codes in Redis. The only place that sees SeaORM.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod code;
pub(crate) mod mail;
pub(crate) mod profile;
pub(crate) mod refresh_token;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod settings;

use std::net::IpAddr;

use fault::{Fault, Result};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use time::OffsetDateTime;

#[derive(FromQueryResult)]
struct Clock {
    now: OffsetDateTime,
}

/// The database's clock at this moment, by which everything stored begins and ends. Asked after the locks
/// are held, so that times rise in the order changes are committed.
pub(crate) async fn clock(db: &impl ConnectionTrait) -> Result<OffsetDateTime> {
    let ask = Statement::from_string(db.get_database_backend(), "select clock_timestamp() as now");
    let clock = Clock::find_by_statement(ask)
        .one(db)
        .await
        .map_err(store::fault)?;
    clock
        .map(|clock| clock.now)
        .ok_or_else(|| Fault::internal("the database has no clock"))
}

/// Reads an `inet` as PostgreSQL casts it to text, with its mask.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next().and_then(|ip| ip.parse().ok())
}

/// What a row holds that the schema's CHECKs should not have let in.
fn corrupt(what: &'static str) -> Fault {
    Fault::internal(what)
}
