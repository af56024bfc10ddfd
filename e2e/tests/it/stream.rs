//! The feed's stream over the door, in its three forms (ST-1..ST-5).

use std::time::{Duration, Instant};

use e2e::{Client, Lines, Member, World};
use serde_json::{Value, json};

const STREAM: &str = "/api/v1/feed/stream";
const NDJSON: [(&str, &str); 1] = [("accept", "application/x-ndjson")];
const SSE: (&str, &str) = ("accept", "text/event-stream");

async fn post(member: &Member, kind: &str, content: &str) -> Value {
    let body = json!({"type": kind, "content": content});
    member.client.post("/api/v1/posts", body).await.data(201)
}

async fn listen(client: &Client, query: &str) -> Lines {
    let lines = client.open(&format!("{STREAM}{query}"), &NDJSON).await;
    assert_eq!(lines.status, 200);
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    lines
}

async fn item(lines: &mut Lines) -> Value {
    let line = lines.next().await.expect("the stream goes on");
    serde_json::from_str(&line).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn st_3_posts_come_as_they_are_published_and_a_reader_goes_on_where_it_was() {
    let world = World::start().await;
    let (writer, reader) = (world.newcomer().await, world.newcomer().await);
    post(&writer, "general", "before").await;
    let mut lines = listen(&reader.client, "").await;
    let mut latencies = Vec::new();
    let mut first = Value::Null;
    for nth in 0..5 {
        let made = post(&writer, "general", &nth.to_string()).await;
        let published = Instant::now();
        let item = item(&mut lines).await;
        latencies.push(published.elapsed());
        assert_eq!(item["event"], "post:new", "{item}");
        assert_eq!(item["post"]["id"], made["id"]);
        assert_eq!(item["post"]["content"], nth.to_string());
        assert_eq!(item["post"]["author"]["id"], writer.profile_id.as_str());
        if nth == 0 {
            first = item["cursor"].clone();
        }
    }
    latencies.sort();
    assert!(
        latencies[2] < testkit::unhurried(Duration::from_secs(1)),
        "{latencies:?}"
    );
    drop(lines);
    let query = format!("?after={}", first.as_str().unwrap());
    let mut lines = listen(&reader.client, &query).await;
    for nth in 1..5 {
        assert_eq!(item(&mut lines).await["post"]["content"], nth.to_string());
    }
    world.stop().await;
}

/// The next event's `id`, `event` and `data`.
async fn event(lines: &mut Lines) -> (String, Value) {
    let (mut id, mut data) = (String::new(), None);
    while data.is_none() {
        let line = lines.next().await.expect("the stream goes on");
        if let Some(text) = line.strip_prefix("id:") {
            text.trim().clone_into(&mut id);
        } else if let Some(text) = line.strip_prefix("data:") {
            data = Some(serde_json::from_str(text).unwrap());
        }
    }
    (id, data.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn st_3_an_event_source_goes_on_after_its_last_event() {
    let world = World::start().await;
    let (writer, reader) = (world.newcomer().await, world.newcomer().await);
    let mut events = reader.client.open(STREAM, &[SSE]).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    post(&writer, "general", "1").await;
    let (id, data) = event(&mut events).await;
    assert_eq!(data["post"]["content"], "1");
    assert_eq!(data["cursor"], id.as_str());
    drop(events);
    post(&writer, "general", "2").await;
    let again = [SSE, ("last-event-id", &id)];
    let mut events = reader.client.open(STREAM, &again).await;
    assert_eq!(event(&mut events).await.1["post"]["content"], "2");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st_4_an_array_is_long_polling_by_the_cursor_of_its_last_item() {
    let world = World::start().await;
    let (writer, reader) = (world.newcomer().await, world.newcomer().await);
    let mut lines = listen(&reader.client, "?type=project").await;
    for (kind, content) in [
        ("project", "1"),
        ("general", "x"),
        ("project", "2"),
        ("project", "3"),
    ] {
        post(&writer, kind, content).await;
    }
    let first = item(&mut lines).await;
    assert_eq!(first["post"]["content"], "1");
    let after = first["cursor"].as_str().unwrap();
    let poll = format!("{STREAM}?type=project&maxItems=2&after={after}");
    let reply = reader.client.get(&poll).await.json();
    let texts: Vec<&Value> = reply
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["post"]["content"])
        .collect();
    assert_eq!(texts, ["2", "3"]);
    let poll = format!(
        "{STREAM}?type=project&waitSeconds=1&after={}",
        reply[1]["cursor"].as_str().unwrap()
    );
    assert_eq!(reader.client.get(&poll).await.json(), json!([]));

    let foreign = format!("{STREAM}?after={after}");
    let reply = reader.client.get(&foreign).await;
    assert_eq!(reply.refused(400), "VALIDATION_ERROR");
    assert_eq!(reply.fields(), ["after"], "it was made for one type");
    let reply = world.client().get(STREAM).await;
    assert_eq!(reply.refused(401), "UNAUTHORIZED");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st_5_a_stream_ends_with_its_session() {
    let world = World::start().await;
    let reader = world.newcomer().await;
    let lines = listen(&reader.client, "").await;
    reader
        .client
        .post("/api/v1/auth/logout", json!({}))
        .await
        .data(200);
    let ended = Instant::now();
    lines.drain().await;
    assert!(
        ended.elapsed() < testkit::unhurried(Duration::from_secs(2)),
        "{:?}",
        ended.elapsed()
    );
    world.stop().await;
}
