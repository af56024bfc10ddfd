//! Services that read what they receive, take it down and answer an empty message.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use contracts::auth::v1::RevocationBatch;
use contracts::google::api::HttpBody;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use prost::bytes::{BufMut as _, BytesMut};
use serde_json::Value;
use tonic::body::Body;
use tonic::server::NamedService;

use crate::service;

/// The last request a service received: the name of the RPC and the message.
pub(crate) type Received = Arc<Mutex<Option<(String, Value)>>>;

/// The name of a service.
pub(crate) trait Named: Send + Sync + 'static {
    const NAME: &'static str;
}

macro_rules! named {
    ($($marker:ident = $name:literal;)*) => {$(
        pub(crate) struct $marker;
        impl Named for $marker {
            const NAME: &'static str = $name;
        }
    )*};
}

named! {
    Auth = "smilefactory.auth.v1.AuthService";
    Profile = "smilefactory.profile.v1.ProfileService";
    Feed = "smilefactory.feed.v1.FeedService";
}

/// One such service.
pub(crate) struct Service<N> {
    received: Received,
    jwks: Arc<str>,
    name: PhantomData<N>,
}

impl<N> Clone for Service<N> {
    fn clone(&self) -> Self {
        Self {
            received: Arc::clone(&self.received),
            jwks: Arc::clone(&self.jwks),
            name: PhantomData,
        }
    }
}

impl<N> Service<N> {
    pub(crate) fn new(received: &Received, jwks: &Arc<str>) -> Self {
        Self {
            received: Arc::clone(received),
            jwks: Arc::clone(jwks),
            name: PhantomData,
        }
    }

    async fn handle(self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path.ends_with("/WatchRevocations") {
            return answer(heartbeats());
        }
        let framed = request
            .into_body()
            .collect()
            .await
            .expect("an in-process body")
            .to_bytes();
        if path.ends_with("/GetJwks") {
            let body = HttpBody {
                content_type: "application/json".to_owned(),
                data: self.jwks.as_bytes().to_vec(),
                extensions: Vec::new(),
            };
            return answer(futures_util::stream::iter([body.encode_to_vec()]));
        }
        let rule = contracts::rpc(&path).unwrap();
        match service::read(rule, &framed[5..]) {
            Ok(message) => {
                let reply = service::reply(rule, &message);
                *self.received.lock().unwrap() = Some((rule.name().to_owned(), message));
                answer(futures_util::stream::iter([reply]))
            }
            Err(fault) => tonic::Status::from(fault).into_http(),
        }
    }
}

fn heartbeats() -> impl futures_util::Stream<Item = Vec<u8>> + Send + 'static {
    futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((RevocationBatch::default().encode_to_vec(), ()))
    })
}

fn answer(messages: impl futures_util::Stream<Item = Vec<u8>> + Send + 'static) -> Response<Body> {
    let frames = messages.map(|message| {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).unwrap());
        frame.put_slice(&message);
        Ok::<_, Infallible>(Frame::data(frame.freeze()))
    });
    let mut ok = HeaderMap::new();
    ok.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = frames.chain(futures_util::stream::iter([Ok(Frame::trailers(ok))]));
    let mut reply = Response::new(Body::new(StreamBody::new(frames)));
    reply
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    reply
}

impl<N: Named> NamedService for Service<N> {
    const NAME: &'static str = N::NAME;
}

impl<N: Named> tower::Service<Request<Body>> for Service<N> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().handle(request).map(Ok).boxed()
    }
}
