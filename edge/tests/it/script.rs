//! Services that answer what a test tells them: byte for byte behind the layers real services have.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use fault::Fault;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use identity::Context;
use prost::Message;
use tonic::body::Body;
use tonic::server::NamedService;

/// One call as the service saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) rpc: String,
    pub(crate) ctx: Context,
    pub(crate) metadata: HeaderMap,
    pub(crate) message: Bytes,
}

/// What a service answers.
pub(crate) struct Answer {
    pub(crate) messages: BoxStream<'static, Result<Vec<u8>, Fault>>,
    pub(crate) metadata: Vec<(&'static str, &'static str)>,
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn new(message: &impl Message) -> Self {
        Self::stream(futures_util::stream::iter([message.encode_to_vec()]).boxed())
    }

    pub(crate) fn stream(messages: BoxStream<'static, Vec<u8>>) -> Self {
        Self::breaking(messages.map(Ok).boxed())
    }

    /// Answers messages, and breaks off with the first failure among them.
    pub(crate) fn breaking(messages: BoxStream<'static, Result<Vec<u8>, Fault>>) -> Self {
        Self {
            messages,
            metadata: Vec::new(),
            after: Duration::ZERO,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.metadata.push((name, value));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

type Handler = dyn Fn(&Call) -> Result<Answer, Fault> + Send + Sync;

/// The name of a scripted service.
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
    Feed = "smilefactory.feed.v1.FeedService";
    Profile = "smilefactory.profile.v1.ProfileService";
}

/// A scripted service. Clones are the same service.
pub(crate) struct Script<N> {
    handler: Arc<Mutex<Arc<Handler>>>,
    calls: Arc<Mutex<Vec<Call>>>,
    name: PhantomData<N>,
}

impl<N> Clone for Script<N> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            calls: Arc::clone(&self.calls),
            name: PhantomData,
        }
    }
}

impl<N: Named> Script<N> {
    pub(crate) fn new(
        handler: impl Fn(&Call) -> Result<Answer, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self {
            handler: Arc::new(Mutex::new(Arc::new(handler))),
            calls: Arc::default(),
            name: PhantomData,
        }
    }

    /// Answers otherwise from now on.
    pub(crate) fn answer(
        &self,
        handler: impl Fn(&Call) -> Result<Answer, Fault> + Send + Sync + 'static,
    ) {
        *self.handler.lock().unwrap() = Arc::new(handler);
    }

    /// All calls since this was last asked; they are forgotten.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The calls of an RPC so far.
    pub(crate) fn calls(&self, rpc: &str) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.rpc == rpc)
            .cloned()
            .collect()
    }

    async fn handle(self, request: Request<Body>) -> Response<Body> {
        let ctx = request
            .extensions()
            .get::<Context>()
            .expect("the guard's context")
            .clone();
        let (parts, body) = request.into_parts();
        let framed = body.collect().await.expect("an in-process body").to_bytes();
        let rpc = parts.uri.path().rsplit('/').next().unwrap().to_owned();
        let call = Call {
            rpc,
            ctx,
            metadata: parts.headers,
            message: framed.slice(5..),
        };
        self.calls.lock().unwrap().push(call.clone());
        let handler = Arc::clone(&self.handler.lock().unwrap());
        match handler(&call) {
            Ok(answer) => reply(answer).await,
            Err(fault) => tonic::Status::from(fault).into_http(),
        }
    }
}

async fn reply(answer: Answer) -> Response<Body> {
    tokio::time::sleep(answer.after).await;
    let mut ok = HeaderMap::new();
    ok.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = answer.messages.map(|message| {
        let message = match message {
            Ok(message) => message,
            Err(fault) => return Ok(Frame::trailers(mesh::timed::trailers(fault))),
        };
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).unwrap());
        frame.put_slice(&message);
        Ok::<_, Infallible>(Frame::data(frame.freeze()))
    });
    let frames = frames.chain(futures_util::stream::iter([Ok(Frame::trailers(ok))]));
    let mut reply = Response::new(Body::new(StreamBody::new(frames)));
    let headers = reply.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    for (name, value) in answer.metadata {
        headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

impl<N: Named> NamedService for Script<N> {
    const NAME: &'static str = N::NAME;
}

impl<N: Named> tower::Service<Request<Body>> for Script<N> {
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
