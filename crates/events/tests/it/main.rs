//! Events on real PostgreSQL and Redis: published by one schema, consumed by another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by them"
)]

mod claiming;
mod consuming;
mod failing;
mod leading;
mod losing;
mod measuring;
mod projecting;
mod publishing;
mod scene;
mod schedules;
mod story;
mod trimming;
