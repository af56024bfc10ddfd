//! The port other processes call, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use chassis::{Host, Kit, Listen, Listener, Parts, Routes, Service, Shutdown};
use fault::{Fault, Reason};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use identity::{Caller, Role};
use mesh::Verbatim;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use uuid::Uuid;

use super::*;

const STREAM: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const SERVER: &str = "smilefactory.feed.v1.FeedService";

/// What held calls wait for, by the test that holds them.
static SHED: Semaphore = Semaphore::const_new(0);
static DRAIN: Semaphore = Semaphore::const_new(0);
/// Calls that wait for `DRAIN`.
static HELD: Semaphore = Semaphore::const_new(0);

/// Answers at once, or when its test says so; a stream says one thing and then nothing.
#[derive(Clone)]
struct Slow;

impl NamedService for Slow {
    const NAME: &'static str = SERVER;
}

impl tower::Service<http::Request<Body>> for Slow {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let hold = request.headers().get("x-hold").cloned();
        let streams = request.uri().path() == STREAM;
        let message = Full::new(Bytes::from_static(&[0; 5]));
        Box::pin(async move {
            match hold.as_ref().map(HeaderValue::as_bytes) {
                Some(b"shed") => SHED.acquire().await.unwrap().forget(),
                Some(b"drain") => {
                    HELD.add_permits(1);
                    DRAIN.acquire().await.unwrap().forget();
                }
                _ => {}
            }
            let body =
                if streams {
                    Body::new(message.with_trailers(std::future::pending::<
                        Option<Result<HeaderMap, Infallible>>,
                    >()))
                } else {
                    let name = HeaderName::from_static("grpc-status");
                    let ok = HeaderMap::from_iter([(name, HeaderValue::from_static("0"))]);
                    Body::new(message.with_trailers(async { Some(Ok::<_, Infallible>(ok)) }))
                };
            Ok(http::Response::new(body))
        })
    }
}

struct SlowService;

#[chassis::async_trait]
impl Service for SlowService {
    const NAME: &'static str = "hosttest";
    type Config = ProbeConfig;

    async fn build(_: Kit, _: ProbeConfig) -> anyhow::Result<Parts> {
        Ok(Parts::new(Routes::new(Slow)))
    }
}

/// A process with one service behind a port.
struct Process {
    host: Host,
    address: SocketAddr,
    stop: Shutdown,
}

impl Process {
    async fn start(change: impl FnOnce(&mut Listen)) -> Self {
        let stop = Shutdown::new();
        let mut host = host(&stop).await;
        host.add::<SlowService>(ProbeConfig::default())
            .await
            .unwrap();
        let mut config = Listen {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            ..Listen::default()
        };
        change(&mut config);
        let listener = Listener::bind(config).await.unwrap();
        let address = listener.local_addr().unwrap();
        host.listen(listener).await.unwrap();
        Self {
            host,
            address,
            stop,
        }
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// Metadata with the edge's credentials.
    fn metadata(&self, hold: Option<&'static str>) -> MetadataMap {
        let keys = self.host.service_keys("edge").unwrap();
        let token = keys.service_token("hosttest");
        let mut metadata = MetadataMap::new();
        metadata.insert("x-sf-service", token.parse().unwrap());
        let caller = Caller {
            account_id: Uuid::now_v7(),
            profile_id: Uuid::now_v7(),
            session_id: Uuid::now_v7(),
            role: Role::User,
        };
        let time = Duration::from_secs(30);
        let ctx = Context::for_caller(&keys, caller, None, "request-1", time);
        metadata.insert("x-sf-identity", ctx.identity().unwrap().parse().unwrap());
        metadata.insert("grpc-timeout", "30S".parse().unwrap());
        if let Some(hold) = hold {
            metadata.insert("x-hold", hold.parse().unwrap());
        }
        metadata
    }
}

async fn call(
    channel: Channel,
    path: &'static str,
    metadata: MetadataMap,
) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let request = Request::from_parts(metadata, Default::default(), Bytes::new());
    let path = http::uri::PathAndQuery::from_static(path);
    let reply = client.unary(request, path, Verbatim).await?;
    Ok(reply.into_inner())
}

#[tokio::test]
async fn t16_no_rpc_is_answered_without_a_credential_and_no_identity_believed() {
    let process = Process::start(|_| {}).await;
    let channel = process.channel().await;
    let mut forged = MetadataMap::new();
    forged.insert("x-sf-identity", "e30.e30.c2ln".parse().unwrap());
    forged.insert("x-account-id", "1".parse().unwrap());
    for rule in contracts::rpcs() {
        for metadata in [MetadataMap::new(), forged.clone()] {
            let refused = call(channel.clone(), rule.path, metadata).await;
            assert_eq!(
                refused.unwrap_err().code(),
                Code::Unauthenticated,
                "{}",
                rule.path
            );
        }
    }
    let unknown = call(
        channel.clone(),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        MetadataMap::new(),
    );
    assert_eq!(
        unknown.await.unwrap_err().code(),
        Code::Unauthenticated,
        "reflection is off"
    );
    assert!(call(channel, PATH, process.metadata(None)).await.is_ok());
}

#[tokio::test]
async fn sc_7_health_tells_of_the_process_and_each_service_and_of_draining() {
    let process = Process::start(|_| {}).await;
    let mut client = HealthClient::new(process.channel().await);
    let asked = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    for name in ["", SERVER] {
        let reply = client.check(asked(name)).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{name}");
    }
    let unknown = client.check(asked("smilefactory.x")).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let mut watch = client.watch(asked(SERVER)).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    process.host.readiness().drain();
    let next = watch.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    let reply = client.check(asked("")).await.unwrap().into_inner();
    assert_eq!(reply.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn t28_a_call_too_many_is_refused_at_once_and_health_is_not_counted() {
    let process = Process::start(|listen| listen.in_flight = 1).await;
    let channel = process.channel().await;
    // One place and a reserve of one: an ordinary call finds none.
    let refused = call(channel.clone(), PATH, process.metadata(None)).await;
    let refused = Fault::from(refused.unwrap_err());
    assert_eq!(refused.reason(), Reason::ServiceUnavailable);
    assert!(refused.retry_after().is_some());
    let process = Process::start(|listen| {
        listen.in_flight = 1;
        listen.reserve_percent = 0;
    })
    .await;
    let channel = process.channel().await;
    let held = call(channel.clone(), PATH, process.metadata(Some("shed")));
    let second = async {
        // The held call is in when another is refused.
        testkit::eventually(|| async {
            let refused = call(channel.clone(), PATH, process.metadata(None)).await;
            refused
                .err()
                .filter(|status| status.code() == Code::Unavailable)
        })
        .await;
        let mut health = HealthClient::new(channel.clone());
        health.check(HealthCheckRequest::default()).await.unwrap();
        SHED.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, second);
    assert!(held.is_ok());
    assert!(
        call(channel.clone(), PATH, process.metadata(None))
            .await
            .is_ok(),
        "the place was given back"
    );
}

#[tokio::test]
async fn dl_4_accepted_calls_end_well_streams_are_ended_and_nobody_else_comes_in() {
    let process = Process::start(|_| {}).await;
    let channel = process.channel().await;
    let mut streaming = Grpc::new(channel.clone());
    streaming.ready().await.unwrap();
    let request = Request::from_parts(process.metadata(None), Default::default(), Bytes::new());
    let path = http::uri::PathAndQuery::from_static(STREAM);
    let stream = streaming.server_streaming(request, path, Verbatim).await;
    let mut stream = stream.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let metadata = process.metadata(Some("drain"));
    let held = tokio::task::JoinSet::from_iter([call(channel, PATH, metadata)]);
    let Process {
        host,
        address,
        stop,
    } = process;
    HELD.acquire().await.unwrap().forget();
    stop.begin();
    let ended = tokio::task::JoinSet::from_iter([host.run(Duration::from_secs(20))]);
    let closing = stream.message().await.unwrap_err();
    assert_eq!(closing.code(), Code::Unavailable);
    testkit::eventually(|| async { TcpStream::connect(address).await.err() }).await;
    DRAIN.add_permits(1);
    assert!(held.join_all().await.remove(0).is_ok());
    ended.join_all().await;
}

#[tokio::test]
async fn n_17_a_connection_without_a_preface_is_closed() {
    let process = Process::start(|listen| listen.first_byte_ms = 100).await;
    for said in [&b""[..], b"PRI * HTT", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(process.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        // Closed with bytes unread it is reset, which is an end as well.
        let _end = stream.read_to_end(&mut heard).await;
        assert!(heard.is_empty(), "{heard:?}");
    }
}

#[tokio::test]
async fn sc_7_reflection_is_answered_where_it_is_on() {
    let process = Process::start(|listen| listen.reflection = true).await;
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let answered = call(process.channel().await, path, MetadataMap::new()).await;
    assert_ne!(
        answered.map_err(|status| status.code()),
        Err(Code::Unauthenticated)
    );
}
