//! Readers and writers who choose their edge by its readiness, as whatever balances load does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::process::{exchange, get};

/// Pause between two looks at an edge: far shorter than the pause an edge makes before it closes.
const LOOK: Duration = Duration::from_millis(50);

/// Two edges and which of them takes requests.
pub(crate) struct Load {
    edges: [SocketAddr; 2],
    open: [AtomicBool; 2],
    token: String,
    over: AtomicBool,
    /// Requests that were answered as they should be.
    pub(crate) answered: AtomicU64,
}

impl Load {
    pub(crate) fn new(edges: [SocketAddr; 2], token: &str) -> Arc<Self> {
        Arc::new(Self {
            edges,
            open: [AtomicBool::new(true), AtomicBool::new(true)],
            token: token.to_owned(),
            over: AtomicBool::new(false),
            answered: AtomicU64::new(0),
        })
    }

    /// Starts the readers and writers.
    pub(crate) fn begin(self: &Arc<Self>, workers: usize) -> JoinSet<Vec<String>> {
        let mut tasks = JoinSet::new();
        for nth in 0..2 {
            let load = Arc::clone(self);
            tasks.spawn(async move { load.look(nth).await });
        }
        for nth in 0..workers {
            let load = Arc::clone(self);
            tasks.spawn(async move { load.work(nth).await });
        }
        tasks
    }

    /// Ends it and returns what went wrong.
    pub(crate) async fn end(&self, tasks: JoinSet<Vec<String>>) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        tasks.join_all().await.into_iter().flatten().collect()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn look(&self, nth: usize) -> Vec<String> {
        while !self.is_over() {
            let ready = get(self.edges[nth], "/readyz").await;
            let ready = ready.is_some_and(|(status, _)| status == 200);
            self.open[nth].store(ready, Ordering::Relaxed);
            tokio::time::sleep(LOOK).await;
        }
        Vec::new()
    }

    async fn work(&self, nth: usize) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut turn = nth;
        while !self.is_over() {
            turn += 1;
            let edge = turn % 2;
            if !self.open[edge].load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
                continue;
            }
            let (request, expected) = self.request(turn);
            // Nobody listened: the edge did not accept the request, and another one is asked.
            match exchange(self.edges[edge], &request).await {
                Ok(None) => {}
                Ok(Some((status, _))) if status == expected => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Some((status, body))) => wrong.push(format!("{status}: {body}")),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        wrong
    }

    /// By turns a read anybody may make, one for the caller, and a write.
    fn request(&self, turn: usize) -> (String, u16) {
        let host = format!(
            "host: cluster\r\nconnection: close\r\nauthorization: Bearer {}\r\n",
            self.token
        );
        match turn / 2 % 3 {
            0 => (
                format!("GET /api/v1/feed?limit=3 HTTP/1.1\r\n{host}\r\n"),
                200,
            ),
            1 => (format!("GET /api/v1/auth/me HTTP/1.1\r\n{host}\r\n"), 200),
            _ => (
                post(&host, &format!("said {turn}"), &Uuid::now_v7().to_string()),
                201,
            ),
        }
    }
}

/// A post with an idempotency key.
pub(crate) fn post(host: &str, content: &str, key: &str) -> String {
    let body = format!(r#"{{"type":"general","content":"{content}","visibility":"public"}}"#);
    format!(
        "POST /api/v1/posts HTTP/1.1\r\n{host}idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
