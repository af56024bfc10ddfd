//! JSON to wire and wire to JSON, in one pass each and without a message tree.

pub(crate) mod escape;
pub(crate) mod mask;
pub(crate) mod read;
pub(crate) mod time;
pub(crate) mod write;

/// Which JSON is spoken (K-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// ProtoJSON as protobuf.dev specifies it.
    Standard,
    /// The API's: every field printed, enum words, 64-bit integers as numbers
    /// where they are safe, timestamps with milliseconds, free JSON verbatim;
    /// input at most 64 levels deep and of at most 10 000 elements (TR-1..TR-6, TR-16).
    Api,
}
