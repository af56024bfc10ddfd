//! What is written down about requests, and what never is (OB-1, T14, T34).

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::feed::v1::{ListFeedRequest, ListFeedResponse};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::house::House;
use crate::rpc::WIRES;
use crate::script::Answer;
use crate::streams::{Reader, Source};

/// Log lines of this thread, where a test and its door run.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The access lines so far.
    fn access(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["target"] == "edge::access")
            .map(|line| line["fields"].clone())
            .collect()
    }

    pub(crate) fn record(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn ob_1_a_request_is_one_line_with_its_template_and_no_secret() {
    let house = House::open(|_| {}).await;
    let lines = Lines::default();
    let _recording = lines.record();
    let token = house.token(&house.rig.caller());
    let header = format!("Bearer {token}");
    let (id, query) = ("018f0000-0000-7000-8000-0000000000aa", "secret-search");
    house
        .get(
            &format!("/api/v1/posts/{id}"),
            &[("Authorization", &header), ("X-Request-Id", "trace-me-1")],
        )
        .await;
    house
        .get(
            &format!("/api/v1/feed?search={query}&access_token={token}"),
            &[],
        )
        .await;
    house
        .get(
            "/made/up/%0d%0a%7B%22level%22:%22ERROR%22%7D",
            &[("User-Agent", "x\"} {\"forged\":1}")],
        )
        .await;
    house
        .send(
            "POST",
            "/api/v1/auth/verify-otp",
            &[],
            "{\"email\":\"ada@example.org\",\"code\":\"918273\"}",
        )
        .await;
    let access = lines.access();
    assert_eq!(access.len(), 4, "{access:?}");
    assert_eq!(
        (
            access[0]["request_id"].as_str(),
            access[0]["route"].as_str()
        ),
        (Some("trace-me-1"), Some("/api/v1/posts/{id}"))
    );
    assert_eq!(
        (access[0]["status"].as_u64(), access[0]["method"].as_str()),
        (Some(200), Some("GET"))
    );
    assert_eq!(access[0]["ip"], "127.0.0.0/24");
    assert!(access[0]["duration"].is_f64() && access[0]["trace_id"].is_string());
    assert_eq!(
        (access[2]["route"].as_str(), access[2]["status"].as_u64()),
        (Some("-"), Some(404))
    );
    for secret in [
        token.as_str(),
        "918273",
        "ada@example.org",
        query,
        id,
        "forged",
        "made/up",
    ] {
        let held: Vec<&Value> = access
            .iter()
            .filter(|line| line.to_string().contains(secret))
            .collect();
        assert!(held.is_empty(), "{secret}: {held:?}");
    }
    assert!(
        !lines.text().contains(&token) && !lines.text().contains("918273"),
        "not in any line of any level"
    );
}

#[tokio::test]
async fn a_client_that_leaves_is_logged_as_499() {
    let house = House::open(|_| {}).await;
    let lines = Lines::default();
    let _recording = lines.record();
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_secs(30))));
    let mut stream = house.connect().await;
    stream
        .write_all(b"GET /api/v1/feed HTTP/1.1\r\nHost: d\r\n\r\n")
        .await
        .unwrap();
    house
        .rig
        .eventually(|| async { house.feed.calls("ListFeed").len() == 1 })
        .await;
    drop(stream);
    house
        .rig
        .eventually(|| async { lines.access().iter().any(|line| line["status"] == 499) })
        .await;
}

#[tokio::test]
async fn ob_1_the_line_of_a_stream_is_written_at_its_end_with_all_its_bytes() {
    let house = House::open(|_| {}).await;
    let lines = Lines::default();
    let _recording = lines.record();
    let source = Source::of(&house);
    source.send("c-1");
    let (head, mut reader) =
        Reader::open(&house, "/api/v1/feed/stream", "application/x-ndjson").await;
    let first = reader.next().await.unwrap().unwrap();
    assert!(lines.access().is_empty(), "{}", lines.text());
    source.send("c-2");
    drop(source);
    let (rest, _) = reader.rest().await;
    house
        .rig
        .eventually(|| async { !lines.access().is_empty() })
        .await;
    let line = lines.access().remove(0);
    assert_eq!(
        (line["route"].as_str(), &line["status"]),
        (Some("/api/v1/feed/stream"), &200.into())
    );
    assert_eq!(line["bytes"], first.len() + rest.len());
    assert_eq!(line["request_id"].as_str(), head.header("x-request-id"));
    assert!(!lines.text().contains("c-1"), "no item is logged");
}

#[tokio::test]
async fn ob_1_a_grpc_call_is_one_line_with_its_path_and_how_it_ended() {
    let house = House::open(|_| {}).await;
    let lines = Lines::default();
    let _recording = lines.record();
    const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
    const LIKE_POST: &str = "/smilefactory.feed.v1.FeedService/LikePost";
    for path in [LIST_FEED, LIKE_POST, "/made/up"] {
        for wire in WIRES {
            house
                .call(wire, path, &[], &ListFeedRequest::default())
                .await;
        }
    }
    // A line is written when the last byte has left.
    house
        .rig
        .eventually(|| async { lines.access().len() == 3 * WIRES.len() })
        .await;
    let seen = |line: &Value| {
        assert_eq!(line["method"], "POST");
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (
            text("route"),
            line["status"].as_u64().unwrap(),
            text("grpc_code"),
        )
    };
    let mut seen: Vec<_> = lines.access().iter().map(seen).collect();
    seen.sort();
    seen.dedup();
    let expected = [
        ("-", 501, "UNIMPLEMENTED"),
        (LIKE_POST, 401, "UNAUTHENTICATED"),
        (LIST_FEED, 200, "OK"),
    ];
    assert_eq!(
        seen,
        expected.map(|(route, status, code)| (route.to_owned(), status, code.to_owned()))
    );
}
