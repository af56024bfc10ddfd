//! What is refused before or while a request is read (GW-14, GW-20, N-14..N-17, T22, T26).

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, Reply, rest};

#[tokio::test]
async fn gw_20_every_refusal_of_the_edge_has_the_error_shape() {
    let house = House::open(|_| {}).await;
    let long_path = format!("/api/v1/feed?search={}", "x".repeat(8200));
    let fat = "x".repeat(33 * 1024);
    let fields: Vec<String> = (0..101).map(|n| format!("x-h-{n}")).collect();
    let many: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "v")).collect();
    let json = ("Content-Type", "application/json");
    for (method, path, headers, body, code) in [
        ("GET", "/nothing", vec![], "", "NOT_FOUND"),
        ("GET", "/api/v1/nothing", vec![], "", "NOT_FOUND"),
        ("GET", "/api/v2/feed", vec![], "", "NOT_FOUND"),
        ("POST", "/api/v1/feed", vec![], "{}", "METHOD_NOT_ALLOWED"),
        ("BREW", "/api/v1/feed", vec![], "", "METHOD_NOT_ALLOWED"),
        ("DELETE", "/health", vec![], "", "METHOD_NOT_ALLOWED"),
        ("GET", &long_path, vec![], "", "URI_TOO_LONG"),
        (
            "GET",
            "/api/v1/feed",
            vec![("x-fat", fat.as_str())],
            "",
            "HEADERS_TOO_LARGE",
        ),
        ("GET", "/api/v1/feed", many, "", "HEADERS_TOO_LARGE"),
        (
            "GET",
            "/api/v1/feed",
            vec![("Accept", "text/html")],
            "",
            "NOT_ACCEPTABLE",
        ),
        (
            "POST",
            "/api/v1/auth/send-otp",
            vec![("Content-Type", "text/plain")],
            "hello",
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            "POST",
            "/api/v1/auth/send-otp",
            vec![json],
            "{\"email\":",
            "VALIDATION_ERROR",
        ),
        (
            "POST",
            "/api/v1/auth/send-otp",
            vec![json],
            "{\"emial\":\"a@b.org\"}",
            "VALIDATION_ERROR",
        ),
        (
            "GET",
            "/api/v1/feed",
            vec![("X-Request-Timeout", "1")],
            "",
            "VALIDATION_ERROR",
        ),
        (
            "GET",
            "/api/v1/feed?colour=red",
            vec![],
            "",
            "VALIDATION_ERROR",
        ),
        ("GET", "/api/v1/posts/%zz", vec![], "", "VALIDATION_ERROR"),
        ("POST", "/api/v1/posts", vec![json], "{}", "UNAUTHORIZED"),
    ] {
        let reply = house.send(method, path, &headers, body).await;
        assert_eq!(
            reply.code(),
            code,
            "{method} {} {:?}",
            &path[..path.len().min(40)],
            reply.body
        );
    }
}

#[tokio::test]
async fn tr_19_wrong_methods_are_named_and_options_answers_them() {
    let house = House::open(|_| {}).await;
    let refused = house.send("DELETE", "/api/v1/feed", &[], "").await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    let options = house
        .send(
            "OPTIONS",
            "/api/v1/feed",
            &[("Origin", "http://localhost:3000")],
            "",
        )
        .await;
    assert_eq!(
        (options.status, options.header("allow")),
        (200, Some("GET, HEAD, OPTIONS"))
    );
    assert_eq!(options.json()["success"], true);
    assert_eq!(
        house
            .send("OPTIONS", "/api/v1/nothing", &[], "")
            .await
            .code(),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn tr_19_head_answers_what_get_would_without_a_body() {
    let house = House::open(|_| {}).await;
    for path in [
        "/api/v1/feed",
        "/livez",
        "/api/docs",
        "/.well-known/jwks.json",
        "/api/v1/nothing",
    ] {
        let id = ("X-Request-Id", "same-id-for-both");
        let (get, head) = (
            house.get(path, &[id]).await,
            house.send("HEAD", path, &[id], "").await,
        );
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-length"),
            Some(get.body.len().to_string().as_str()),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn cv_13_a_missing_or_empty_body_is_an_empty_object_whatever_it_is_called() {
    let house = House::open(|_| {}).await;
    for headers in [
        vec![],
        vec![("Content-Type", "application/json")],
        vec![("Content-Type", "text/plain")],
        vec![("Content-Type", "")],
    ] {
        let reply = house
            .send("POST", "/api/v1/auth/send-otp", &headers, "")
            .await;
        assert_ne!(reply.status, 415, "{headers:?}");
    }
    let untyped = house.ask_for_code().await;
    assert_eq!(untyped.status, 200, "{untyped:?}");
    let ignored = house
        .send(
            "GET",
            "/api/v1/feed",
            &[("Content-Type", "text/plain")],
            "not json",
        )
        .await;
    assert_eq!(ignored.status, 200, "{ignored:?}");
}

#[tokio::test]
async fn n_14_a_body_over_the_limit_is_refused_while_it_is_read() {
    let house = House::open(|_| {}).await;
    // Declared: refused before a byte of it was sent.
    let head =
        "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: door\r\nContent-Length: 9000000\r\n\r\n";
    assert_eq!(
        Reply::parse(&house.raw(head.as_bytes()).await).code(),
        "PAYLOAD_TOO_LARGE"
    );
    // Undeclared: refused at the byte that is too many, though the client means to send on for ever.
    let mut stream = house.connect().await;
    stream.write_all(b"POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    for _ in 0..17 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let reply = Reply::parse(&rest(&mut stream).await);
    assert_eq!(reply.code(), "PAYLOAD_TOO_LARGE");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[tokio::test]
async fn n_14_a_client_busy_sending_still_gets_its_413() {
    let house = House::open(|_| {}).await;
    let mut stream = house.connect().await;
    let head = "POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 2000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The refusal is here and the door has closed its side; a client that is not looking sends on.
    stream.readable().await.unwrap();
    for _ in 0..20 {
        stream.write_all(&[b'x'; 64 * 1024]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let reply = Reply::parse(&rest(&mut stream).await);
    assert_eq!(reply.code(), "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn t26_silent_slow_and_idle_connections_are_closed_in_time() {
    let house = House::open(|config| {
        config.limits.first_byte_ms = 300;
        config.limits.head_ms = 400;
        config.limits.idle_body_ms = 500;
        config.limits.keep_alive_ms = 600;
    })
    .await;
    let within = |began: Instant, least: u64| {
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(least - 50)
                && took < Duration::from_millis(least + 20_000),
            "{took:?} for {least} ms"
        );
    };
    let began = Instant::now();
    assert_eq!(
        house.raw(b"").await,
        "",
        "a silent socket is closed without a word"
    );
    within(began, 300);
    let began = Instant::now();
    assert_eq!(
        Reply::parse(&house.raw(b"GET /livez HTTP/1.1\r\nHo").await).code(),
        "REQUEST_TIMEOUT"
    );
    within(began, 400);
    let began = Instant::now();
    assert_eq!(
        Reply::parse(&house.raw(b"P").await).code(),
        "REQUEST_TIMEOUT",
        "before the version is known"
    );
    within(began, 400);
    let began = Instant::now();
    let body = house
        .raw(b"POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{")
        .await;
    assert_eq!(Reply::parse(&body).code(), "REQUEST_TIMEOUT");
    within(began, 500);
    let began = Instant::now();
    let idle = house.raw(b"GET /livez HTTP/1.1\r\nHost: d\r\n\r\n").await;
    assert_eq!(Reply::parse(&idle).status, 200, "{idle}");
    within(began, 600);
}

#[tokio::test]
async fn t26_a_head_that_dribbles_is_closed_too() {
    let house = House::open(|config| config.limits.head_ms = 500).await;
    let mut stream = house.connect().await;
    let began = Instant::now();
    let mut heard = Vec::new();
    loop {
        let sent = stream.write_all(b"x").await;
        let mut chunk = [0; 4096];
        match tokio::time::timeout(Duration::from_millis(60), stream.read(&mut chunk)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(count)) => heard.extend_from_slice(&chunk[..count]),
            Err(_) if sent.is_err() => break,
            Err(_) => {}
        }
        assert!(
            began.elapsed() < Duration::from_secs(25),
            "a dribbled head lives for ever"
        );
    }
    assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 408"));
}

#[tokio::test]
async fn n_17_connections_of_one_address_are_capped_and_given_back() {
    let house = House::open(|config| config.limits.connections_per_ip = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = house.connect().await;
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nHost: d\r\n\r\n")
            .await
            .unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        held.push(stream);
    }
    let mut refused = house.connect().await;
    let reply = Reply::parse(&rest(&mut refused).await);
    assert_eq!(
        (reply.code().as_str(), reply.header("retry-after")),
        ("SERVICE_UNAVAILABLE", Some("1"))
    );
    held.pop();
    house
        .rig
        .eventually(|| async { house.try_livez().await })
        .await;
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_refusal_with_a_short_body() {
    let house = House::open(|_| {}).await;
    let post = "POST /api/v1/posts HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n\r\n{\n\n}";
    let last = "GET /livez HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    let mut stream = house.connect().await;
    stream.write_all(post.as_bytes()).await.unwrap();
    let mut chunk = [0; 4096];
    let count = stream.read(&mut chunk).await.unwrap();
    assert!(chunk[..count].starts_with(b"HTTP/1.1 401"));
    stream.write_all(last.as_bytes()).await.unwrap();
    assert_eq!(Reply::parse(&rest(&mut stream).await).status, 200);
}

impl House {
    async fn try_livez(&self) -> bool {
        let mut stream = self.connect().await;
        let asked = stream
            .write_all(b"GET /livez HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
            .await;
        asked.is_ok() && rest(&mut stream).await.starts_with("HTTP/1.1 200")
    }
}
