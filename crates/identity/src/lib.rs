#![doc = include_str!("../README.md")]

mod caller;
mod context;
mod hash;
mod jws;

pub mod access;
pub mod clock;
pub mod internal;
pub mod request_id;

pub use caller::{Caller, Role, Viewer};
pub use context::{Context, ContextParts};
pub use hash::{derive, keyed_hash};
