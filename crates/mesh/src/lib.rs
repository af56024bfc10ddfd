#![doc = include_str!("../README.md")]

mod breaker;
mod channel;
mod config;
mod forward;
mod observed;
mod peers;
mod remote;
mod resolve;
mod retry;

pub mod metadata;
pub mod timed;

#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use config::{Address, Config, ConfigError, Target};
pub use forward::{MESSAGE_LIMIT, Messages, Reply, Verbatim};
pub use peers::{Hosted, Mesh, Peers, STREAM_DEADLINE, USER_STREAM_DEADLINE};
pub use resolve::{Resolve, SystemResolver};
