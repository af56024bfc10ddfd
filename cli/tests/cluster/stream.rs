//! A stream whose process ends in order is resumed by its reader elsewhere (ST-4, T59).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bench::deployment::{Ask, Cluster, Entry, Session, post};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// Somebody who reads the stream and goes on after the last post they saw, wherever they are let in.
struct Reader {
    entry: Entry,
    token: String,
    after: Option<String>,
    seen: mpsc::UnboundedSender<String>,
}

impl Reader {
    async fn read(mut self) {
        let mut edge = 0;
        loop {
            if let Some(mut body) = self.open(edge).await {
                while let Some(item) = next(&mut body).await {
                    self.after = item["cursor"].as_str().map(str::to_owned);
                    let content = item["post"]["content"].as_str().unwrap().to_owned();
                    if self.seen.send(content).is_err() {
                        return;
                    }
                }
            }
            edge = 1 - edge;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn open(&self, edge: usize) -> Option<Lines> {
        let after = self.after.as_deref().map(|it| format!("?after={it}"));
        let path = format!("/api/v1/feed/stream{}", after.unwrap_or_default());
        let ask = Ask::get(&path)
            .header("accept", "application/x-ndjson")
            .token(&self.token);
        let reply = self.entry.edges[edge].open(&ask).await.ok()?;
        let is_open = reply.status() == 200;
        is_open.then(|| Lines {
            body: reply.into_body(),
            unread: BytesMut::new(),
        })
    }
}

struct Lines {
    body: Incoming,
    unread: BytesMut,
}

/// The next item; `None` when the stream ends, is broken off or says why it ends.
async fn next(lines: &mut Lines) -> Option<Value> {
    loop {
        if let Some(end) = lines.unread.iter().position(|byte| *byte == b'\n') {
            let line = lines.unread.split_to(end + 1);
            let item: Value = serde_json::from_slice(&line).unwrap_or_default();
            if item["post"].is_object() {
                return Some(item);
            }
            if item["error"].is_object() {
                return None;
            }
            continue;
        }
        let data = lines.body.frame().await?.ok()?.into_data().ok()?;
        lines.unread.extend_from_slice(&data);
    }
}

pub(crate) async fn t59_a_stream_goes_on_elsewhere_and_nothing_is_lost_or_doubled(
    cluster: &mut Cluster,
    ada: &Session,
) {
    let (seen, mut contents) = mpsc::unbounded_channel();
    let reader = Reader {
        entry: cluster.entry.clone(),
        token: ada.access.clone(),
        after: None,
        seen,
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(reader.read());
    // Posts until one is seen: from there on the reader has a place to go on from.
    let mut first = 0;
    while contents.is_empty() {
        publish(&cluster.entry, ada, &format!("unseen {first}")).await;
        first += 1;
    }
    let over = Arc::new(AtomicBool::new(false));
    let (count, counted) = oneshot::channel();
    let (author, told) = (ada.clone(), Arc::clone(&over));
    let entry = cluster.entry.clone();
    tasks.spawn(async move {
        let mut posts = 0;
        while !told.load(Ordering::Relaxed) {
            publish(&entry, &author, &format!("streamed {posts}")).await;
            posts += 1;
        }
        count.send(posts).unwrap();
    });
    // The edge the reader is at, and then the service behind both.
    for name in ["edge-0", "feed-0", "feed-1"] {
        cluster.restart(name).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let posts = counted.await.unwrap();
    let mut streamed = Vec::new();
    while streamed.len() < posts {
        let content = contents.recv().await.unwrap();
        if content.starts_with("streamed") {
            streamed.push(content);
        }
    }
    let published: Vec<String> = (0..posts).map(|nth| format!("streamed {nth}")).collect();
    assert_eq!(streamed, published);
}

async fn publish(entry: &Entry, ada: &Session, content: &str) {
    let ask = post(content).token(&ada.access);
    let reply = entry.edges[1].send(&ask).await.unwrap();
    reply.with(201).unwrap();
}
