//! The channel's promises, against scripted services.

mod deadlines;
mod streams;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use fault::{Fault, Reason};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use identity::{Caller, Context, Role, internal::ServiceKeys};
use tokio::sync::{mpsc, oneshot};
use tonic::{Status, body::Body, metadata::MetadataMap};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;

const PATH: &str = "/smilefactory.feed.v1.FeedService/GetPost";
const SOON: Duration = Duration::from_millis(60);

fn keys(name: &str) -> Arc<ServiceKeys> {
    Arc::new(ServiceKeys::derived(name, b"test", &["edge", "feed", "profile"]).unwrap())
}

fn context(allowed: Duration) -> Context {
    Context::for_anonymous(&keys("edge"), None, "request-1", allowed)
}

/// One gRPC message as it stands in a body.
fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.put_slice(message);
    framed.freeze()
}

fn ok(message: &[u8]) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let body =
        Full::new(framed(message)).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
    Response::new(Body::new(body))
}

/// Hosts a service that hands each request's head to the test and answers `pong`.
fn recorder(mesh: &Mesh, name: &str) -> mpsc::UnboundedReceiver<http::request::Parts> {
    let (heard, requests) = mpsc::unbounded_channel();
    mesh.host(
        name,
        tower::service_fn(move |request: Request<Body>| {
            heard.send(request.into_parts().0).unwrap();
            async { Ok(ok(b"pong")) }
        }),
    );
    requests
}

#[tokio::test]
async fn sc_1_a_call_carries_identity_credential_request_id_trace_and_deadline() {
    let mesh = Mesh::new();
    let mut requests = recorder(&mesh, "feed");
    let caller = Caller {
        account_id: Uuid::now_v7(),
        profile_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        role: Role::User,
    };
    let ip = Some("192.0.2.7".parse().unwrap());
    let ctx = Context::for_caller(
        &keys("edge"),
        caller.clone(),
        ip,
        "request-1",
        Duration::from_secs(5),
    )
    .with_user_agent("Ünit/1.0")
    .with_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let reply = mesh
        .peers(keys("profile"))
        .forward("feed", &ctx, PATH, Bytes::from_static(b"ping"))
        .await
        .unwrap();
    assert_eq!(reply.message, "pong");
    let head = requests.recv().await.unwrap();
    let header =
        |name: &str| std::str::from_utf8(head.headers.get(name).unwrap().as_bytes()).unwrap();
    let feed = keys("feed");
    assert_eq!(
        &*feed.verify_service(header("x-sf-service")).unwrap(),
        "profile"
    );
    let identity = feed.verify_identity(header("x-sf-identity")).unwrap();
    assert_eq!((identity.caller, identity.ip), (Some(caller), ip));
    assert_eq!(
        header("x-sf-identity"),
        ctx.identity().unwrap(),
        "forwarded unchanged"
    );
    assert_eq!(header("x-request-id"), "request-1");
    assert_eq!(header("x-sf-user-agent"), "Ünit/1.0");
    assert!(header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(
        !header("traceparent").contains("b7ad6b7169203331"),
        "a span of its own"
    );
    let left = metadata::read_timeout(header("grpc-timeout")).unwrap();
    assert!(
        left <= Duration::from_secs(5) && left > Duration::from_secs(4),
        "{left:?}"
    );
    assert_eq!(head.uri.path(), PATH);
}

#[tokio::test]
async fn sc_1_background_calls_carry_no_identity() {
    let mesh = Mesh::new();
    let mut requests = recorder(&mesh, "feed");
    let ctx = Context::background("job-00001", Duration::from_secs(1));
    mesh.peers(keys("profile"))
        .forward("feed", &ctx, PATH, Bytes::new())
        .await
        .unwrap();
    let head = requests.recv().await.unwrap();
    assert!(!head.headers.contains_key("x-sf-identity"));
    assert!(head.headers.contains_key("x-sf-service"));
}

#[tokio::test]
async fn t_15_metadata_set_by_hand_does_not_travel() {
    let mesh = Mesh::new();
    let mut requests = recorder(&mesh, "feed");
    let mut metadata = MetadataMap::new();
    let forged = [
        "x-sf-identity",
        "x-sf-service",
        "x-account-id",
        "x-profile-id",
        "grpc-metadata-x-sf-identity",
        "x-forwarded-for",
        "x-forwarded-user",
        "authorization",
        "cookie",
        "x-request-id",
        "traceparent",
        "x-sf-user-agent",
        "x-sf-anything",
    ];
    for name in forged {
        metadata.insert(name, "forged".parse().unwrap());
    }
    metadata.insert_bin(
        "x-sf-identity-bin",
        tonic::metadata::MetadataValue::from_bytes(b"forged"),
    );
    metadata.insert("if-match", "\"v3\"".parse().unwrap());
    metadata.insert("idempotency-key", "key-1".parse().unwrap());
    let peers = mesh.peers(keys("edge"));
    peers
        .forward_with(
            "feed",
            &context(Duration::from_secs(1)),
            PATH,
            Bytes::new(),
            metadata,
        )
        .await
        .unwrap();
    let head = requests.recv().await.unwrap();
    assert!(
        !head
            .headers
            .values()
            .any(|value| value.as_bytes().starts_with(b"forged")),
        "{:?}",
        head.headers
    );
    assert!(!head.headers.contains_key("x-sf-identity-bin"));
    assert_eq!(head.headers["if-match"], "\"v3\"");
    assert_eq!(head.headers["idempotency-key"], "key-1");
}

#[tokio::test]
async fn k_11_nothing_of_the_caller_reaches_the_callee_by_extension() {
    let mesh = Mesh::new();
    let mut requests = recorder(&mesh, "feed");
    let mut request = Request::builder().uri(PATH).body(Body::empty()).unwrap();
    request
        .extensions_mut()
        .insert(context(Duration::from_secs(1)));
    mesh.peers(keys("profile"))
        .call("feed", &context(Duration::from_secs(1)))
        .oneshot(request)
        .await
        .unwrap();
    assert!(
        requests
            .recv()
            .await
            .unwrap()
            .extensions
            .get::<Context>()
            .is_none()
    );
}

#[tokio::test]
async fn k_11_peers_are_found_when_called() {
    let mesh = Mesh::new();
    let peers = mesh.peers(keys("edge"));
    let call = || async {
        peers
            .forward("feed", &context(SOON), PATH, Bytes::new())
            .await
    };
    assert!(!peers.knows("feed"));
    assert_eq!(
        call().await.unwrap_err().reason(),
        Reason::ServiceUnavailable
    );
    let _requests = recorder(&mesh, "feed");
    assert!(call().await.is_ok() && peers.knows("feed"));
    mesh.remove("feed");
    assert_eq!(
        call().await.unwrap_err().reason(),
        Reason::ServiceUnavailable
    );
}

type Frames = mpsc::UnboundedSender<Result<http_body::Frame<Bytes>, Status>>;

/// Hosts a service whose one reply is what the test sends.
fn streaming(mesh: &Mesh, name: &str) -> Frames {
    let (frames, body) = mpsc::unbounded_channel();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    mesh.host(
        name,
        tower::service_fn(move |_: Request<Body>| {
            let mut body: mpsc::UnboundedReceiver<_> = body.lock().unwrap().take().unwrap();
            let frames = futures_util::stream::poll_fn(move |cx| body.poll_recv(cx));
            async move { Ok(Response::new(Body::new(StreamBody::new(frames)))) }
        }),
    );
    frames
}

#[tokio::test]
async fn tr_8_messages_are_bounded_both_ways() {
    let mesh = Mesh::new();
    mesh.host(
        "feed",
        tower::service_fn(|_: Request<Body>| async { Ok(ok(&vec![0; MESSAGE_LIMIT + 1])) }),
    );
    let peers = mesh.peers(keys("edge"));
    let ctx = context(Duration::from_secs(5));
    let large = Bytes::from(vec![0; MESSAGE_LIMIT + 1]);
    let fault = peers.forward("feed", &ctx, PATH, large).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::PayloadTooLarge);
    let fault = peers
        .forward("feed", &ctx, PATH, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(fault.reason(), Reason::InternalError);
}

#[tokio::test]
async fn cv_9_a_callees_fault_arrives_whole() {
    let mesh = Mesh::new();
    let sent = Fault::new(Reason::LimitReached, "20 profiles are the most")
        .with_violation("profiles", "too many");
    let fault = sent.clone();
    mesh.host(
        "profile",
        tower::service_fn(move |_: Request<Body>| {
            let fault = fault.clone();
            async { Ok(Status::from(fault).into_http::<Body>()) }
        }),
    );
    let peers = mesh.peers(keys("edge"));
    let got = peers
        .forward(
            "profile",
            &context(Duration::from_secs(1)),
            PATH,
            Bytes::new(),
        )
        .await
        .unwrap_err();
    assert_eq!(
        (got.reason(), got.message()),
        (sent.reason(), sent.message())
    );
    assert_eq!(got.get_violations(), sent.get_violations());
}

#[tokio::test]
async fn ob_2_each_call_is_observed_once_with_its_code() {
    let quiet = telemetry::Config {
        filter: "off".to_owned(),
        ..Default::default()
    };
    telemetry::init(&quiet).unwrap();
    let mesh = Mesh::new();
    let peers = mesh.peers(keys("edge"));
    let path = "/smilefactory.test.v1.Observed/Call";
    assert!(
        peers
            .forward("feed", &context(SOON), path, Bytes::new())
            .await
            .is_err()
    );
    let _requests = recorder(&mesh, "feed");
    for _ in 0..2 {
        peers
            .forward("feed", &context(Duration::from_secs(1)), path, Bytes::new())
            .await
            .unwrap();
    }
    let text = telemetry::render();
    let count = |code: &str| {
        format!(
            "sf_grpc_client_seconds_count{{callee=\"feed\",method=\"smilefactory.test.v1.Observed/Call\",code=\"{code}\"}}"
        )
    };
    assert!(text.contains(&format!("{} 2", count("OK"))), "{text}");
    assert!(
        text.contains(&format!("{} 1", count("UNAVAILABLE"))),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn t_46_a_failing_service_of_this_process_is_spared_and_found_again() {
    let mesh = Mesh::new();
    let answer = Arc::new(std::sync::Mutex::new((0, Some(Reason::ServiceUnavailable))));
    let answers = Arc::clone(&answer);
    mesh.host(
        "feed",
        tower::service_fn(move |_: Request<Body>| {
            let mut answer = answers.lock().unwrap();
            answer.0 += 1;
            let reply = match answer.1 {
                Some(reason) => Status::from(Fault::of(reason)).into_http(),
                None => ok(b"pong"),
            };
            async { Ok(reply) }
        }),
    );
    let peers = mesh.peers(keys("edge"));
    let ctx = || context(Duration::from_secs(5));
    let call = async || {
        peers
            .forward("feed", &ctx(), PATH, Bytes::new())
            .await
            .map(drop)
            .map_err(|fault| (fault.reason(), fault.retry_after()))
    };
    let failed = Err((Reason::ServiceUnavailable, None));
    for _ in 0..5 {
        assert_eq!(call().await, failed);
    }
    // Open: 503 with the time until a probe, and the service is not bothered.
    let after = Some(Duration::from_secs(10));
    for _ in 0..50 {
        assert_eq!(call().await, Err((Reason::ServiceUnavailable, after)));
    }
    assert_eq!(answer.lock().unwrap().0, 5);
    // Another method of the same service has a breaker of its own.
    let other = "/smilefactory.feed.v1.FeedService/ListFeed";
    let reply = peers.forward("feed", &ctx(), other, Bytes::new()).await;
    assert_eq!(reply.unwrap_err().retry_after(), None);
    // One probe after 10 s, which fails; another 10 s later, which does not.
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(call().await, failed);
    assert!(call().await.is_err());
    assert_eq!(answer.lock().unwrap().0, 7);
    answer.lock().unwrap().1 = None;
    tokio::time::advance(Duration::from_secs(10)).await;
    for _ in 0..20 {
        assert_eq!(call().await, Ok(()));
    }
}
