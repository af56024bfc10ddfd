//! Streams of messages.

use super::*;

fn sent(frames: &Frames, message: &[u8]) {
    frames
        .send(Ok(http_body::Frame::data(framed(message))))
        .unwrap();
}

#[tokio::test]
async fn st_5_a_stream_hands_its_messages_on_as_bytes_and_dropping_it_ends_the_call() {
    let mesh = Mesh::new();
    let frames = streaming(&mesh, "feed");
    let peers = mesh.peers(keys("edge"));
    let ctx = context(Duration::from_secs(60));
    let mut messages = peers
        .forward_streaming("feed", &ctx, PATH, Bytes::from_static(b"ask"))
        .await
        .unwrap();
    for message in [&b"one"[..], b"", b"two"] {
        sent(&frames, message);
        assert_eq!(messages.next().await.unwrap().unwrap(), message);
    }
    assert!(!frames.is_closed());
    drop(messages);
    assert!(frames.is_closed(), "what made the messages was dropped");
}

#[tokio::test]
async fn st_2_a_refusal_of_the_stream_is_told_apart_from_its_breaking_off() {
    let mesh = Mesh::new();
    let peers = mesh.peers(keys("edge"));
    let ctx = context(Duration::from_secs(60));
    let open = || peers.forward_streaming("feed", &ctx, PATH, Bytes::new());
    let absent = open().await.unwrap_err();
    assert_eq!(absent.reason(), Reason::ServiceUnavailable);
    mesh.host(
        "feed",
        tower::service_fn(|_: Request<Body>| async {
            Ok(Status::from(Fault::of(Reason::NotFound)).into_http())
        }),
    );
    assert_eq!(open().await.unwrap_err().reason(), Reason::NotFound);
    let frames = streaming(&mesh, "feed");
    let mut messages = open().await.unwrap();
    sent(&frames, b"one");
    let end = timed::trailers(Fault::of(Reason::Conflict));
    frames.send(Ok(http_body::Frame::trailers(end))).unwrap();
    assert_eq!(messages.next().await.unwrap().unwrap(), &b"one"[..]);
    let broken = messages.next().await.unwrap().unwrap_err();
    assert_eq!(broken.reason(), Reason::Conflict);
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn sc_3_the_deadline_ends_a_stream() {
    let mesh = Mesh::new();
    let frames = streaming(&mesh, "feed");
    let peers = mesh.peers(keys("edge"));
    let mut messages = peers
        .forward_streaming("feed", &context(SOON), PATH, Bytes::new())
        .await
        .unwrap();
    let end = messages.next().await.unwrap().unwrap_err();
    assert_eq!(end.reason(), Reason::GatewayTimeout);
    assert!(frames.is_closed());
}

#[tokio::test]
async fn tr_8_a_streamed_message_above_4_mib_is_a_defect_of_the_service() {
    let mesh = Mesh::new();
    let frames = streaming(&mesh, "feed");
    let peers = mesh.peers(keys("edge"));
    let ctx = context(Duration::from_secs(60));
    let big = Bytes::from(vec![0; MESSAGE_LIMIT + 1]);
    let refused = peers
        .forward_streaming("feed", &ctx, PATH, big.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), Reason::PayloadTooLarge);
    let mut messages = peers
        .forward_streaming("feed", &ctx, PATH, Bytes::new())
        .await
        .unwrap();
    sent(&frames, &big[1..]);
    assert_eq!(messages.next().await.unwrap().unwrap().len(), MESSAGE_LIMIT);
    sent(&frames, &big);
    let broken = messages.next().await.unwrap().unwrap_err();
    assert_eq!(broken.reason(), Reason::InternalError);
}

#[tokio::test]
async fn sc_4_streams_that_break_off_open_no_breaker() {
    let mesh = Mesh::new();
    let peers = mesh.peers(keys("edge"));
    let ctx = context(Duration::from_secs(60));
    let stream = "/smilefactory.feed.v1.FeedService/StreamFeed";
    for _ in 0..10 {
        let frames = streaming(&mesh, "feed");
        let mut messages = peers
            .forward_streaming("feed", &ctx, stream, Bytes::new())
            .await
            .unwrap();
        frames.send(Err(Status::unavailable("gone"))).unwrap();
        assert!(messages.next().await.unwrap().is_err());
    }
}
