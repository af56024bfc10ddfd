//! Floods and stalls over HTTP/2: each ends a stream or its own connection, and nobody else's (T26, T27, N-19).

use std::time::Duration;

use contracts::feed::v1::ListFeedResponse;

use crate::frames::{
    ACK, AUTHORITY, CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, GOAWAY, GOOD, HEADERS,
    Outcome, PING, RST_STREAM, SCHEME, SETTINGS, WINDOW_SIZE, WINDOW_UPDATE, block, frame, honest,
};
use crate::house::{House, without_limits};
use crate::script::Answer;

/// Error codes (RFC 9113 §7).
const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn t27_streams_the_door_is_made_to_reset_end_the_connection_after_64() {
    let house = House::open(without_limits).await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_secs(30))));
    // Each way makes a stream error of a stream whose request is being served.
    let widest = 0x7fff_ffff_u32.to_be_bytes();
    for (what, kind, payload, expected) in [
        (
            "a window beyond 2^31",
            WINDOW_UPDATE,
            &widest[..],
            ENHANCE_YOUR_CALM,
        ),
        // Not forgiven even once.
        ("a body behind the end", DATA, &b"x"[..], PROTOCOL_ERROR),
    ] {
        let mut client = Client::connect(&house, &[]).await;
        for stream in (1..).step_by(2).take(1000) {
            let head = frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&GOOD));
            let error = frame(kind, 0, stream, payload);
            if client.bytes(&[head, error].concat()).await.is_err() {
                break;
            }
        }
        let (error, resets) = client.end().await;
        assert_eq!(error, Some(expected), "{what}");
        assert!(
            resets <= 64 + 2,
            "{what}: {resets} streams were reset before"
        );
    }
    honest(&house).await;
}

#[tokio::test]
async fn t27_streams_reset_as_soon_as_they_are_opened_end_the_connection() {
    let house = House::open(without_limits).await;
    let mut client = Client::connect(&house, &[]).await;
    let mut burst = Vec::new();
    for stream in (1..).step_by(2).take(1000) {
        burst.extend(frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            stream,
            &block(&GOOD),
        ));
        burst.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    // The door may close before it took all of them.
    let _gone = client.bytes(&burst).await;
    assert_eq!(client.end().await.0, Some(ENHANCE_YOUR_CALM));
    assert!(
        house.feed.calls("ListFeed").len() <= 22,
        "{} of 1000 were served",
        house.feed.calls("ListFeed").len()
    );
    honest(&house).await;
}

#[tokio::test]
async fn t27_a_head_that_never_ends_ends_the_connection() {
    let house = House::open(without_limits).await;
    for (what, piece) in [("full", vec![0; 16 * 1024]), ("empty", Vec::new())] {
        let mut client = Client::connect(&house, &[]).await;
        client
            .send(HEADERS, END_STREAM, 1, &block(&GOOD))
            .await
            .unwrap();
        let mut sent = 0;
        // 2^16 of them are a gigabyte of head.
        while sent < 65_536 && client.send(CONTINUATION, 0, 1, &piece).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 65_536, "{what} continuations without end");
        assert!(client.end().await.0.is_none_or(|error| error > 0));
    }
    honest(&house).await;
}

#[tokio::test]
async fn t27_empty_data_without_end_ends_the_stream_or_the_connection() {
    let house = House::open(without_limits).await;
    let mut client = Client::connect(&house, &[]).await;
    let head = block(&[
        (b":method", b"POST"),
        SCHEME,
        AUTHORITY,
        (b":path", b"/api/v1/auth/send-otp"),
    ]);
    client.send(HEADERS, END_HEADERS, 1, &head).await.unwrap();
    let flood = frame(DATA, 0, 1, b"").repeat(1000);
    let mut sent = 0;
    while sent < 10_000 && client.bytes(&flood).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 10_000, "10 million empty frames were taken");
    assert!(house.auth.calls("SendOtp").is_empty());
    honest(&house).await;
}

#[tokio::test]
async fn t27_pings_and_settings_neither_pile_up_nor_keep_a_connection() {
    let house = House::open(|config| {
        without_limits(config);
        config.limits.idle_body_ms = 400;
        config.limits.keep_alive_ms = 800;
    })
    .await;
    for (kind, payload) in [(PING, &[7; 8][..]), (SETTINGS, &[])] {
        // Answers nobody reads: the door stops reading too, and then gives the connection up.
        let mut deaf = Client::connect(&house, &[]).await;
        let flood = frame(kind, 0, 0, payload).repeat(10_000);
        let mut sent = 0;
        while sent < 10_000 && deaf.bytes(&flood).await.is_ok() {
            sent += 1;
        }
        assert!(
            sent < 10_000,
            "100 million frames of kind {kind} were taken"
        );
        // Answers that are read: a connection without requests ends all the same.
        let mut idle = Client::connect(&house, &[]).await;
        idle.polite = false;
        let mut acks = 0;
        while idle.send(kind, 0, 0, payload).await.is_ok() {
            match idle.next().await {
                Some(frame) if frame.kind == kind && frame.flags & ACK == ACK => acks += 1,
                Some(frame) if frame.kind == GOAWAY => break,
                Some(_) => {}
                None => break,
            }
        }
        assert!(acks > 0, "an honest ping is answered");
    }
    honest(&house).await;
}

#[tokio::test]
async fn n_19_a_connection_has_128_streams_and_no_more() {
    let house = House::open(without_limits).await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_secs(30))));
    let mut client = Client::connect(&house, &[]).await;
    for stream in (1..=2 * 128 + 1).step_by(2) {
        client.ask(stream, &GOOD).await.unwrap();
    }
    assert_eq!(
        client.outcome(2 * 128 + 1).await,
        Outcome::Reset(REFUSED_STREAM)
    );
    house
        .rig
        .eventually(|| async { house.feed.calls("ListFeed").len() == 128 })
        .await;
    honest(&house).await;
    assert_eq!(house.feed.calls("ListFeed").len(), 128);
}

#[tokio::test]
async fn t26_a_client_that_opens_no_window_is_let_go() {
    let house = House::open(|config| {
        without_limits(config);
        config.limits.keep_alive_ms = 600;
        config.limits.idle_body_ms = 600;
    })
    .await;
    let mut client = Client::connect(&house, &[(WINDOW_SIZE, 0)]).await;
    for stream in [1, 3, 5] {
        client.ask(stream, &GOOD).await.unwrap();
    }
    assert_eq!(client.outcome(5).await, Outcome::Status(200));
    client.end().await;
    honest(&house).await;
}

#[tokio::test]
async fn n_19_a_client_that_answers_no_ping_is_let_go() {
    let house = House::open(|config| {
        without_limits(config);
        config.limits.h2_ping_ms = 100;
        config.limits.head_ms = 300;
    })
    .await;
    let mut dead = Client::connect(&house, &[]).await;
    dead.polite = false;
    dead.end().await;
    honest(&house).await;
}
