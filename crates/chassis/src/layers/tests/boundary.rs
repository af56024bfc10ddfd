//! Deadlines, panics, foreign texts and the log.

use std::io::Write;

use super::*;

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
