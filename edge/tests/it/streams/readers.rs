//! Readers: those who leave, those who take nothing, those who wait, and those who speak HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use contracts::feed::v1::FeedItem;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::{ARRAY, EVENTS, LINES, PATH, Reader, Source, json, within};
use crate::house::House;
use crate::script::Answer;

#[tokio::test]
async fn st_5_a_reader_who_leaves_ends_the_call_within_1_s() {
    let house = House::open(|_| {}).await;
    for accept in [EVENTS, LINES, ARRAY] {
        let source = Source::of(&house);
        source.send("a");
        let (head, reader) = Reader::open(&house, PATH, accept).await;
        assert_eq!(head.status, 200);
        let left = Instant::now();
        drop(reader);
        source.dropped().await;
        assert!(
            left.elapsed() < testkit::unhurried(Duration::from_secs(1)),
            "{accept}: {:?}",
            left.elapsed()
        );
    }
}

/// An HTTP/2 connection to the door; it is driven as long as the set lives.
pub(super) async fn http_2(house: &House, window: u32) -> (SendRequest<Full<Bytes>>, JoinSet<()>) {
    let io = TokioIo::new(house.connect().await);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(io)
        .await
        .unwrap();
    let mut driven = JoinSet::new();
    driven.spawn(async move { drop(connection.await) });
    (sender, driven)
}

async fn open(
    sender: &mut SendRequest<Full<Bytes>>,
    house: &House,
    accept: &str,
) -> http::Response<Incoming> {
    let token = house.token(&house.rig.caller());
    let request = http::Request::get(format!("http://door{PATH}"))
        .header("accept", accept)
        .header("authorization", format!("Bearer {token}"))
        .body(Full::default())
        .unwrap();
    within(testkit::LONGEST, sender.send_request(request))
        .await
        .unwrap()
}

#[tokio::test]
async fn st_5_over_http_2_one_stream_ends_and_the_others_go_on() {
    let house = House::open(|_| {}).await;
    let (mut sender, _driven) = http_2(&house, 65_535).await;
    let first = Source::of(&house);
    first.send("a");
    let mut kept = open(&mut sender, &house, LINES).await;
    assert_eq!(kept.status(), 200);
    assert_eq!(kept.headers()["content-type"], LINES);
    let second = Source::of(&house);
    second.send("b");
    let left = open(&mut sender, &house, EVENTS).await;
    let since = Instant::now();
    drop(left);
    second.dropped().await;
    assert!(
        since.elapsed() < testkit::unhurried(Duration::from_secs(1)),
        "{:?}",
        since.elapsed()
    );
    let mut next = async || {
        let frame = within(testkit::LONGEST, kept.body_mut().frame()).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    };
    assert_eq!(next().await.unwrap().unwrap(), json("a") + "\n");
    first.send("c");
    assert_eq!(next().await.unwrap().unwrap(), json("c") + "\n");
    // An error resets this stream and no other (ST-2).
    first.fail(fault::Fault::of(fault::Reason::Conflict));
    let last = next().await.unwrap().unwrap();
    assert!(last.starts_with(b"{\"success\":false"), "{last:?}");
    assert!(next().await.unwrap().is_err(), "the stream is reset");
    let third = Source::of(&house);
    third.send("d");
    assert_eq!(open(&mut sender, &house, LINES).await.status(), 200);
}

/// Lets the feed service send items of 64 KiB without end, and counts them.
pub(super) fn flood(house: &House) -> (Arc<AtomicUsize>, tokio::sync::watch::Receiver<()>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (alive, dropped) = tokio::sync::watch::channel(());
    let (counted, alive) = (Arc::clone(&sent), std::sync::Mutex::new(Some(alive)));
    house.feed.answer(move |_| {
        let (counted, alive) = (Arc::clone(&counted), alive.lock().unwrap().take());
        let items = stream::repeat_with(move || {
            assert!(alive.is_some());
            counted.fetch_add(1, Ordering::Relaxed);
            let cursor = "c".repeat(64 * 1024);
            FeedItem {
                cursor,
                ..FeedItem::default()
            }
            .encode_to_vec()
        });
        Ok(Answer::stream(items.boxed()))
    });
    (sent, dropped)
}

#[tokio::test]
async fn n_17_a_reader_who_takes_nothing_holds_its_service_back_and_is_dropped() {
    let house = House::open(|config| config.limits.idle_body_ms = 500).await;
    let (sent, mut alive) = flood(&house);
    let (head, mut reader) = Reader::open(&house, PATH, LINES).await;
    assert_eq!(head.status, 200);
    // Nothing is read: what fits into the sockets is sent, no more.
    assert!(
        within(testkit::LONGEST, alive.changed()).await.is_err(),
        "the call ends"
    );
    let sent = sent.load(Ordering::Relaxed);
    assert!(
        (1..2000).contains(&sent),
        "{sent} items of 64 KiB for a reader of none"
    );
    let mut taken = Vec::new();
    let read = within(testkit::LONGEST, reader.tcp.read_to_end(&mut taken)).await;
    assert!(
        read.is_err() || !taken.ends_with(b"0\r\n\r\n"),
        "the body is not complete"
    );
}

#[tokio::test]
async fn st_4_a_reader_who_is_behind_still_gets_the_end_of_its_array() {
    let house = House::open(|_| {}).await;
    let (_, mut alive) = flood(&house);
    // A small window, which the first items fill.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut reader = Reader::on(socket.connect(house.address()).await.unwrap());
    let token = house.token(&house.rig.caller());
    let target = format!("{PATH}?waitSeconds=3");
    assert_eq!(reader.ask(&target, &[], &token).await.status, 200);
    let ended = within(testkit::LONGEST, alive.changed()).await;
    assert!(ended.is_err(), "the time is over");
    // Being behind takes time: more than a broken stream would wait.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (body, end) = reader.rest().await;
    assert_eq!(end, Ok(()));
    let items: Vec<serde_json::Value> = serde_json::from_str(&body).expect("a whole array");
    assert!(items.len() > 1);
}

#[tokio::test]
async fn n_17_a_stream_that_is_merely_quiet_outlives_every_limit_on_idleness() {
    let house = House::open(|config| {
        config.limits.idle_body_ms = 500;
        config.limits.keep_alive_ms = 500;
        config.limits.head_ms = 500;
        config.limits.stream_heartbeat_ms = 100;
    })
    .await;
    let source = Source::of(&house);
    let (_, mut reader) = Reader::open(&house, PATH, LINES).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(reader.chunk().await, Ok(Some("\n".to_owned())));
    }
    source.send("a");
    assert_eq!(reader.next().await, Ok(Some(json("a") + "\n")));
}
