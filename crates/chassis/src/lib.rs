#![doc = include_str!("../README.md")]

mod changes;
mod host;
mod layers;
mod routes;
mod secret;
mod service;
mod task;

pub mod admin;
pub mod settings;

pub use host::{Database, Host, HostConfig, Readiness, RedisServer, SERVICES};
pub use layers::{Guarded, Ledger, guarded};
pub use routes::Routes;
pub use secret::{Keys, Secret};
pub use service::{Kit, Parts, Service};
pub use task::{Outcome, Shutdown, Task, Tasks};

pub use async_trait::async_trait;
