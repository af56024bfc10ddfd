//! The transcoder's rules, each test named by the rule it holds.

mod codec;
mod envelope;
mod generate;
mod property;
mod protos;
mod query;
mod request;
mod routing;
