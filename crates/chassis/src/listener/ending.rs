//! A reply that gives its place back at its end and, when it is a stream, ends when the process drains (N-22).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use fault::{Fault, Reason};
use futures_util::future::BoxFuture;
use http::Response;
use http_body::{Frame, SizeHint};
use mesh::timed::trailers;
use tonic::{Status, body::Body};

use crate::{Place, Shutdown};

pub(super) struct Ending {
    /// `None` once the body has ended.
    inner: Option<Body>,
    /// Done when the process drains; none for a reply that ends by itself.
    closing: Option<BoxFuture<'static, ()>>,
    place: Option<Place>,
}

impl Ending {
    /// Keeps a place until the reply is sent.
    pub(super) fn of_reply(reply: Response<Body>, place: Place) -> Response<Body> {
        reply.map(|body| {
            Body::new(Self {
                inner: Some(body),
                closing: None,
                place: Some(place),
            })
        })
    }

    /// Ends a stream with `SERVICE_UNAVAILABLE` when the process drains, so that its reader opens it elsewhere.
    pub(super) fn of_stream(
        reply: Response<Body>,
        closing: Shutdown,
        place: Option<Place>,
    ) -> Response<Body> {
        reply.map(|body| {
            Body::new(Self {
                inner: Some(body),
                closing: Some(Box::pin(async move { closing.begun().await })),
                place,
            })
        })
    }

    fn end(&mut self) {
        self.inner = None;
        self.place = None;
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(None);
        };
        // What is there goes first: an item that was made is not thrown away.
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            if frame.as_ref().is_none_or(Result::is_err) {
                self.end();
            }
            return Poll::Ready(frame);
        }
        let closing = self.closing.as_mut();
        if closing.is_none_or(|closing| closing.as_mut().poll(cx).is_pending()) {
            return Poll::Pending;
        }
        self.end();
        let fault = Fault::new(Reason::ServiceUnavailable, "The server is closing");
        Poll::Ready(Some(Ok(Frame::trailers(trailers(fault)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, &self.closing) {
            (Some(inner), None) => inner.size_hint(),
            // The end of the process may cut it short.
            _ => SizeHint::default(),
        }
    }
}
