//! The contracts: every message, client and server of the mesh, generated from
//! the `.proto` files beside this one, and the descriptor set they came from.

pub mod codec;

#[allow(missing_docs, clippy::all, clippy::doc_markdown, unreachable_pub, rust_2018_idioms, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

pub use generated::google;
pub use generated::smilefactory::*;

/// The encoded `FileDescriptorSet` of every contract, with options and comments.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
