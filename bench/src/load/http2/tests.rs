//! Callers of gRPC against services that are slow, wrong or gone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::*;
use crate::load::{Pace, Plan, Protocol, Report, Template, Tokens, run};

const CALLERS: usize = 4;

/// What a service saw.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    calls: AtomicUsize,
}

/// Starts a service; the number of the call tells the code it answers with, beside a message of 7 bytes. Without a code the
/// connection ends.
async fn serve<F>(
    tasks: &mut JoinSet<()>,
    answer: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> (SocketAddr, Arc<Seen>)
where
    F: Future<Output = Option<&'static str>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let kept = Arc::clone(&seen);
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            seen.connections.fetch_add(1, Ordering::Relaxed);
            let (answer, seen) = (answer.clone(), Arc::clone(&seen));
            let end = Arc::new(tokio::sync::Notify::new());
            let ending = Arc::clone(&end);
            let service = service_fn(move |request: Request<Incoming>| {
                let answered = answer(seen.calls.fetch_add(1, Ordering::Relaxed));
                let end = Arc::clone(&end);
                async move {
                    assert_eq!(request.headers()["te"], "trailers");
                    assert_eq!(request.uri().path(), "/a.Service/Call");
                    let asked = request.into_body().collect().await.unwrap().to_bytes();
                    assert_eq!(asked, &b"\0\0\0\0\x01?"[..]);
                    let Some(code) = answered.await else {
                        end.notify_one();
                        return std::future::pending().await;
                    };
                    Ok::<_, Infallible>(reply(code))
                }
            });
            let connection = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), service);
            connections.spawn(async move {
                tokio::select! {
                    _ended = connection => {}
                    () = ending.notified() => {}
                }
            });
        }
    });
    (address, kept)
}

fn reply(code: &'static str) -> Response<impl Body<Data = Bytes, Error = Infallible>> {
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static(code),
    )]);
    let message = Full::from(&b"\0\0\0\0\x02ok"[..]);
    Response::new(message.with_trailers(async { Some(Ok(trailers)) }))
}

async fn load(address: SocketAddr, length: Option<u64>) -> Report {
    let plan = Plan {
        address,
        connections: 1,
        callers: CALLERS,
        pace: Pace::Closed,
        warm_up_ms: 50,
        measure_ms: 500,
        request: Template {
            method: "POST".to_owned(),
            targets: vec!["/a.Service/Call".to_owned()],
            headers: vec![("content-type".to_owned(), "application/grpc".to_owned())],
            body: b"\0\0\0\0\x01?".to_vec(),
            expect: 200,
            protocol: Protocol::Grpc,
            length,
        },
        tokens: Tokens::None,
        watch: Vec::new(),
    };
    run(&plan).await.unwrap()
}

#[tokio::test]
async fn callers_share_a_connection_and_the_trailers_must_say_zero() {
    let mut tasks = JoinSet::new();
    let all = Arc::new(Barrier::new(CALLERS));
    let (address, seen) = serve(&mut tasks, move |number| {
        let all = Arc::clone(&all);
        async move {
            // The first is not answered before all callers have a call under way.
            if number < CALLERS {
                all.wait().await;
            }
            Some(if number % 10 == 9 { "13" } else { "0" })
        }
    })
    .await;
    let report = load(address, Some(7)).await;
    assert!(
        report.requests > 0 && report.bytes == 7 * report.requests,
        "{report:?}"
    );
    assert!(report.failures.keys().eq(["gRPC status 13"]), "{report:?}");
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_of_another_length_is_wrong() {
    let mut tasks = JoinSet::new();
    let (address, seen) = serve(&mut tasks, |_| async { Some("0") }).await;
    let report = load(address, Some(8)).await;
    assert_eq!(report.requests, 0, "{report:?}");
    assert!(
        report.failures.keys().eq(["a body of 7 bytes"]),
        "{report:?}"
    );
    assert_eq!(
        seen.connections.load(Ordering::Relaxed),
        1,
        "it is as good as before"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_opened_again() {
    let mut tasks = JoinSet::new();
    let (address, seen) = serve(
        &mut tasks,
        |number| async move { (number != 2).then_some("0") },
    )
    .await;
    let report = load(address, Some(7)).await;
    assert!(
        report.requests > 0 && !report.failures.is_empty(),
        "{report:?}"
    );
    assert_eq!(seen.connections.load(Ordering::Relaxed), 2, "{report:?}");
}
