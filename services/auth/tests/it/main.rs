//! The auth service on real PostgreSQL and Redis, with a real SMTP server and a scripted profile service.
#![allow(clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod account;
mod idempotency;
mod mail;
mod otp;
mod peer;
mod profile;
mod redeem;
mod refresh;
mod revocation;
mod session;
mod settings;
mod shuffled;
mod sign_in;
mod sink;
mod world;
