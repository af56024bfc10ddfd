//! The contracts: every message, client and server of the mesh, generated from
//! the `.proto` files beside this one, and the descriptor set they came from.
//!
//! Beside the types, the build turns our options into Rust:
//!
//! - [`rpc`] gives the rules of an RPC by its gRPC path (who may call it, its
//!   deadline, what its list may be sorted and filtered by);
//! - [`Word`] is how an enum is written in JSON, in SQL and in filters;
//! - [`Validate`] normalises and checks a request. Nobody calls it by hand: the
//!   [`codec`] of every generated client and server does, so a handler only ever
//!   sees requests that satisfy the options of their fields.

pub mod codec;
mod keyed;
mod rules;
pub mod validation;
mod word;

#[allow(
    missing_docs,
    clippy::all,
    rustdoc::all,
    clippy::doc_markdown,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    rust_2018_idioms,
    reason = "generated"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

pub use generated::google;
pub use generated::smilefactory::*;
pub use keyed::{Idempotency, Keyed, Replay};
pub use rules::{Access, Cache, Effect, FilterKind, FilterRule, ListRule, RpcRule, rpc, rpcs};
pub use validation::{Check, Validate};
pub use word::Word;

/// The encoded `FileDescriptorSet` of every contract, with options and comments.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// The largest unary message in bytes, both ways (TR-8). Clients and servers
/// set it explicitly; the codec refuses to encode more.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
