#![doc = include_str!("../README.md")]

mod db;
mod error;
pub mod role;
pub mod visibility;

pub use db::{Config, Db, Tx};
pub use error::{fault, violated};
