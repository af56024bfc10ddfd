//! PostgreSQL down and back (T43, T46).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Row;
use super::invariants::most_connections;
use super::stage::Stage;
use crate::deployment::{Ask, Entry, LOOK, Session, post, until};

/// Most connections of one service in one process: the default of `database.max_connections`.
const POOL: i64 = 10;

/// Replicas of a service.
const REPLICAS: i64 = 2;

/// What came of it.
#[derive(Debug)]
pub struct Down {
    /// Requests that were answered while it was down.
    pub refused: usize,
    /// The slowest of them.
    pub slowest: Duration,
    /// What was answered otherwise than with 503.
    pub wrong: Vec<String>,
    /// From PostgreSQL answering again to a write that was taken by each edge.
    pub back: Duration,
    /// The most connections of each role at once after its return.
    pub connections: BTreeMap<String, i64>,
    /// The most each may have.
    pub pool: i64,
}

/// Kills PostgreSQL under so many callers, keeps it down for a time, starts it again, and watches its connections as long again.
///
/// # Errors
/// A process or a server does not answer.
pub async fn run(stage: &mut Stage, callers: usize, down: Duration) -> Result<Down> {
    let entry = stage.cluster.entry.clone();
    let session = entry.sign_in(0, "down@example.com").await?;
    let over = Arc::new(AtomicBool::new(false));
    stage.postgres.kill();
    let killed = Instant::now();
    let mut tasks = JoinSet::new();
    for nth in 0..callers {
        let caller = Caller {
            entry: entry.clone(),
            session: session.clone(),
            over: Arc::clone(&over),
            nth,
        };
        tasks.spawn(caller.call());
    }
    tokio::time::sleep(down.saturating_sub(killed.elapsed())).await;
    over.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    while let Some(done) = tasks.join_next().await {
        answers.extend(done?);
    }
    let (back, connections) = come_back(stage, &entry, &session, callers, down).await?;
    let slowest = answers.iter().map(|(_, took)| *took).max();
    let strange = answers.iter().filter(|(status, _)| *status != 503);
    Ok(Down {
        refused: answers.len(),
        slowest: slowest.context("nobody asked")?,
        wrong: strange.map(|(status, _)| format!("{status}")).collect(),
        back,
        connections,
        pool: POOL * REPLICAS,
    })
}

/// Starts it again under callers who do not let up, and watches.
async fn come_back(
    stage: &mut Stage,
    entry: &Entry,
    session: &Session,
    callers: usize,
    watch: Duration,
) -> Result<(Duration, BTreeMap<String, i64>)> {
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for nth in 0..callers {
        let caller = Caller {
            entry: entry.clone(),
            session: session.clone(),
            over: Arc::clone(&over),
            nth,
        };
        tasks.spawn(caller.call());
    }
    stage.postgres.restart().await;
    let mut owner = stage.owner().await?;
    let [one, other] = [0, 1].map(|nth| {
        until("a post is taken by each edge", async move || {
            let ask = post("after PostgreSQL").token(&session.access);
            let reply = entry.edges[nth].send(&ask).await;
            Ok(reply.is_ok_and(|it| it.status == 201))
        })
    });
    let watched = most_connections(&mut owner, watch);
    let (one, other, connections) = tokio::join!(one, other, watched);
    over.store(true, Ordering::Relaxed);
    while tasks.join_next().await.is_some() {}
    Ok((one?.max(other?), connections?))
}

/// One of those who do not let up.
struct Caller {
    entry: Entry,
    session: Session,
    over: Arc<AtomicBool>,
    nth: usize,
}

impl Caller {
    async fn call(self) -> Vec<(u16, Duration)> {
        let mut answers = Vec::new();
        let mut turn = self.nth;
        while !self.over.load(Ordering::Relaxed) {
            turn += 1;
            let ask = match turn % 3 {
                0 => Ask::get("/api/v1/auth/sessions"),
                1 => Ask::get("/api/v1/feed?limit=3"),
                _ => post("while it is down").key(Uuid::now_v7()),
            };
            let ask = ask.token(&self.session.access);
            if let Ok(reply) = self.entry.edges[self.nth % 2].send(&ask).await {
                answers.push((reply.status, reply.took));
            } else {
                answers.push((0, Duration::ZERO));
            }
            tokio::time::sleep(LOOK).await;
        }
        answers
    }
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let mut stage = Stage::built("").await?;
    let found = run(&mut stage, 48, Duration::from_secs(6)).await?;
    stage.stop().await?;
    let most = found.connections.values().copied().max().unwrap_or(0);
    Ok(vec![
        Row::none(
            format!(
                "postgres: down: answers other than 503, of {}",
                found.refused
            ),
            &found.wrong,
        ),
        Row::at_most(
            "postgres: down: slowest answer",
            found.slowest,
            Duration::from_secs(1),
        ),
        Row::at_most(
            "postgres: from its return to a write at both edges (an open breaker asks every 10 s, N-20)",
            found.back,
            Duration::from_secs(12),
        ),
        Row::new(
            "postgres: most connections of one service at its return (two replicas)",
            most.to_string(),
            format!("<= {}", found.pool),
            most > 0 && most <= found.pool,
        ),
    ])
}
