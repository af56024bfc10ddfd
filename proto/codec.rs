//! The codec of every generated client and server.

/// The codec.
pub type Codec<T, U> = tonic_prost::ProstCodec<T, U>;
