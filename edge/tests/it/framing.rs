//! One path is one path, whoever reads it (T19), and a refusal costs no connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, Reply, rest};

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
