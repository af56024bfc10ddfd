//! Migrations on a real PostgreSQL: what they leave behind, and how they run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by them"
)]

mod catalogue;
mod database;
mod runs;
