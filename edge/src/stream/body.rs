//! The body of a stream's reply: what its pump hands over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::respond::StreamError;

/// What a pump hands over. A pump that stops without saying [`Chunk::End`] broke off.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Bytes to send.
    Data(Bytes),
    /// The stream is complete.
    End,
}

/// Bytes as a pump hands them over. Dropping it, which is what happens when the reader leaves, ends the pump (ST-5).
#[derive(Debug)]
pub(super) struct Pumped {
    chunks: mpsc::Receiver<Chunk>,
    _pump: JoinSet<()>,
}

impl Pumped {
    pub(super) fn new(chunks: mpsc::Receiver<Chunk>, pump: JoinSet<()>) -> Self {
        Self {
            chunks,
            _pump: pump,
        }
    }
}

impl Body for Pumped {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        Poll::Ready(match ready!(self.chunks.poll_recv(cx)) {
            Some(Chunk::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Chunk::End) => None,
            None => Some(Err("the stream broke off".into())),
        })
    }
}
