//! What stands behind every gateway: the feed service's three RPCs, with answers that were encoded once, and what the edge
//! asks of the auth service. It costs so little that the gateway is what is measured; it reads every request, so that a
//! gateway that sends something else is found out.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use contracts::feed::v1::{CreatePostRequest, GetPostRequest, ListFeedRequest, PostType};
use contracts::google::api::HttpBody;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::Message;
use tokio::time::{Interval, MissedTickBehavior};

use super::sample;
use super::serve::serve;

/// How often the feed of revocations says that there are none; the auth service does so as often.
const HEARTBEAT: Duration = Duration::from_millis(500);

const INVALID_ARGUMENT: u8 = 3;
const UNIMPLEMENTED: u8 = 12;

/// The prepared answers.
#[derive(Debug)]
struct Answers {
    post: Bytes,
    page: Bytes,
    jwks: Bytes,
    /// For the byte proxy, which asks over HTTP/1.1: the JSON the floor makes of the post.
    json: Bytes,
}

/// Serves until the process ends. `jwks` are the keys the edge's tokens are checked with, as JSON.
///
/// # Errors
/// The address cannot be listened at.
pub(super) async fn run(address: SocketAddr, jwks: String) -> Result<()> {
    let jwks = HttpBody {
        content_type: "application/json".to_owned(),
        data: jwks.into_bytes(),
        ..HttpBody::default()
    };
    let answers = Arc::new(Answers {
        post: framed(&sample::post()),
        page: framed(&sample::page()),
        jwks: framed(&jwks),
        json: super::floor::post_json()?,
    });
    serve(address, move |request| {
        answer(Arc::clone(&answers), request)
    })
    .await
}

fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.encoded_len() + 5);
    frame.put_u8(0);
    frame.put_u32(message.encoded_len() as u32);
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

async fn answer(answers: Arc<Answers>, request: Request<Incoming>) -> Response<Answer> {
    let grpc = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"));
    if !grpc {
        let mut reply = Response::new(Answer::plain(answers.json.clone()));
        reply
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return reply;
    }
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let message = body.get(5..).unwrap_or_default();
    let right = |right: bool, answer: &Bytes| match right {
        true => Answer::message(answer.clone()),
        false => Answer::status(INVALID_ARGUMENT),
    };
    let body = match head.uri.path() {
        "/smilefactory.feed.v1.FeedService/GetPost" => right(is_get(message), &answers.post),
        "/smilefactory.feed.v1.FeedService/ListFeed" => right(is_list(message), &answers.page),
        "/smilefactory.feed.v1.FeedService/CreatePost" => right(is_create(message), &answers.post),
        "/smilefactory.auth.v1.AuthService/GetJwks" => Answer::message(answers.jwks.clone()),
        "/smilefactory.auth.v1.AuthService/WatchRevocations" => Answer::heartbeats(),
        // It serves.
        "/grpc.health.v1.Health/Check" => {
            Answer::message(Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]))
        }
        // Spans of the edge with everything on; the answer is an empty message.
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
            Answer::message(Bytes::from_static(&[0; 5]))
        }
        _ => Answer::status(UNIMPLEMENTED),
    };
    let mut reply = Response::new(body);
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    reply
}

fn is_get(message: &[u8]) -> bool {
    GetPostRequest::decode(message).is_ok_and(|asked| asked.id == sample::POST_ID)
}

fn is_list(message: &[u8]) -> bool {
    ListFeedRequest::decode(message).is_ok_and(|asked| asked.limit == Some(20))
}

fn is_create(message: &[u8]) -> bool {
    CreatePostRequest::decode(message).is_ok_and(|asked| {
        asked.r#type() == PostType::General && asked.content.len() > 200 && asked.tags.len() == 3
    })
}

/// A body: data and trailers that are there, or a message now and then without an end.
#[derive(Debug)]
struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    heartbeats: Option<Interval>,
}

impl Answer {
    fn plain(data: Bytes) -> Self {
        Self {
            data: Some(data),
            trailers: None,
            heartbeats: None,
        }
    }

    fn message(data: Bytes) -> Self {
        Self {
            data: Some(data),
            ..Self::status(0)
        }
    }

    fn status(code: u8) -> Self {
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from(u16::from(code)));
        Self {
            data: None,
            trailers: Some(trailers),
            heartbeats: None,
        }
    }

    fn heartbeats() -> Self {
        let mut interval = tokio::time::interval(HEARTBEAT);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            data: None,
            trailers: None,
            heartbeats: Some(interval),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(interval) = &mut self.heartbeats {
            // An empty batch: an empty message.
            return interval
                .poll_tick(context)
                .map(|_| Some(Ok(Frame::data(Bytes::from_static(&[0; 5])))));
        }
        let frame = match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none() && self.heartbeats.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.data, &self.trailers, &self.heartbeats) {
            (Some(data), None, None) => SizeHint::with_exact(data.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
