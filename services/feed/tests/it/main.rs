//! The feed service on real PostgreSQL and Redis, called as the edge calls it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say by panicking what went wrong"
)]

mod comment;
mod conditional;
mod cost;
mod cut;
mod feed_list;
mod guarded;
mod idempotency;
mod like;
mod limit;
mod list_rules;
mod post;
mod profiles;
mod removal;
mod replica;
mod schedule;
mod shuffled;
mod stream;
mod views;
mod visibility;
mod wire;
mod world;
