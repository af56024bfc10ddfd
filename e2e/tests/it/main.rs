//! Black-box tests over the public door.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

mod actors;
mod assignment;
mod cache;
mod conditional;
mod documented;
mod edge;
mod erasure;
mod events;
mod feed;
mod grpc;
mod hidden;
mod hostile;
mod idempotency;
mod journey;
mod limits;
mod lists;
mod operating;
mod profiles;
mod projections;
mod races;
mod replies;
mod routes;
mod scale;
mod seed;
mod sessions;
mod stage;
mod stream;
mod updates;
