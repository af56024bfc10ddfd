//! The layers around a scripted service, called in process.

use std::{
    convert::Infallible,
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use fault::{Fault, Reason};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use identity::{Caller, Context, Role, internal::ServiceKeys};
use mesh::{Hosted, Mesh};
use tonic::{Code, Status, body::Body};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;
use crate::{SERVICES, layers::guard};

const OPTIONAL: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const USER: &str = "/smilefactory.feed.v1.FeedService/CreatePost";
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

#[tokio::test]
async fn sc_2_who_may_call_what_for_whom() {
    let edge = keys("edge");
    let anonymous = edge.sign_identity(None, None);
    let user = edge.sign_identity(Some(&caller(Role::User)), None);
    let denied = Some(Reason::Forbidden);
    let rows = [
        (OPTIONAL, "edge", None, None),
        (OPTIONAL, "edge", Some(&anonymous), None),
        (OPTIONAL, "edge", Some(&user), None),
        (OPTIONAL, "profile", Some(&user), denied),
        (USER, "edge", Some(&user), None),
        (USER, "edge", Some(&anonymous), Some(Reason::Unauthorized)),
        (USER, "edge", None, Some(Reason::Unauthorized)),
        (USER, "auth", Some(&user), denied),
        (COMPOSED, "auth", Some(&user), None),
        (COMPOSED, "edge", Some(&anonymous), None),
        (COMPOSED, "feed", Some(&user), denied),
        (INTERNAL, "profile", None, None),
        (INTERNAL, "auth", Some(&user), None),
        (INTERNAL, "edge", Some(&user), denied),
        (EDGE_ONLY, "edge", None, None),
        (EDGE_ONLY, "profile", Some(&user), denied),
    ];
    let (service, seen) = witness();
    for (path, peer, identity, expected) in rows {
        let credential = keys(peer).service_token("feed");
        let mut headers = vec![("x-sf-service", &*credential)];
        headers.extend(identity.map(|token| ("x-sf-identity", &**token)));
        *seen.lock().unwrap() = None;
        assert_eq!(
            reason(&service, request(path, &headers)).await,
            expected,
            "{path} by {peer}"
        );
        assert_eq!(
            seen.lock().unwrap().is_some(),
            expected.is_none(),
            "{path} by {peer}: the handler"
        );
    }
}

#[test]
fn sc_2_staff_rpcs_need_a_staff_role() {
    for (role, expected) in [
        (None, Some(Reason::Unauthorized)),
        (Some(Role::User), Some(Reason::Forbidden)),
        (Some(Role::Staff), None),
        (Some(Role::Admin), None),
    ] {
        let caller = role.map(caller);
        let refused = guard::in_class(contracts::Access::Staff, caller.as_ref()).err();
        assert_eq!(refused.map(|fault| fault.reason()), expected, "{role:?}");
    }
}

#[tokio::test]
async fn t_16_no_rpc_is_reachable_without_the_right_credential() {
    let (service, seen) = witness();
    let foreign = ServiceKeys::derived("edge", b"another secret", SERVICES).unwrap();
    let elsewhere = keys("edge").service_token("profile");
    let (wrong, right) = (
        foreign.service_token("feed"),
        keys("edge").service_token("feed"),
    );
    for rule in contracts::rpcs() {
        let of = |headers: &[(&'static str, &str)]| request(rule.path, headers);
        assert_eq!(
            reason(&service, of(&[])).await,
            Some(Reason::Unauthorized),
            "{}",
            rule.path
        );
        let empty = reason(&service, of(&[("x-sf-service", "")])).await;
        assert_eq!(empty, Some(Reason::Forbidden), "{}", rule.path);
        for token in [&wrong, &elsewhere] {
            let refused = reason(&service, of(&[("x-sf-service", token)])).await;
            assert_eq!(refused, Some(Reason::Forbidden), "{}", rule.path);
        }
        let twice = [("x-sf-service", &*right), ("x-sf-service", &*right)];
        assert_eq!(
            reason(&service, of(&twice)).await,
            Some(Reason::Unauthorized),
            "{}",
            rule.path
        );
    }
    assert!(seen.lock().unwrap().is_none(), "no handler ran");
}

#[tokio::test]
async fn t_15_identities_the_edge_did_not_sign_are_refused() {
    let (service, seen) = witness();
    let edge = keys("edge");
    let credential = edge.service_token("feed");
    let by_feed = keys("feed").sign_identity(Some(&caller(Role::Admin)), None);
    let right = edge.sign_identity(None, None);
    for identities in [
        vec![&*by_feed],
        vec![&*credential],
        vec!["x"],
        vec![""],
        vec![&*right, &*right],
    ] {
        let mut headers = vec![("x-sf-service", &*credential)];
        headers.extend(identities.iter().map(|token| ("x-sf-identity", *token)));
        let refused = reason(&service, request(OPTIONAL, &headers)).await;
        assert_eq!(refused, Some(Reason::Unauthorized), "{identities:?}");
    }
    assert!(seen.lock().unwrap().is_none());
}

#[tokio::test]
async fn sc_1_the_context_says_what_the_edge_signed_and_nothing_else() {
    let (service, seen) = witness();
    let edge = keys("edge");
    let (caller, ip) = (caller(Role::Staff), Some("2001:db8::9".parse().unwrap()));
    let (credential, identity) = (
        edge.service_token("feed"),
        edge.sign_identity(Some(&caller), ip),
    );
    let headers = [
        ("x-sf-service", &*credential),
        ("x-sf-identity", &identity),
        ("x-request-id", "request-77"),
        ("x-sf-user-agent", "Ünit/1.0"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("x-account-id", "forged"),
        ("x-forwarded-for", "203.0.113.1"),
    ];
    outcome(&service, request(USER, &headers)).await.unwrap();
    let ctx = seen.lock().unwrap().take().unwrap();
    assert_eq!(ctx.require_caller().unwrap(), &caller);
    assert_eq!(
        (ctx.ip(), ctx.peer(), ctx.request_id()),
        (ip, "edge", "request-77")
    );
    assert_eq!(
        (ctx.user_agent(), ctx.identity()),
        (Some("Ünit/1.0"), Some(&*identity))
    );
    assert!(
        ctx.trace()
            .unwrap()
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
    let rule = contracts::rpc(USER).unwrap();
    assert!(
        ctx.remaining() <= rule.deadline && ctx.remaining() > rule.deadline / 2,
        "the rule's deadline"
    );
    let headers = [
        ("x-sf-service", &*credential),
        ("x-request-id", "a\tb"),
        ("grpc-timeout", "200m"),
    ];
    outcome(&service, request(OPTIONAL, &headers))
        .await
        .unwrap();
    let ctx = seen.lock().unwrap().take().unwrap();
    assert!(
        identity::request_id::is_acceptable(ctx.request_id()),
        "{:?}",
        ctx.request_id()
    );
    assert!(ctx.caller().is_none() && ctx.remaining() <= Duration::from_millis(200));
}

/// An anonymous request by the edge, with more headers.
fn by_edge(path: &str, more: &[(&'static str, &str)]) -> Request<Body> {
    let credential = keys("edge").service_token("feed");
    request(path, &[&[("x-sf-service", &*credential)], more].concat())
}

#[tokio::test]
async fn sc_3_the_deadline_ends_handlers_and_bodies() {
    let silent = answering(|_| std::future::pending());
    let soon = [("grpc-timeout", "50m")];
    assert_eq!(
        reason(&silent, by_edge(OPTIONAL, &soon)).await,
        Some(Reason::GatewayTimeout)
    );
    let dribbling =
        answering(|_| async { frames(vec![Ok(Frame::data(Bytes::from_static(b"x")))], true) });
    assert_eq!(
        reason(&dribbling, by_edge(OPTIONAL, &soon)).await,
        Some(Reason::GatewayTimeout)
    );
    for odd in ["", "soon", "-1S", "5", "1.5S"] {
        let refused = reason(&silent, by_edge(OPTIONAL, &[("grpc-timeout", odd)])).await;
        assert_eq!(refused, Some(Reason::ValidationError), "{odd:?}");
    }
}

#[tokio::test]
async fn k_11_a_panic_is_an_internal_error_and_the_service_goes_on() {
    async fn explode() -> Response<Body> {
        panic!("secret of the handler")
    }
    let handler = answering(|request| async move {
        if request.uri().path() == OPTIONAL {
            explode().await
        } else {
            ok()
        }
    });
    let fault = outcome(&handler, by_edge(OPTIONAL, &[])).await.unwrap_err();
    assert_eq!(
        (fault.reason(), fault.message()),
        (Reason::InternalError, "Internal error")
    );
    assert_eq!(reason(&handler, by_edge(EDGE_ONLY, &[])).await, None);
    let body = answering(|_| async {
        let frames = stream::poll_fn(
            |_| -> std::task::Poll<Option<std::result::Result<Frame<Bytes>, Status>>> {
                panic!("secret of the stream")
            },
        );
        Response::new(Body::new(StreamBody::new(frames)))
    });
    let fault = outcome(&body, by_edge(OPTIONAL, &[])).await.unwrap_err();
    assert_eq!(
        (fault.reason(), fault.message()),
        (Reason::InternalError, "Internal error")
    );
}

#[tokio::test]
async fn tr_7_no_text_of_a_library_leaves_and_the_request_is_named() {
    let text = "connection to /run/postgresql refused";
    let rows = [
        (Status::new(Code::Internal, text), Reason::InternalError),
        (Status::new(Code::Unknown, text), Reason::InternalError),
        (
            Status::new(Code::Unavailable, text),
            Reason::ServiceUnavailable,
        ),
        (Status::new(Code::OutOfRange, text), Reason::PayloadTooLarge),
        (
            Status::new(Code::Unimplemented, text),
            Reason::NotImplemented,
        ),
    ];
    for (status, reason) in rows {
        for late in [false, true] {
            let status = status.clone();
            let service = answering(move |_| {
                let status = status.clone();
                async move {
                    if late {
                        frames(vec![Err(status)], false)
                    } else {
                        status.into_http()
                    }
                }
            });
            let headers = [("x-request-id", "request-77")];
            let fault = outcome(&service, by_edge(OPTIONAL, &headers))
                .await
                .unwrap_err();
            assert_eq!(fault.reason(), reason, "late: {late}");
            assert_eq!(fault.message(), fault.reason().sentence());
            assert_eq!(fault.request_id(), Some("request-77"));
        }
    }
    let (service, _) = witness();
    let unknown = "/smilefactory.feed.v1.FeedService/Nonsense";
    assert_eq!(
        reason(&service, by_edge(unknown, &[])).await,
        Some(Reason::NotImplemented)
    );
}

#[tokio::test]
async fn metadata_beside_an_error_is_kept() {
    let service = answering(|_| async {
        let mut status = Status::from(Fault::of(Reason::RateLimitExceeded));
        status
            .metadata_mut()
            .insert("x-ratelimit-policy", "otp-send".parse().unwrap());
        status.into_http()
    });
    let reply = service.oneshot(by_edge(OPTIONAL, &[])).await.unwrap();
    assert_eq!(reply.headers()["x-ratelimit-policy"], "otp-send");
    assert_eq!(reply.headers().get_all("grpc-status").iter().count(), 1);
    let fault = Fault::from(Status::from_header_map(reply.headers()).unwrap());
    assert_eq!(fault.reason(), Reason::RateLimitExceeded);
}

/// Where the test reads what was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn ob_1_a_cause_is_logged_once_with_the_request_id_and_never_sent() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    let _scope = tracing::subscriber::set_default(lines);
    let mesh = Mesh::new();
    let cause = "relation \"posts\" does not exist";
    let inner = answering(move |_| async move { Status::from(Fault::internal(cause)).into_http() });
    mesh.host("feed", inner);
    // A second service passes the failure on; it must not log it again.
    let peers = mesh.peers(keys("edge"));
    let outer = answering(move |request| {
        let ctx = Context::of(&tonic::Request::from_parts(
            Default::default(),
            request.extensions().clone(),
            (),
        ));
        let peers = peers.clone();
        async move {
            let failed = peers
                .forward("feed", &ctx, OPTIONAL, Bytes::new())
                .await
                .unwrap_err();
            Status::from(failed).into_http()
        }
    });
    let fault = outcome(&outer, by_edge(OPTIONAL, &[("x-request-id", "request-77")]))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.reason(), fault.message()),
        (Reason::InternalError, "Internal error")
    );
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let about: Vec<_> = text
        .lines()
        .filter(|line| line.contains("does not exist"))
        .collect();
    assert_eq!(about.len(), 1, "{text}");
    assert!(
        about[0].contains("request-77") && about[0].contains("ERROR"),
        "{}",
        about[0]
    );
}
