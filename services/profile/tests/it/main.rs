//! The profile service against real PostgreSQL and Redis, through its layers.

mod account;
mod create;
mod delete;
mod internal;
mod primary;
mod tables;
mod update;
mod visibility;
mod world;
