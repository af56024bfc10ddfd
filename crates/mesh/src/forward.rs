//! Calls whose messages stay bytes: the edge's path.

mod frame;
mod messages;

use bytes::{Buf as _, BufMut as _, Bytes};
use fault::{Fault, Result};
use identity::Context;
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};

use crate::Peers;

pub use messages::Messages;

/// The largest message, both ways and in streams (TR-8, N-14), in bytes.
pub const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;

/// The reply to a forwarded call.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The reply message, encoded.
    pub message: Bytes,
    /// The reply's metadata, trailers included.
    pub metadata: MetadataMap,
}

impl Peers {
    /// Calls the unary RPC at `path` with an encoded message.
    ///
    /// # Errors
    /// What the callee answers; `GATEWAY_TIMEOUT` past the deadline; `SERVICE_UNAVAILABLE`
    /// when the callee is not hosted; `PAYLOAD_TOO_LARGE` for messages above
    /// [`MESSAGE_LIMIT`].
    pub async fn forward(
        &self,
        callee: &'static str,
        ctx: &Context,
        path: &str,
        message: Bytes,
    ) -> Result<Reply> {
        self.forward_with(callee, ctx, path, message, MetadataMap::new())
            .await
    }

    /// As [`Peers::forward`], with the metadata that passes a channel
    /// (`if-match`, `idempotency-key`); other metadata is dropped on the way.
    ///
    /// # Errors
    /// As [`Peers::forward`].
    pub async fn forward_with(
        &self,
        callee: &'static str,
        ctx: &Context,
        path: &str,
        message: Bytes,
        metadata: MetadataMap,
    ) -> Result<Reply> {
        if message.len() > MESSAGE_LIMIT {
            return Err(Fault::of(fault::Reason::PayloadTooLarge));
        }
        let path = match self.method(path) {
            Some(method) => method.path.clone(),
            None => path.parse().map_err(Fault::internal)?,
        };
        let request = frame::request(path, metadata, &message)?;
        frame::reply(self.call(callee, ctx).send(request).await).await
    }
}

/// A reply above the limit is a defect of the callee, not of the request: tonic says
/// `OUT_OF_RANGE` without details for it.
fn failure(status: Status) -> Fault {
    if status.code() == Code::OutOfRange && status.details().is_empty() {
        return Fault::internal(status);
    }
    Fault::from(status)
}

/// A codec that leaves messages as they are, encoded.
#[derive(Clone, Copy, Debug)]
pub struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(
        &mut self,
        message: Bytes,
        into: &mut EncodeBuf<'_>,
    ) -> std::result::Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
