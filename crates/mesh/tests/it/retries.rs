//! What is tried again, and what is not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use fault::{Fault, Reason};
use h2::Reason as Reset;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::{Notify, mpsc};
use tonic::{Code, body::Body};
use tower::ServiceExt as _;

use crate::{
    calls::{CREATE, GET, STREAM},
    server::{Server, call, context, edge, framed},
};

/// A server that resets the first calls with a reason and answers the others.
async fn resetting(first: usize, reason: Reset) -> Server {
    let seen = Arc::new(AtomicUsize::new(0));
    Server::start(move |call| {
        let seen = Arc::clone(&seen);
        async move {
            if seen.fetch_add(1, SeqCst) < first {
                call.reset(reason);
            } else {
                call.ok(b"pong");
            }
        }
    })
    .await
}

#[tokio::test]
async fn sc_4_a_refused_stream_is_tried_again_whatever_the_method() {
    for (first, path) in [(1, CREATE), (2, CREATE), (2, GET)] {
        let server = resetting(first, Reset::REFUSED_STREAM).await;
        call(&edge(&[&server]), path).await.unwrap();
        assert_eq!(server.calls(), first + 1);
    }
    let server = resetting(3, Reset::REFUSED_STREAM).await;
    let fault = call(&edge(&[&server]), GET).await.unwrap_err();
    assert_eq!(
        (fault.reason(), server.calls()),
        (Reason::ServiceUnavailable, 3)
    );
}

#[tokio::test]
async fn sc_4_what_may_have_been_acted_upon_is_repeated_only_if_the_contract_lets_it() {
    for (path, tries) in [(CREATE, 1), (GET, 3)] {
        let server = resetting(100, Reset::INTERNAL_ERROR).await;
        let fault = call(&edge(&[&server]), path).await.unwrap_err();
        assert_eq!(fault.reason(), Reason::ServiceUnavailable);
        assert_eq!(server.calls(), tries, "{path}");
    }
    let server = resetting(2, Reset::INTERNAL_ERROR).await;
    call(&edge(&[&server]), GET).await.unwrap();
}

#[tokio::test]
async fn sc_4_refusals_are_not_tried_again() {
    let server = Server::start(|call| async move {
        call.refuse(Fault::of(Reason::InternalError));
    })
    .await;
    let fault = call(&edge(&[&server]), GET).await.unwrap_err();
    assert_eq!((fault.reason(), server.calls()), (Reason::InternalError, 1));
}

#[tokio::test]
async fn gw_27_who_is_overloaded_is_not_asked_more_often_and_not_given_up() {
    let server = Server::start(|mut call| async move {
        let full = Fault::unavailable("no place");
        let mut head = tonic::Status::from(full).into_http::<()>();
        let mark = HeaderValue::from_static("true");
        head.headers_mut().insert(mesh::metadata::OVERLOADED, mark);
        call.reply.send_response(head, true).unwrap();
    })
    .await;
    let peers = edge(&[&server]);
    for calls in 1..=30 {
        let fault = call(&peers, GET).await.unwrap_err();
        assert_eq!(
            (fault.reason(), server.calls()),
            (Reason::ServiceUnavailable, calls)
        );
    }
}

#[tokio::test]
async fn sc_4_nothing_is_tried_again_after_the_head() {
    let go_on = Arc::new(Notify::new());
    let breaks = Arc::clone(&go_on);
    let server = Server::start(move |mut call| {
        let breaks = Arc::clone(&breaks);
        async move {
            let mut stream = call.reply.send_response(Response::new(()), false).unwrap();
            stream.send_data(framed(b"half").slice(..7), false).unwrap();
            breaks.notified().await;
            stream.send_reset(Reset::INTERNAL_ERROR);
        }
    })
    .await;
    let peers = edge(&[&server]);
    for (path, calls) in [(GET, 1), (STREAM, 2)] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let channel = peers.call("feed", &context(Duration::from_secs(30)));
        let mut body = channel.oneshot(request).await.unwrap().into_body();
        assert_eq!(
            body.frame()
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap()
                .len(),
            7
        );
        go_on.notify_one();
        let broken = body.frame().await.unwrap().unwrap_err();
        assert_eq!(broken.code(), Code::Unavailable);
        assert_eq!(server.calls(), calls);
    }
}

#[tokio::test]
async fn n_20_retries_are_at_most_a_fifth_of_the_calls_and_ten() {
    let server = resetting(usize::MAX, Reset::INTERNAL_ERROR).await;
    let peers = edge(&[&server]);
    // Of many methods, so that no breaker ends it.
    let safe = contracts::rpcs()
        .iter()
        .filter(|rule| rule.effect == contracts::Effect::Safe && !rule.streaming);
    let mut calls = 0;
    for rule in safe {
        for _ in 0..4 {
            call(&peers, rule.path).await.unwrap_err();
            calls += 1;
        }
    }
    assert!(calls > 40);
    let retries = server.calls() - calls;
    assert!(
        (10..=10 + calls / 5).contains(&retries),
        "{retries} retries of {calls} calls"
    );
}

#[tokio::test]
async fn sc_3_a_retry_has_the_request_id_and_the_time_that_is_left() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |call| {
        let heads = heads.clone();
        async move {
            heads.send(call.request.headers().clone()).unwrap();
            call.reset(Reset::INTERNAL_ERROR);
        }
    })
    .await;
    call(&edge(&[&server]), GET).await.unwrap_err();
    let mut left = Duration::MAX;
    for _ in 0..3 {
        let head = seen.recv().await.unwrap();
        assert_eq!(head["x-request-id"], "request-1");
        let now = head["grpc-timeout"].to_str().unwrap();
        let now = mesh::metadata::read_timeout(now).unwrap();
        // 25 ms is the shortest delay there is.
        assert!(
            now + Duration::from_millis(25) <= left,
            "{now:?} after {left:?}"
        );
        left = now;
    }
}

#[tokio::test]
async fn sc_3_a_slow_try_is_given_up_while_another_fits_in_the_deadline() {
    let stuck = Arc::new(AtomicUsize::new(0));
    let script = |stuck: Arc<AtomicUsize>| {
        move |call: crate::server::Call| {
            let stuck = Arc::clone(&stuck);
            async move {
                // One call is never answered, by whichever server gets it.
                if stuck.fetch_add(1, SeqCst) == 0 {
                    std::future::pending::<()>().await;
                }
                call.ok(b"pong");
            }
        }
    };
    let one = Server::start(script(Arc::clone(&stuck))).await;
    let two = Server::start(script(Arc::clone(&stuck))).await;
    let peers = edge(&[&one, &two]);
    let ctx = context(Duration::from_secs(4));
    let reply = peers
        .forward("feed", &ctx, GET, Bytes::new())
        .await
        .unwrap();
    assert_eq!(reply.message, "pong");
    assert_eq!((one.calls(), two.calls()), (1, 1));
}
