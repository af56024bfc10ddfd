#![doc = include_str!("../README.md")]

pub mod changes;
mod client;
mod error;
mod observed;
mod reader;
mod script;
mod signal;
mod stream;

pub use client::Redis;
pub use reader::{Read, Reader};
pub use script::{Arg, Reply, Script};
pub use signal::{Signal, Subscription};
pub use stream::{Entry, Group};
