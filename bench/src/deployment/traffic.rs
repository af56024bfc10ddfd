//! Readers and writers who choose their edge by its readiness, as whatever balances load does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::client::NoReply;
use super::cluster::{Entry, Session};
use super::{Ask, Reply};

/// Pause between two looks at an edge: far shorter than the pause an edge makes before it closes.
const LOOK: Duration = Duration::from_millis(50);

/// Requests without end, until it is told to stop.
#[derive(Debug)]
pub struct Traffic {
    entry: Entry,
    session: Session,
    open: [AtomicBool; 2],
    over: AtomicBool,
    answered: AtomicU64,
    wrong: Mutex<Vec<Wrong>>,
}

/// A request that was not answered as it should be.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// When it was sent.
    pub sent: Instant,
    /// The status, or 0 when there was no reply.
    pub status: u16,
    /// What was said.
    pub said: String,
}

/// Traffic that runs.
#[derive(Debug)]
pub struct Running {
    traffic: Arc<Traffic>,
    tasks: JoinSet<()>,
}

impl Traffic {
    /// Starts so many workers with one session. By turns each reads the feed, who it is and its profile, and writes a post.
    #[must_use]
    pub fn start(entry: &Entry, session: &Session, workers: usize) -> Running {
        let traffic = Arc::new(Self {
            entry: entry.clone(),
            session: session.clone(),
            open: [AtomicBool::new(true), AtomicBool::new(true)],
            over: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            wrong: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for nth in 0..2 {
            let traffic = Arc::clone(&traffic);
            tasks.spawn(async move { traffic.look(nth).await });
        }
        for nth in 0..workers {
            let traffic = Arc::clone(&traffic);
            tasks.spawn(async move { traffic.work(nth).await });
        }
        Running { traffic, tasks }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn look(&self, nth: usize) {
        while !self.is_over() {
            let reply = self.entry.edges[nth].send(&Ask::get("/readyz")).await;
            let ready = reply.is_ok_and(|it| it.status == 200);
            self.open[nth].store(ready, Ordering::Relaxed);
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn work(&self, nth: usize) {
        let mut turn = nth;
        while !self.is_over() {
            turn += 1;
            let edge = turn % 2;
            if !self.open[edge].load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
                continue;
            }
            let (ask, expected) = self.request(turn);
            let sent = Instant::now();
            let reply = self.entry.edges[edge].send(&ask).await;
            self.judge(sent, reply, expected);
        }
    }

    fn judge(&self, sent: Instant, reply: Result<Reply, NoReply>, expected: u16) {
        let (status, said) = match reply {
            Ok(reply) if reply.status == expected => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                return;
            }
            // Nobody listened: the edge did not accept the request, and another one is asked.
            Err(NoReply::Refused) => return,
            Ok(reply) => (
                reply.status,
                String::from_utf8_lossy(&reply.body).into_owned(),
            ),
            Err(error) => (0, error.to_string()),
        };
        let wrong = Wrong { sent, status, said };
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(wrong);
    }

    fn request(&self, turn: usize) -> (Ask, u16) {
        let (ask, expected) = match turn / 2 % 4 {
            0 => (Ask::get("/api/v1/feed?limit=3"), 200),
            1 => (Ask::get("/api/v1/auth/me"), 200),
            2 => {
                let path = format!("/api/v1/profiles/{}", self.session.profile);
                (Ask::get(&path), 200)
            }
            _ => (post(&format!("said {turn}")).key(Uuid::now_v7()), 201),
        };
        (ask.token(&self.session.access), expected)
    }
}

impl Running {
    /// Requests that were answered as they should be, so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.traffic.answered.load(Ordering::Relaxed)
    }

    /// Requests that were not, so far.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        let wrong = self.traffic.wrong.lock();
        wrong.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it and returns what went wrong.
    pub async fn end(mut self) -> Vec<Wrong> {
        self.traffic.over.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.wrong()
    }
}

/// A post that everybody sees.
#[must_use]
pub fn post(content: &str) -> Ask {
    let body = json!({"type": "general", "content": content, "visibility": "public"});
    Ask::post("/api/v1/posts", &body)
}
