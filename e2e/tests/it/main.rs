//! Black-box tests over the public door.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

mod assignment;
mod cache;
mod conditional;
mod documented;
mod edge;
mod events;
mod feed;
mod grpc;
mod idempotency;
mod journey;
mod limits;
mod lists;
mod profiles;
mod races;
mod routes;
mod seed;
mod sessions;
mod stream;
mod updates;
