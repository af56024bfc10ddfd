//! Clients that are slow on purpose: each is let go, and nobody else waits for that (T26, N-17).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::house::{House, rest, without_limits};

/// What a slow client sends at once, and what it sends a byte of now and then.
#[rustfmt::skip] // one vector a line
const SLOW: &[(&str, &str, &str)] = &[
    ("silent", "", ""),
    ("a request line without end", "", "GET /aaaaaaaa"),
    ("empty lines before a request", "", "\r\n"),
    ("a head without end", "GET /livez HTTP/1.1\r\n", "X-A: b\r\n"),
    ("a field without end", "GET /livez HTTP/1.1\r\nX-A: ", "b"),
    ("a body without end", "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 500000\r\n\r\n{", " "),
    ("a body that does not begin", "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n", ""),
    ("chunks without end", "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
    ("a chunk size without end", "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
    ("a chunk extension without end", "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
    ("a body of a route that reads none", "GET /api/v1/feed HTTP/1.1\r\nHost: d\r\nContent-Length: 500000\r\n\r\n", "x"),
    ("nothing behind a request", "GET /livez HTTP/1.1\r\nHost: d\r\n\r\n", ""),
    ("a second head without end", "GET /livez HTTP/1.1\r\nHost: d\r\n\r\n", "GET /aaaaaaaa"),
    ("a preface without end", "PRI * HTTP/2.0\r\n\r\n", "S"),
    ("HTTP/2 without a request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", ""),
    ("an HTTP/2 frame without end", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x10\0\x01\x04\0\0\0\x01", "\0"),
];

/// How many of each kind there are at once.
const EACH: usize = 8;

fn short(config: &mut edge::Config) {
    without_limits(config);
    config.limits.first_byte_ms = 500;
    config.limits.head_ms = 700;
    config.limits.idle_body_ms = 700;
    config.limits.keep_alive_ms = 700;
}

#[tokio::test]
async fn t26_slow_clients_of_every_kind_are_let_go_and_honest_ones_served_meanwhile() {
    let house = House::open(short).await;
    let mut clients = JoinSet::new();
    for (what, first, drops) in SLOW.iter().cycle().take(SLOW.len() * EACH) {
        let stream = house.connect().await;
        clients.spawn(async move {
            let ended = tokio::time::timeout(testkit::LONGEST, linger(stream, first, drops));
            (what, ended.await.is_ok())
        });
    }
    let mut served = 0;
    while !clients.is_empty() {
        let reply = house.get("/api/v1/feed", &[]).await;
        assert_eq!(reply.status, 200, "after {served}: {reply:?}");
        served += 1;
        while let Some(client) = clients.try_join_next() {
            let (what, ended) = client.unwrap();
            assert!(ended, "{what} is still connected");
        }
    }
    assert!(house.auth.calls("SendOtp").is_empty());
}

/// Sends what a slow client sends, until the door has closed.
async fn linger(mut stream: TcpStream, first: &str, drops: &str) {
    if stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    let (mut reader, mut writer) = stream.split();
    let dribble = async {
        for byte in drops.as_bytes().iter().cycle() {
            tokio::time::sleep(Duration::from_millis(40)).await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        if drops.is_empty() {
            std::future::pending::<()>().await;
        }
    };
    let closed = async {
        while reader
            .read(&mut [0; 4096])
            .await
            .is_ok_and(|count| count > 0)
        {}
    };
    tokio::select! {
        () = dribble => {}
        () = closed => {}
    }
}

#[tokio::test]
async fn t26_a_reader_who_takes_nothing_is_let_go() {
    let house = House::open(|config| {
        short(config);
        config.limits.connections_per_ip = 1;
    })
    .await;
    let mut deaf = house.connect().await;
    // More than the buffers of both ends hold.

    let page = "GET /api/docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: d\r\n\r\n".repeat(40);
    deaf.write_all(page.as_bytes()).await.unwrap();
    assert!(
        !livez_from(&house, [127, 0, 0, 1]).await,
        "its place is taken"
    );
    // The one place of this address is free again once the door has given the reader up.
    house
        .rig
        .eventually(|| livez_from(&house, [127, 0, 0, 1]))
        .await;
}

#[tokio::test]
async fn n_17_one_address_cannot_take_the_places_of_others() {
    let house = House::open(|config| {
        without_limits(config);
        config.limits.connections_per_ip = 20;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(house.connect().await);
    }
    house
        .rig
        .eventually(|| async { !livez_from(&house, [127, 0, 0, 1]).await })
        .await;
    for host in 2..10 {
        assert!(
            livez_from(&house, [127, 0, 0, host]).await,
            "127.0.0.{host}"
        );
    }
    drop(held);
    house
        .rig
        .eventually(|| livez_from(&house, [127, 0, 0, 1]))
        .await;
}

/// Whether the door serves a client of this address.
async fn livez_from(house: &House, address: [u8; 4]) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let mut stream = socket.connect(house.address()).await.unwrap();
    let asked = stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
        .await;
    asked.is_ok() && rest(&mut stream).await.starts_with("HTTP/1.1 200")
}
