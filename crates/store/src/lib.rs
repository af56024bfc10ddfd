#![doc = include_str!("../README.md")]

pub mod cursor;
mod db;
mod error;
pub mod idempotency;
mod lease;
pub mod list;
pub mod role;
mod tx;
mod unit;
pub mod visibility;

pub use db::{Config, Db};
pub use error::{fault, violated};
pub use lease::Lease;
pub use tx::Tx;
pub use unit::{CallConnection, Unit};
