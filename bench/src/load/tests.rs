//! The generator against servers that are slow, wrong or gone.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;

/// Starts a server; the number of the request tells what it answers.
async fn serve<F>(tasks: &mut JoinSet<()>, answer: F) -> SocketAddr
where
    F: AsyncFn(usize, Request<Incoming>) -> Response<Full<Bytes>> + Clone + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    tasks.spawn_local(async move {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (seen, answer) = (Arc::clone(&seen), answer.clone());
            connections.spawn_local(async move {
                let service = service_fn(|request| {
                    let number = seen.fetch_add(1, Ordering::Relaxed);
                    let answer = answer.clone();
                    async move { Ok::<_, Infallible>(answer(number, request).await) }
                });
                let _ended = http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    });
    address
}

fn plan(address: SocketAddr, pace: Pace) -> Plan {
    Plan {
        address,
        connections: 2,
        callers: 1,
        pace,
        warm_up_ms: 50,
        measure_ms: 500,
        request: Template {
            method: "GET".to_owned(),
            targets: vec!["/a".to_owned(), "/b".to_owned()],
            headers: vec![("accept".to_owned(), "text/plain".to_owned())],
            body: Vec::new(),
            expect: 200,
            protocol: Protocol::Http,
            length: None,
        },
        tokens: Tokens::None,
        watch: vec![std::process::id()],
    }
}

/// Runs what needs tasks that stay on their thread.
async fn here<T>(test: impl AsyncFnOnce(&mut JoinSet<()>) -> T) -> T {
    tokio::task::LocalSet::new()
        .run_until(async {
            let mut tasks = JoinSet::new();
            test(&mut tasks).await
        })
        .await
}

#[tokio::test]
async fn answers_are_counted_with_what_they_cost() {
    here(async |tasks| {
        let address = serve(tasks, async |number, request| {
            assert_eq!(request.headers()["accept"], "text/plain");
            // Targets are sent in turn, whatever the connection.
            let expected = if request.uri().path() == "/a" || request.uri().path() == "/b" {
                200
            } else {
                404
            };
            let status = if number % 10 == 9 { 503 } else { expected };
            Response::builder()
                .status(status)
                .body(Full::from("12345"))
                .unwrap()
        })
        .await;
        let report = run(&plan(address, Pace::Closed)).await.unwrap();
        assert!(
            report.requests > 0 && report.bytes == 5 * report.requests,
            "{report:?}"
        );
        assert!(report.failures.keys().eq(["status 503"]), "{report:?}");
        assert!(
            report.seconds > 0.0 && report.latency.count >= report.requests,
            "{report:?}"
        );
        assert!(
            report.latency.p50 <= report.latency.p99 && report.latency.p99 <= report.latency.max
        );
        assert!(
            report.cpu_us(0).is_some() && report.cpu_us(1).is_none() && report.per_second() > 0.0
        );
    })
    .await;
}

#[tokio::test]
async fn at_a_fixed_rate_a_stall_counts_for_all_that_were_due_meanwhile() {
    here(async |tasks| {
        // Two connections, 200 requests a second; nothing is answered in the first 450 ms.
        let first = Arc::new(std::sync::OnceLock::new());
        let address = serve(tasks, async move |_, _| {
            let first = *first.get_or_init(std::time::Instant::now);
            tokio::time::sleep_until((first + Duration::from_millis(450)).into()).await;
            Response::new(Full::from("late"))
        })
        .await;
        let report = run(&plan(address, Pace::PerSecond(200.0))).await.unwrap();
        // Due within the counted time: 100, however late they were sent. Only two were under way during the stall.
        assert_eq!(report.latency.count, 100, "{report:?}");
        assert!(report.failures.is_empty(), "{report:?}");
        // A generator that counts from when it sent would show the wait in two of a hundred: the median would be tiny.
        assert!(report.latency.p50 > 100_000.0, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn a_token_is_sent_once_and_the_load_ends_with_the_last() {
    let file =
        std::env::temp_dir().join(format!("smilefactory-bench-tokens-{}", std::process::id()));
    std::fs::write(&file, "used\none\ntwo\nthree\n").unwrap();
    here(async |tasks| {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let address = serve(tasks, async move |_, request: Request<Incoming>| {
            kept.lock().unwrap().push(
                request.headers()["authorization"]
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
            Response::new(Full::default())
        })
        .await;
        let tokens = Tokens::Once {
            file: file.clone(),
            skip: 1,
        };
        // It would load for an hour.
        let endless = Plan {
            tokens,
            measure_ms: 3_600_000,
            ..plan(address, Pace::Closed)
        };
        let report = run(&endless).await.unwrap();
        assert_eq!(report.tokens, 3);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        assert_eq!(seen, ["Bearer one", "Bearer three", "Bearer two"]);
    })
    .await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn what_is_not_there_fails_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = run(&plan(address, Pace::Closed)).await.unwrap();
    assert_eq!(report.requests, 0);
    assert!(
        report.failures.keys().all(|what| what.contains("refused")) && !report.failures.is_empty(),
        "{report:?}"
    );
    assert!(report.cpu_us(0).is_none());
    let nobody = Plan {
        connections: 0,
        ..plan(address, Pace::Closed)
    };
    assert_eq!(
        run(&nobody).await.unwrap_err().to_string(),
        "connections must not be 0"
    );
    let crowded = Plan {
        callers: 2,
        ..plan(address, Pace::Closed)
    };
    let refused = run(&crowded).await.unwrap_err().to_string();
    assert!(refused.starts_with("callers must be 1"), "{refused}");
}
