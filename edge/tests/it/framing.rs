//! One request is one request and one path is one path, whoever reads them (T17, T19).

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, Reply, rest};

#[tokio::test]
async fn t17_heads_that_could_be_read_in_two_ways_are_400_and_closed() {
    let house = House::open(|_| {}).await;
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: d\r\n\r\n";
    for head in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X-A: b\r\n Transfer-Encoding: chunked\r\n",
        "X-A: b\nTransfer-Encoding: chunked\r\n",
        "X-A: b\rTransfer-Encoding: chunked\r\n",
        "X-A: b\0c\r\n",
        "X A: b\r\n",
        ": b\r\n",
    ] {
        let request = format!("POST /api/v1/auth/send-otp HTTP/1.1\r\nHost: d\r\n{head}\r\n{body}");
        let heard = house.raw(request.as_bytes()).await;
        assert!(heard.starts_with("HTTP/1.1 400"), "{head:?}: {heard:?}");
        assert_eq!(
            heard.matches("HTTP/1.1").count(),
            1,
            "{head:?} was answered twice: {heard:?}"
        );
    }
    for request in [
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "GET /livez HTTP/1.1\nHost: a\n\n",
    ] {
        let heard = house
            .raw(
                request
                    .replace("1.1\r\n\r\n", "1.1\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await;
        assert!(heard.starts_with("HTTP/1.1 400"), "{request:?}: {heard:?}");
    }
    assert!(house.feed.calls("ListFeed").is_empty());
}

#[tokio::test]
async fn t19_a_path_means_one_thing() {
    let house = House::open(|_| {}).await;
    for bad in [
        "/api/v1/../v1/feed",
        "/api/v1/./feed",
        "/api/v1/%2e%2e/feed",
        "/api/v1/%2E/feed",
        "/api/v1//feed",
        "//api/v1/feed",
        "/api/v1/feed;x=1",
        "/api/v1/posts/%ff",
        "/api/v1/posts/%c0%ae",
        "/api/v1/posts/%",
        "/api/v1/posts/%4",
    ] {
        let reply = house.get(bad, &[]).await;
        assert!(
            matches!(reply.code().as_str(), "VALIDATION_ERROR" | "NOT_FOUND"),
            "{bad}: {reply:?}"
        );
    }
    assert!(house.feed.calls("ListFeed").is_empty() && house.feed.calls("GetPost").is_empty());
    for good in [
        "/api/v1/feed",
        "/api/v1/feed/",
        "/api/feed",
        "/api/v1/f%65ed",
        "/%61pi/v1/feed",
    ] {
        let before = house.feed.calls("ListFeed").len();
        let reply = house.get(good, &[]).await;
        assert_eq!(
            (reply.status, house.feed.calls("ListFeed").len()),
            (200, before + 1),
            "{good}: {reply:?}"
        );
    }
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
