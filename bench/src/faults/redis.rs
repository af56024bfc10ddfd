//! Redis killed and emptied (T44, I-12).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Row;
use super::invariants;
use super::stage::Stage;
use super::writers::address;
use crate::deployment::{Ask, Entry, Session, until};

/// What came of it.
#[derive(Debug)]
pub struct Emptied {
    /// What should not be: a session that came back, an effect that did not come.
    pub wrong: Vec<String>,
    /// Looks at sessions that had ended.
    pub looks: u64,
    /// Effects that had to come.
    pub effects: usize,
    /// From Redis answering again to every process ready.
    pub ready: Duration,
    /// From Redis answering again to codes sent by both edges.
    pub codes: Duration,
}

/// Renames people, kills Redis, renames them again while it is away, and starts it empty; all the while sessions that had ended are
/// tried at both edges. Redis is `away` for so long.
///
/// # Errors
/// A process or a server does not answer.
pub async fn run(stage: &mut Stage, people: usize, away: Duration) -> Result<Emptied> {
    let entry = stage.cluster.entry.clone();
    let mut sessions = Vec::new();
    for nth in 0..people {
        sessions.push(entry.sign_in(nth % 2, &address("renamed")).await?);
    }
    let left = entry.sign_in(0, &address("left")).await?;
    let leave = Ask::post("/api/v1/auth/logout", &json!({})).token(&left.access);
    entry.edges[0].send(&leave).await?.with(200)?;
    until("the logout is known at both edges", async || {
        Ok(invariants::stays_out(&entry, &left).await?.is_empty())
    })
    .await?;
    let watch = Watch::start(&entry, &left);

    rename(&entry, &sessions, "before").await?;
    stage.redis.kill();
    let killed = Instant::now();
    rename(&entry, &sessions, "while").await?;
    tokio::time::sleep(away.saturating_sub(killed.elapsed())).await;
    stage.redis.restart().await;
    let back = Instant::now();
    let ready = until("every process is ready", async || {
        let mut all = true;
        for process in &stage.cluster.processes {
            all &= process.is_ready().await;
        }
        Ok(all)
    })
    .await?;
    until("codes are sent", async || {
        let mut all = true;
        let ask = Ask::post("/api/v1/auth/send-otp", &json!({"email": address("ready")}));
        for edge in &entry.edges {
            all &= edge.send(&ask).await.is_ok_and(|it| it.is_ok());
        }
        Ok(all)
    })
    .await?;
    let codes = back.elapsed();
    rename(&entry, &sessions, "after").await?;
    let mut owner = stage.owner().await?;
    let mut wrong = invariants::settled(&mut owner).await?;
    wrong.extend(invariants::stays_out(&entry, &left).await?);
    let (looks, revived) = watch.end().await?;
    wrong.extend(revived);
    Ok(Emptied {
        wrong,
        looks,
        effects: people * 3,
        ready,
        codes,
    })
}

/// Gives everybody another name; a try that fails is repeated.
async fn rename(entry: &Entry, people: &[Session], when: &str) -> Result<()> {
    for (nth, person) in people.iter().enumerate() {
        let path = format!("/api/v1/profiles/{}", person.profile);
        let name = json!({"displayName": format!("{when} {nth}")});
        let ask = Ask::new(Method::PATCH, &path)
            .json(&name)
            .key(Uuid::now_v7());
        let ask = ask.token(&person.access);
        until("a name is taken", async || {
            let reply = entry.edges[nth % 2].send(&ask).await;
            Ok(reply.is_ok_and(|it| it.is_ok()))
        })
        .await?;
    }
    Ok(())
}

/// Somebody who keeps trying a session that has ended.
struct Watch {
    over: Arc<AtomicBool>,
    task: JoinHandle<(u64, Vec<String>)>,
}

impl Watch {
    #[allow(clippy::disallowed_methods, reason = "its end is awaited by `end`")]
    fn start(entry: &Entry, left: &Session) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (entry, token, seen) = (entry.clone(), left.access.clone(), Arc::clone(&over));
        let task = tokio::spawn(async move {
            let (mut looks, mut revived) = (0, Vec::new());
            while !seen.load(Ordering::Relaxed) {
                for (nth, edge) in entry.edges.iter().enumerate() {
                    let ask = Ask::get("/api/v1/auth/me").token(&token);
                    if let Ok(reply) = edge.send(&ask).await {
                        looks += 1;
                        if reply.is_ok() {
                            revived.push(format!("I-12: a session came back at edge-{nth}"));
                        }
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            (looks, revived)
        });
        Self { over, task }
    }

    async fn end(self) -> Result<(u64, Vec<String>)> {
        self.over.store(true, Ordering::Relaxed);
        Ok(self.task.await?)
    }
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let mut stage = Stage::built("").await?;
    let mut rows = Vec::new();
    let (mut ready, mut codes) = (Duration::ZERO, Duration::ZERO);
    let (mut wrong, mut looks, mut effects) = (Vec::new(), 0, 0);
    for _ in 0..3 {
        let found = run(&mut stage, 20, Duration::from_secs(3)).await?;
        wrong.extend(found.wrong);
        looks += found.looks;
        effects += found.effects;
        ready = ready.max(found.ready);
        codes = codes.max(found.codes);
    }
    stage.stop().await?;
    rows.push(Row::none(
        format!(
            "redis: killed and emptied 3 times: sessions revived ({looks} looks) and effects lost ({effects})"
        ),
        &wrong,
    ));
    rows.push(Row::at_most(
        "redis: from its return to all ready, slowest",
        ready,
        Duration::from_secs(5),
    ));
    rows.push(Row::at_most(
        "redis: from its return to codes sent by both edges, slowest (an open breaker asks every 10 s, N-20)",
        codes,
        Duration::from_secs(12),
    ));
    Ok(rows)
}
