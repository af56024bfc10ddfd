//! The profile service against real PostgreSQL and Redis, through its layers.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what failed")]

mod account;
mod conditional;
mod create;
mod delete;
mod idempotency;
mod internal;
mod primary;
mod shuffled;
mod tables;
mod update;
mod visibility;
mod wizard;
mod world;
