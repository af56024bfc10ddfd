//! A reply that is watched: it ends when it must although its service would go on, and how it ended is told to the log.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fault::Fault;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body, Frame};
use mesh::timed;
use tonic::{Code, Status};
use tracing::Span;

use crate::ending::Ending;
use crate::log::{self, Verdict};
use crate::pipeline::Exchange;

/// A reply body. After its first trailers nothing more comes.
pub(super) struct Watched<B> {
    /// `None` once the reply has ended; dropping it cancels the call (ST-5).
    body: Option<B>,
    ending: BoxFuture<'static, Fault>,
    watch: Watch,
}

/// What is told about a reply's end.
#[derive(Debug)]
pub(super) struct Watch {
    verdict: Verdict,
    request_id: String,
    route: &'static str,
    span: Span,
}

impl Watch {
    pub(super) fn of(exchange: &mut Exchange, route: &'static str) -> Self {
        Self {
            verdict: exchange.record.grpc(),
            request_id: exchange.request_id.clone(),
            route,
            span: Span::current(),
        }
    }
}

impl<B> Watched<B> {
    /// Watches a reply until `ending` says why it has to end.
    pub(super) fn new(
        body: B,
        ending: impl Future<Output = Ending> + Send + 'static,
        watch: Watch,
    ) -> Self {
        Self {
            body: Some(body),
            ending: ending.map(Fault::from).boxed(),
            watch,
        }
    }

    fn end(&mut self, trailers: HeaderMap) -> Frame<Bytes> {
        match Status::from_header_map(&trailers) {
            Some(status) if status.code() == Code::Ok => {
                self.body = None;
                self.watch.verdict.success();
                Frame::trailers(trailers)
            }
            Some(status) => self.fail(status.into()),
            None => self.fail(Fault::internal("a reply with trailers but no status")),
        }
    }

    fn fail(&mut self, fault: Fault) -> Frame<Bytes> {
        self.body = None;
        let watch = &self.watch;
        watch.verdict.failure(fault.reason());
        watch.span.in_scope(|| log::explain(watch.route, &fault));
        Frame::trailers(timed::trailers(fault.with_request_id(&*watch.request_id)))
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Fault>,
{
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // First the end: a reply that always has more to say must not outlive its token.
        if let Poll::Ready(fault) = this.ending.as_mut().poll(cx) {
            return Poll::Ready(Some(Ok(this.fail(fault))));
        }
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        Poll::Ready(Some(Ok(match frame {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(trailers) => this.end(trailers),
                Err(frame) => frame,
            },
            Some(Err(error)) => this.fail(error.into()),
            None => this.fail(Fault::internal("a reply ended without a status")),
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }
}
