#![doc = include_str!("../README.md")]

mod caller;
mod context;
mod expected;
mod hash;
mod jws;
mod seal;

pub mod access;
pub mod clock;
pub mod entity_tag;
pub mod internal;
pub mod request_id;

pub use caller::{Caller, Role, Viewer};
pub use context::{Context, ContextParts};
pub use expected::Expected;
pub use hash::{derive, keyed_hash};
pub use seal::{Sealer, Unspecified};
