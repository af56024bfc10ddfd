//! The body of a reply that comes over a connection.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use fault::Fault;
use h2::RecvStream;
use http_body::{Frame, SizeHint};
use tonic::Status;

use super::{connection::Entered, load::InFlight};

/// Data and trailers as they come. The peer may send as much as was read and no more, so a
/// slow reader slows it down; dropping it resets the stream (SC-3).
pub(super) struct Received {
    stream: RecvStream,
    /// Whether all data has come and only trailers can.
    data_ended: bool,
    /// When the peer answers no ping, what has not come is not waited for.
    silenced: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Count the call until its last byte.
    _counted: (InFlight, Entered),
}

impl Received {
    pub(super) fn new(
        stream: RecvStream,
        silenced: Option<impl Future<Output = ()> + Send + 'static>,
        counted: (InFlight, Entered),
    ) -> Self {
        Self {
            stream,
            data_ended: false,
            silenced: silenced.map(|it| Box::pin(it) as _),
            _counted: counted,
        }
    }

    fn is_silenced(&mut self, cx: &mut Context<'_>) -> bool {
        let silenced = self.silenced.as_mut();
        silenced.is_some_and(|it| it.as_mut().poll(cx).is_ready())
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.data_ended {
            let data = self.stream.poll_data(cx);
            if data.is_pending() && self.is_silenced(cx) {
                return Poll::Ready(Some(Err(broken("no answer to a ping"))));
            }
            match ready!(data) {
                Some(Ok(data)) => {
                    // It fails only for a stream that is over, and that shows at the next poll.
                    let _over = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken);
        Poll::Ready(trailers.transpose().map(|end| end.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Status {
    Status::from(Fault::unavailable(error))
}
