//! The body of a stream's reply: what its pump hands over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::respond::StreamError;

/// What a pump hands over. A pump that stops without an end broke off.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Bytes to send.
    Data(Bytes),
    /// The body is complete.
    End,
    /// The body is complete, and this is said of it.
    Trailers(HeaderMap),
}

/// Bytes as a pump hands them over. Dropping it, which is what happens when the reader leaves, ends the pump (ST-5).
#[derive(Debug)]
pub(super) struct Pumped {
    chunks: mpsc::Receiver<Chunk>,
    ended: bool,
    _pump: JoinSet<()>,
}

impl Pumped {
    pub(super) fn new(chunks: mpsc::Receiver<Chunk>, pump: JoinSet<()>) -> Self {
        Self {
            chunks,
            ended: false,
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
        if self.ended {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.chunks.poll_recv(cx));
        self.ended = !matches!(chunk, Some(Chunk::Data(_)));
        Poll::Ready(match chunk {
            Some(Chunk::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Chunk::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Chunk::End) => None,
            None => Some(Err("the stream broke off".into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}
