//! Endpoints that hang, leave, die, fail and return.

use std::{sync::Arc, time::Duration};

use fault::{Fault, Reason};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use mesh::Peers;
use tokio::{sync::Notify, task::JoinSet};
use tonic::{Code, body::Body};
use tower::ServiceExt as _;

use crate::{
    calls::{CREATE, GET, STREAM},
    server::{Server, call, context, edge, framed, until_ok},
};

/// So many callers side by side, each making so many calls one after the other, all of which go well.
fn crowd(peers: &Peers, path: &'static str, callers: usize, calls: usize) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for _ in 0..callers {
        let peers = peers.clone();
        crowd.spawn(async move {
            for _ in 0..calls {
                call(&peers, path).await.unwrap();
            }
        });
    }
    crowd
}

#[tokio::test]
async fn t_47_a_hung_service_is_a_503_long_before_the_deadline() {
    let server = Server::echo().await;
    let peers = edge(&[&server]);
    call(&peers, GET).await.unwrap();
    server.hang(true);
    for path in [GET, CREATE, CREATE] {
        let fault = call(&peers, path).await.unwrap_err();
        assert_eq!(fault.reason(), Reason::ServiceUnavailable);
        assert!(fault.retry_after().is_some());
    }
    server.hang(false);
    until_ok(&peers, CREATE).await;
}

#[tokio::test]
async fn t_47_what_cannot_be_repeated_waits_for_a_service_that_is_only_slow() {
    let go_on = Arc::new(Notify::new());
    let server = Server::start({
        let go_on = Arc::clone(&go_on);
        move |call| {
            let go_on = Arc::clone(&go_on);
            async move {
                go_on.notified().await;
                call.ok(b"pong");
            }
        }
    })
    .await;
    let peers = edge(&[&server]);
    let mut creating = JoinSet::new();
    creating.spawn({
        let peers = peers.clone();
        async move { call(&peers, CREATE).await }
    });
    while server.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.hang(true);
    // It answers no ping, and is out of rotation.
    let fault = call(&peers, GET).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    server.hang(false);
    go_on.notify_waiters();
    creating.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn t_47_a_stream_from_a_service_that_hangs_ends() {
    let server = Server::start(|mut call| async move {
        let mut stream = call.reply.send_response(Response::new(()), false).unwrap();
        stream.send_data(framed(b"pong"), false).unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let peers = edge(&[&server]);
    let request = Request::builder().uri(STREAM).body(Body::empty()).unwrap();
    let channel = peers.call("feed", &context(Duration::from_secs(30)));
    let mut body = channel.oneshot(request).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    server.hang(true);
    let fault = call(&peers, GET).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    let broken = body.frame().await.unwrap().unwrap_err();
    assert_eq!(broken.code(), Code::Unavailable);
}

#[tokio::test]
async fn t_46_who_refuses_late_is_not_asked_twice() {
    let slow = || {
        Server::start(|call| async move {
            tokio::time::sleep(Duration::from_millis(600)).await;
            call.refuse(Fault::unavailable("the database is away"));
        })
    };
    let (one, other) = (slow().await, slow().await);
    let fault = call(&edge(&[&one, &other]), GET).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    assert_eq!(one.calls() + other.calls(), 1);
}

#[tokio::test]
async fn t_47_one_of_two_replicas_hangs_and_calls_go_to_the_other() {
    let (good, hung) = (Server::echo().await, Server::echo().await);
    let peers = edge(&[&good, &hung]);
    while hung.calls() == 0 {
        call(&peers, GET).await.unwrap();
    }
    let before = hung.calls() + good.calls();
    hung.hang(true);
    // Enough callers for the hung one to catch some.
    let callers = crowd(&peers, GET, 8, 50);
    callers.join_all().await;
    // Each call was answered once by the good one; the hung one held up a few at most.
    assert_eq!(good.calls() + hung.calls() - before, 400);
    hung.hang(false);
    let seen = hung.calls();
    while hung.calls() < seen + 10 {
        call(&peers, GET).await.unwrap();
    }
}

#[tokio::test]
async fn sc_4_goaway_fails_no_call() {
    let server = Server::start(|call| async move {
        tokio::task::yield_now().await;
        call.ok(b"pong");
    })
    .await;
    let peers = edge(&[&server]);
    for _ in 0..5 {
        let callers = crowd(&peers, CREATE, 4, 20);
        server.go_away();
        callers.join_all().await;
    }
    assert!(server.connections() > 1);
    assert_eq!(server.calls(), 400, "none was made twice");
}

#[tokio::test]
async fn sc_4_a_dead_replica_fails_no_call_and_returns_when_it_is_back() {
    let (good, dead) = (Server::echo().await, Server::echo().await);
    let at = dead.at;
    let peers = edge(&[&good, &dead]);
    while dead.calls() == 0 {
        call(&peers, CREATE).await.unwrap();
    }
    drop(dead);
    // Nothing is in flight when it dies, so nothing may fail.
    tokio::task::yield_now().await;
    for _ in 0..50 {
        call(&peers, GET).await.unwrap();
        call(&peers, CREATE).await.unwrap();
    }
    let back = Server::at(at, |call| async move { call.ok(b"pong") }).await;
    while back.calls() == 0 {
        call(&peers, CREATE).await.unwrap();
    }
}

#[tokio::test]
async fn sc_4_a_flapping_replica_fails_no_call_that_may_be_repeated() {
    let answer = |call: crate::server::Call| async move { call.ok(b"pong") };
    let good = Server::echo().await;
    let mut flapping = Server::echo().await;
    let at = flapping.at;
    let peers = edge(&[&good, &flapping]);
    for _ in 0..5 {
        let callers = crowd(&peers, GET, 4, 50);
        while flapping.calls() < 10 {
            call(&peers, GET).await.unwrap();
        }
        // In the middle of what it has.
        drop(flapping);
        callers.join_all().await;
        flapping = Server::at(at, answer).await;
    }
}

#[tokio::test]
async fn sc_4_nobody_left_is_a_503_at_once() {
    let server = Server::echo().await;
    let peers = edge(&[&server]);
    call(&peers, GET).await.unwrap();
    drop(server);
    for _ in 0..50 {
        let fault = call(&peers, GET).await.unwrap_err();
        assert_eq!(fault.reason(), Reason::ServiceUnavailable);
        assert!(fault.retry_after().is_some());
    }
}

#[tokio::test]
async fn t59_the_first_call_after_all_replicas_were_away_finds_the_one_that_is_back() {
    let (one, other) = (Server::echo().await, Server::echo().await);
    let at = other.at;
    let peers = edge(&[&one, &other]);
    while one.calls() == 0 || other.calls() == 0 {
        call(&peers, CREATE).await.unwrap();
    }
    drop(one);
    drop(other);
    // Long enough for the probes to be seconds apart.
    for _ in 0..12 {
        call(&peers, CREATE).await.unwrap_err();
    }
    let _back = Server::at(at, |call| async move { call.ok(b"pong") }).await;
    call(&peers, CREATE).await.unwrap();
}

#[tokio::test]
async fn sc_4_a_replica_whose_calls_fail_leaves_rotation() {
    let good = Server::echo().await;
    let bad = Server::start(|call| async move {
        call.refuse(Fault::unavailable("no database"));
    })
    .await;
    let peers = edge(&[&good, &bad]);
    // The contract lets them be repeated, and there is somebody else to ask.
    while bad.calls() < 5 {
        call(&peers, GET).await.unwrap();
    }
    // Out, and back for a few calls at most after 1, 2 and 4 s and so on.
    for _ in 0..200 {
        call(&peers, GET).await.unwrap();
    }
    assert!(bad.calls() < 50, "{}", bad.calls());
}

#[tokio::test]
async fn sc_4_the_last_endpoint_is_not_taken_out_for_failing() {
    let broken = "/smilefactory.feed.v1.FeedService/GetPost";
    let server = Server::start(move |call| async move {
        if call.request.uri().path() == broken {
            call.refuse(Fault::unavailable("no database"));
        } else {
            call.ok(b"pong");
        }
    })
    .await;
    let peers = edge(&[&server]);
    for _ in 0..20 {
        call(&peers, broken).await.unwrap_err();
        call(&peers, CREATE).await.unwrap();
    }
    assert_eq!(
        server.calls(),
        25,
        "five of the broken method, until its breaker opened"
    );
}

#[tokio::test]
async fn t_48_a_slow_replica_gets_fewer_calls() {
    let quick = Server::echo().await;
    let slow = Server::start(|call| async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        call.ok(b"pong");
    })
    .await;
    let peers = edge(&[&quick, &slow]);
    let callers = crowd(&peers, GET, 4, 50);
    callers.join_all().await;
    assert_eq!(quick.calls() + slow.calls(), 200);
    assert!(slow.calls() < 50, "{}", slow.calls());
}
