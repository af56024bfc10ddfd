//! The body of a reply: whole, or a stream that may last for hours.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

/// What ends a stream before its time.
pub(crate) type StreamError = Box<dyn Error + Send + Sync>;

type Stream = Pin<Box<dyn Body<Data = Bytes, Error = StreamError> + Send>>;

/// All of a body, in two parts: the first may be shared by many replies. Either may be empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whole([Bytes; 2]);

impl Whole {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Returns it in one part.
    pub(crate) fn joined(&self) -> Bytes {
        match &self.0 {
            [all, none] | [none, all] if none.is_empty() => all.clone(),
            parts => parts.concat().into(),
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        let next = self.0.iter_mut().find(|part| !part.is_empty())?;
        Some(std::mem::take(next))
    }
}

/// The body of a reply.
pub(crate) enum ReplyBody {
    /// All of it, known before the head is sent.
    Whole(Whole),
    /// Bytes as they come.
    Stream(Stream),
}

impl ReplyBody {
    /// Returns a body of these bytes.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::in_parts([bytes.into(), Bytes::new()])
    }

    /// Returns a body of these bytes, one part after the other.
    pub(crate) fn in_parts(parts: [Bytes; 2]) -> Self {
        Self::Whole(Whole(parts))
    }

    /// Returns a body that is sent as it comes. Its error ends the connection (HTTP/1.1) or the stream (HTTP/2) abnormally.
    pub(crate) fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StreamError>,
    {
        Self::Stream(Box::pin(body.map_err(Into::into)))
    }

    /// Returns all of a body that is not sent as it comes.
    pub(crate) fn as_whole(&self) -> Option<&Whole> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Stream(_) => None,
        }
    }

    /// Reports whether the body is sent as it comes.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}

impl Default for ReplyBody {
    fn default() -> Self {
        Self::Whole(Whole::default())
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_stream() { "Stream" } else { "Whole" })
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match self.get_mut() {
            Self::Whole(whole) => Poll::Ready(whole.next().map(|part| Ok(Frame::data(part)))),
            Self::Stream(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.len() == 0,
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => SizeHint::with_exact(whole.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}
