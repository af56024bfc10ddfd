//! HTTP/2 readers whose window is closed, for whom nothing of a reply is asked for any more: over every protocol.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use contracts::auth::v1::RevocationKind;
use contracts::feed::v1::{ListFeedResponse, PostCard, StreamFeedRequest};
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use identity::{Caller, clock};
use prost::Message;

use super::readers::{flood, http_2};
use super::{LINES, PATH, Source, within};
use crate::house::House;
use crate::rpc::frame;
use crate::script::Answer;

/// Less than one item of a flood.
const WINDOW: u32 = 1024;

/// How the same stream is asked for.
const PROTOCOLS: [&str; 3] = [LINES, "application/grpc", "application/grpc-web-text"];

const STREAM_FEED: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";

fn call(protocol: &str, path: &str, token: &str) -> Request<Full<Bytes>> {
    let message = StreamFeedRequest::default().encode_to_vec();
    let request = Request::post(format!("http://door{path}"))
        .header("content-type", protocol)
        .header("authorization", format!("Bearer {token}"));
    let framed = match protocol {
        "application/grpc" => frame(&message),
        // An empty message in base64.
        _ => b"AAAAAAA=".to_vec(),
    };
    request.body(framed.into()).unwrap()
}

fn asking(protocol: &str, token: &str) -> Request<Full<Bytes>> {
    if protocol != LINES {
        return call(protocol, STREAM_FEED, token);
    }
    let request = Request::get(format!("http://door{PATH}"))
        .header("accept", LINES)
        .header("authorization", format!("Bearer {token}"));
    request.body(Full::default()).unwrap()
}

async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> http::Response<Incoming> {
    within(Duration::from_secs(20), sender.send_request(request))
        .await
        .unwrap()
}

/// Whether the reply is a stream that began, and not a refusal.
fn began(reply: &http::Response<Incoming>) -> bool {
    reply.status() == 200 && !reply.headers().contains_key("grpc-status")
}

/// Waits until a flood has filled all there is between the service and the reader.
async fn full(house: &House, sent: &AtomicUsize) {
    house
        .rig
        .eventually(|| async { sent.load(Ordering::Relaxed) >= 2 })
        .await;
}

#[tokio::test]
async fn st_5_a_closed_window_keeps_no_stream_beyond_its_token() {
    for protocol in PROTOCOLS {
        let house = House::open(|config| config.limits.streams = 1).await;
        let (sent, mut alive) = flood(&house);
        let (mut sender, _driven) = http_2(&house, WINDOW).await;
        let caller: Caller = house.rig.caller();
        let stuck = send(&mut sender, asking(protocol, &house.token(&caller))).await;
        assert!(began(&stuck), "{protocol}: {stuck:?}");
        full(&house, &sent).await;
        let other = house.token(&house.rig.caller());
        let refused = send(&mut sender, asking(protocol, &other)).await;
        assert!(!began(&refused), "{protocol}: there is one place");
        house.revoke(RevocationKind::Session, caller.session_id, clock::unix());
        let ended = within(Duration::from_secs(2), alive.changed()).await;
        assert!(ended.is_err(), "{protocol}: the call ends");
        // Its place is free although its reader, and the connection, stay.
        let source = Source::of(&house);
        source.send("a");
        let next = send(&mut sender, asking(protocol, &other)).await;
        assert!(began(&next), "{protocol}: {next:?}");
        drop(stuck);
    }
}

#[tokio::test]
async fn n_17_a_closed_window_keeps_neither_its_service_nor_its_connection() {
    for protocol in PROTOCOLS {
        let house = House::open(|config| {
            config.limits.idle_body_ms = 400;
            config.limits.keep_alive_ms = 400;
        })
        .await;
        let (sent, mut alive) = flood(&house);
        let (mut sender, mut driven) = http_2(&house, WINDOW).await;
        let token = house.token(&house.rig.caller());
        let reply = send(&mut sender, asking(protocol, &token)).await;
        assert!(began(&reply), "{protocol}: {reply:?}");
        let ended = within(testkit::LONGEST, alive.changed()).await;
        assert!(ended.is_err(), "{protocol}: the call ends");
        assert!(sent.load(Ordering::Relaxed) < 100, "{protocol}");
        // The client holds on to its stream; the door does not.
        let ended = within(testkit::LONGEST, driven.join_next()).await;
        assert!(ended.is_some(), "{protocol}");
        drop(reply);
    }
}

#[tokio::test]
async fn n_17_a_single_reply_nobody_takes_keeps_no_connection() {
    let house = House::open(|config| config.limits.keep_alive_ms = 400).await;
    house.feed.answer(|_| {
        let item = PostCard {
            content: "c".repeat(64 * 1024),
            metadata: "{}".to_owned(),
            ..PostCard::default()
        };
        Ok(Answer::new(&ListFeedResponse {
            items: vec![item],
            ..ListFeedResponse::default()
        }))
    });
    let token = house.token(&house.rig.caller());
    let rest = Request::get("http://door/api/v1/feed")
        .body(Full::default())
        .unwrap();
    let [_, native, web] = PROTOCOLS;
    for request in [
        rest,
        call(native, LIST_FEED, &token),
        call(web, LIST_FEED, &token),
    ] {
        let (mut sender, mut driven) = http_2(&house, WINDOW).await;
        let reply = send(&mut sender, request).await;
        assert!(began(&reply), "{reply:?}");
        let ended = within(testkit::LONGEST, driven.join_next()).await;
        assert!(ended.is_some());
        drop(reply);
    }
}
