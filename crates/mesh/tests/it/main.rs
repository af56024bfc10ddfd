//! Calls to other processes, against scripted HTTP/2 servers on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod calls;
mod names;
mod outages;
mod retries;
mod server;
