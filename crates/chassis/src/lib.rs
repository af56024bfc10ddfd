#![doc = include_str!("../README.md")]

mod changes;
mod health;
mod host;
mod layers;
mod listener;
mod overload;
mod readiness;
mod routes;
mod secret;
mod service;
mod task;

pub mod admin;
pub mod settings;

pub use host::{Database, Host, HostConfig, RedisServer, SERVICES};
pub use layers::{Guarded, Ledger, guarded};
pub use listener::{Listen, Listener};
pub use overload::{Capacity, Claim, Overload, Place};
pub use readiness::Readiness;
pub use routes::Routes;
pub use secret::{Keys, Secret};
pub use service::{Kit, Parts, Service};
pub use task::{Outcome, Shutdown, Task, Tasks};

pub use async_trait::async_trait;
