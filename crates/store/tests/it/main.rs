//! The store on a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by them"
)]

mod db;
mod idempotency;
mod list;
mod unit;
mod visibility;
