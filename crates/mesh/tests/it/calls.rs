//! One call to one endpoint.

use std::time::Duration;

use bytes::Bytes;
use fault::Reason;
use futures_util::StreamExt as _;
use http::Response;
use tokio::sync::mpsc;

use crate::server::{Server, context, edge, framed, keys, mesh};

/// A method that is safe to repeat.
pub(crate) const GET: &str = "/smilefactory.feed.v1.FeedService/GetPost";
/// A method that is not.
pub(crate) const CREATE: &str = "/smilefactory.feed.v1.FeedService/CreatePost";
pub(crate) const STREAM: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn sc_1_a_call_over_the_network_carries_what_one_in_process_does() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |call| {
        let heads = heads.clone();
        async move {
            let (uri, headers) = (call.request.uri().clone(), call.request.headers().clone());
            heads.send((uri, headers)).unwrap();
            call.ok(b"pong");
        }
    })
    .await;
    let ctx = context(LONG);
    let peers = edge(&[&server]);
    assert!(peers.knows("feed") && !peers.knows("profile"));
    let reply = peers
        .forward("feed", &ctx, GET, Bytes::from_static(b"ping"))
        .await
        .unwrap();
    assert_eq!(reply.message, "pong");
    let (uri, headers) = seen.recv().await.unwrap();
    assert_eq!(uri.path(), GET);
    assert_eq!(headers["x-sf-identity"], ctx.identity().unwrap());
    assert_eq!(headers["x-request-id"], "request-1");
    let feed = keys("feed");
    let token = headers["x-sf-service"].to_str().unwrap();
    assert_eq!(&*feed.verify_service(token).unwrap(), "edge");
    let left = mesh::metadata::read_timeout(headers["grpc-timeout"].to_str().unwrap()).unwrap();
    assert!(left <= LONG && left > LONG / 2, "{left:?}");
    assert!(headers.contains_key("traceparent"));
}

#[tokio::test]
async fn sc_4_calls_share_a_connection_until_its_streams_are_taken() {
    let (hold, held) = tokio::sync::watch::channel(true);
    let server = Server::start(move |call| {
        let mut held = held.clone();
        async move {
            held.wait_for(|held| !held).await.unwrap();
            call.ok(b"");
        }
    })
    .await;
    let peers = edge(&[&server]);
    let ctx = context(LONG);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (peers, ctx) = (peers.clone(), ctx.clone());
        calls.spawn(async move {
            peers
                .forward("feed", &ctx, GET, Bytes::new())
                .await
                .map(drop)
        });
    }
    // More than one connection can carry is under way at the same time.
    while server.calls() < 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connections(), 2);
    hold.send_replace(false);
    for outcome in calls.join_all().await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn tr_8_large_messages_pass_both_ways() {
    let server = Server::start(|mut call| async move {
        let mut asked = Vec::new();
        let body = call.request.body_mut();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            asked.extend_from_slice(&data);
        }
        call.ok(&asked[5..]);
    })
    .await;
    let message = Bytes::from(vec![7; mesh::MESSAGE_LIMIT]);
    let reply = edge(&[&server])
        .forward("feed", &context(LONG), GET, message.clone())
        .await;
    assert_eq!(reply.unwrap().message, message);
}

#[tokio::test]
async fn st_5_dropping_a_stream_resets_it_at_the_service() {
    let (gone, mut is_gone) = mpsc::unbounded_channel();
    let server = Server::start(move |mut call| {
        let gone = gone.clone();
        async move {
            let mut stream = call.reply.send_response(Response::new(()), false).unwrap();
            stream.send_data(framed(b"one"), false).unwrap();
            let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
            gone.send(reason).unwrap();
        }
    })
    .await;
    let peers = edge(&[&server]);
    let mut messages = peers
        .forward_streaming("feed", &context(LONG), STREAM, Bytes::new())
        .await
        .unwrap();
    assert_eq!(messages.next().await.unwrap().unwrap(), "one");
    drop(messages);
    assert_eq!(is_gone.recv().await.unwrap().unwrap(), h2::Reason::CANCEL);
}

#[tokio::test]
async fn sc_3_an_abandoned_call_is_reset_at_the_service() {
    let (began, mut has_begun) = mpsc::unbounded_channel();
    let (gone, mut is_gone) = mpsc::unbounded_channel();
    let server = Server::start(move |mut call| {
        let (began, gone) = (began.clone(), gone.clone());
        async move {
            began.send(()).unwrap();
            let reason = std::future::poll_fn(|cx| call.reply.poll_reset(cx)).await;
            gone.send(reason).unwrap();
        }
    })
    .await;
    let peers = edge(&[&server]);
    let ctx = context(LONG);
    tokio::select! {
        _ = peers.forward("feed", &ctx, GET, Bytes::new()) => unreachable!("nobody answers"),
        () = async { has_begun.recv().await.unwrap() } => {}
    }
    assert_eq!(is_gone.recv().await.unwrap().unwrap(), h2::Reason::CANCEL);
}

#[tokio::test]
async fn sc_4_nobody_at_the_address_is_a_503_at_once() {
    let at = Server::echo().await.at.to_string();
    let peers = mesh(&[at]).peers(keys("edge"));
    for _ in 0..3 {
        let fault = peers
            .forward("feed", &context(LONG), GET, Bytes::new())
            .await
            .unwrap_err();
        assert_eq!(fault.reason(), Reason::ServiceUnavailable);
        assert!(fault.retry_after().is_some());
    }
}
