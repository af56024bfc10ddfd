//! The door over real TCP, in front of scripted services.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod bodies;
mod cache;
mod codings;
mod conditional;
mod floods;
mod forger;
mod forgery;
mod frames;
mod grpc;
mod h2;
mod heads;
mod house;
mod keys;
mod kinds;
mod leaks;
mod limits;
mod lines;
mod methods;
mod origins;
mod overload;
mod pages;
mod paths;
mod plain_http;
mod replies;
mod revocations;
mod rpc;
mod script;
mod slow;
mod smuggling;
mod spoofing;
mod streams;
mod tokens;
