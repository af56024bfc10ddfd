#![doc = include_str!("../README.md")]

mod db;
mod error;
mod lease;
pub mod list;
pub mod role;
pub mod visibility;

pub use db::{Config, Db, Tx};
pub use error::{fault, violated};
pub use lease::Lease;
