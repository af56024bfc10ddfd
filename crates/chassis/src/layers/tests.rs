//! The layers around a scripted service, called in process.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use fault::{Fault, Reason};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use identity::{Caller, Context, Expected, Role, internal::ServiceKeys};
use mesh::{Hosted, Mesh};
use tonic::{Code, Status, body::Body};
use tower::ServiceExt as _;
use uuid::Uuid;

mod boundary;
mod guard;

use super::*;
use crate::SERVICES;

const OPTIONAL: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const USER: &str = "/smilefactory.feed.v1.FeedService/CreatePost";
const STREAM: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const COMPOSED: &str = "/smilefactory.profile.v1.ProfileService/GetProfile";
const INTERNAL: &str = "/smilefactory.profile.v1.ProfileService/BatchGetCards";
const EDGE_ONLY: &str = "/smilefactory.auth.v1.AuthService/CheckSession";

fn keys(name: &str) -> Arc<ServiceKeys> {
    Arc::new(ServiceKeys::derived(name, b"test", SERVICES).unwrap())
}

fn caller(role: Role) -> Caller {
    Caller {
        account_id: Uuid::now_v7(),
        profile_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        role,
    }
}

/// A reply of these frames; without trailers it stays open.
fn frames(frames: Vec<std::result::Result<Frame<Bytes>, Status>>, open: bool) -> Response<Body> {
    use futures_util::StreamExt as _;
    let frames = stream::iter(frames);
    let body = if open {
        Body::new(StreamBody::new(frames.chain(stream::pending())))
    } else {
        Body::new(StreamBody::new(frames))
    };
    Response::new(body)
}

fn ok() -> Response<Body> {
    let name = http::HeaderName::from_static("grpc-status");
    let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static("0"))]);
    frames(
        vec![
            Ok(Frame::data(Bytes::from_static(&[0; 5]))),
            Ok(Frame::trailers(trailers)),
        ],
        false,
    )
}

/// A service "test" that answers every RPC of feed, profile and auth in the same way.
fn answering<F>(answer: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static) -> Guarded
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let server = tower::service_fn(move |request| {
        let reply = answer(request);
        async { Ok::<_, Infallible>(reply.await) }
    });
    let names = [
        "smilefactory.feed.v1.FeedService",
        "smilefactory.profile.v1.ProfileService",
        "smilefactory.auth.v1.AuthService",
    ];
    let routes = names.into_iter().fold(Routes::default(), |all, name| {
        all.add(name, Hosted::new(server.clone()))
    });
    guarded(routes, keys("feed"))
}

/// Answers well and keeps the context it was given.
fn witness() -> (Guarded, Arc<Mutex<Option<Context>>>) {
    let seen = Arc::new(Mutex::new(None));
    let see = Arc::clone(&seen);
    let guarded = answering(move |request| {
        *see.lock().unwrap() = request.extensions().get::<Context>().cloned();
        async { ok() }
    });
    (guarded, seen)
}

fn request(path: &str, headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request
}

/// Calls and returns how the reply ended.
async fn outcome(service: &Guarded, request: Request<Body>) -> fault::Result<()> {
    let reply = service.clone().oneshot(request).await.unwrap();
    let status = match Status::from_header_map(reply.headers()) {
        Some(status) => status,
        None => {
            let trailers = reply
                .into_body()
                .collect()
                .await
                .unwrap()
                .trailers()
                .cloned()
                .unwrap();
            Status::from_header_map(&trailers).unwrap()
        }
    };
    if status.code() == Code::Ok {
        Ok(())
    } else {
        Err(Fault::from(status))
    }
}

async fn reason(service: &Guarded, request: Request<Body>) -> Option<Reason> {
    outcome(service, request)
        .await
        .err()
        .map(|fault| fault.reason())
}

/// An anonymous request by the edge, with more headers.
fn by_edge(path: &str, more: &[(&'static str, &str)]) -> Request<Body> {
    let credential = keys("edge").service_token("feed");
    request(path, &[&[("x-sf-service", &*credential)], more].concat())
}
