//! Black-box tests over the public door: the harness.
//!
//! A [`World`] is the whole system in the test's process, on a database and a Redis database of its own, reached by
//! plain HTTP on a free loopback port.

#![allow(clippy::expect_used, reason = "a harness reports by panicking")]

mod client;
pub mod collector;
mod document;
pub mod examples;
mod grpc;
mod lines;
mod world;

pub use client::{Client, Reply};
pub use document::{Document, Operation};
pub use grpc::Grpc;
pub use lines::Lines;
pub use world::{Member, World};
