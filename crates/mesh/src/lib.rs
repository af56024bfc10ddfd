#![doc = include_str!("../README.md")]

mod channel;
mod forward;
mod peers;

pub mod metadata;
pub mod timed;

#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use forward::{MESSAGE_LIMIT, Messages, Reply, Verbatim};
pub use peers::{Hosted, Mesh, Peers, STREAM_DEADLINE, USER_STREAM_DEADLINE};
