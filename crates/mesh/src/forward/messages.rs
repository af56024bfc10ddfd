//! Server streams whose messages stay bytes.

use std::{
    fmt,
    pin::Pin,
    task::{Context as Task, Poll},
};

use bytes::Bytes;
use fault::{Fault, Reason, Result};
use futures_util::Stream;
use http::uri::PathAndQuery;
use identity::Context;
use tonic::{Request, Streaming, client::Grpc};

use super::{MESSAGE_LIMIT, Verbatim, failure};
use crate::Peers;

/// The messages of a server stream, encoded, each at most [`MESSAGE_LIMIT`]. After an
/// error nothing more comes. Dropping it cancels the call at once (ST-5).
pub struct Messages(Streaming<Bytes>);

impl Peers {
    /// Calls the server-streaming RPC at `path` with an encoded message. The deadline of
    /// the context is that of the whole stream; what bounds the wait for its head is the
    /// caller's to choose.
    ///
    /// # Errors
    /// What the callee refuses the call with; `GATEWAY_TIMEOUT` past the deadline;
    /// `SERVICE_UNAVAILABLE` when the callee is not hosted; `PAYLOAD_TOO_LARGE` for a
    /// message above [`MESSAGE_LIMIT`]. The stream itself yields what it breaks off with.
    pub async fn forward_streaming(
        &self,
        callee: &'static str,
        ctx: &Context,
        path: &str,
        message: Bytes,
    ) -> Result<Messages> {
        if message.len() > MESSAGE_LIMIT {
            return Err(Fault::of(Reason::PayloadTooLarge));
        }
        let path = PathAndQuery::try_from(path).map_err(Fault::internal)?;
        let mut client = Grpc::new(self.call(callee, ctx)).max_decoding_message_size(MESSAGE_LIMIT);
        let Ok(()) = client.ready().await;
        let reply = client
            .server_streaming(Request::new(message), path, Verbatim)
            .await
            .map_err(failure)?;
        Ok(Messages(reply.into_inner()))
    }
}

impl Stream for Messages {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Option<Result<Bytes>>> {
        Pin::new(&mut self.0)
            .poll_next(cx)
            .map(|next| next.map(|message| message.map_err(failure)))
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}
