//! The transcoder's rules, each test named by the rule it holds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod codec;
mod contracts;
mod envelope;
mod generate;
mod property;
mod protos;
mod query;
mod request;
mod routing;
