//! A reply's body that ends with the deadline and says how the call ended.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use fault::Fault;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::{Code, Status, body::Body};

/// Told once how a call ended: by its status, or `None` when it was abandoned.
pub type Ended = Box<dyn FnOnce(Option<Code>) + Send>;

/// A body that gives up at a deadline: instead of more data come trailers that say
/// `DEADLINE_EXCEEDED`, and what made the data is dropped.
pub struct Timed {
    /// `None` once the body has ended.
    inner: Option<Body>,
    sleep: Pin<Box<Sleep>>,
    ended: Option<Ended>,
}

impl Timed {
    /// Bounds the body of a reply by `deadline` and reports its end. A reply whose head
    /// already is an error is reported at once.
    pub fn reply(reply: Response<Body>, deadline: Instant, ended: Ended) -> Response<Body> {
        if let Some(code) = code_of(reply.headers()) {
            ended(Some(code));
            return reply;
        }
        let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        reply.map(|body| {
            Body::new(Self {
                inner: Some(body),
                sleep,
                ended: Some(ended),
            })
        })
    }

    fn end(&mut self, code: Option<Code>) {
        self.inner = None;
        if let Some(ended) = self.ended.take() {
            ended(code);
        }
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(None);
        };
        // Data that is there goes first: a reply that made it is not thrown away.
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            match &frame {
                None => self.end(Some(Code::Unknown)),
                Some(Err(status)) => {
                    let code = status.code();
                    self.end(Some(code));
                }
                Some(Ok(frame)) => {
                    if let Some(code) = frame.trailers_ref().and_then(code_of) {
                        self.end(Some(code));
                    }
                }
            }
            return Poll::Ready(frame);
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.end(Some(Code::DeadlineExceeded));
        Poll::Ready(Some(Ok(Frame::trailers(trailers(Fault::timeout())))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // The deadline may cut it short.
        SizeHint::default()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl std::fmt::Debug for Timed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timed")
            .field("ended", &self.inner.is_none())
            .finish_non_exhaustive()
    }
}

/// Returns the trailers that end a reply with a fault.
pub fn trailers(fault: Fault) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let status = Status::from(fault);
    if status.add_header(&mut trailers).is_err() {
        // Only a message that cannot be a header fails, and messages are percent-coded.
        trailers.insert("grpc-status", http::HeaderValue::from_static("13"));
    }
    trailers
}

/// Returns the status that headers or trailers carry, if they do.
pub fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(Status::GRPC_STATUS)
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// Returns the name of a code as metrics and logs have it, such as `NOT_FOUND`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
