//! Processes and servers killed outright while people write (I-7, T42, T43, T44).

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Row;
use super::invariants;
use super::stage::Stage;
use super::table::say;
use super::writers::Writers;

/// Kills of a run of the bench.
const KILLS: usize = 50;

/// Acknowledged requests between two kills.
const BETWEEN: u64 = 30;

/// Longest wait for them: a key whose process was killed is in work for 15 s (ID-3).
const LONGEST: Duration = Duration::from_secs(90);

/// What is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Victim {
    /// A process of the deployment, by its name.
    Process(String),
    /// Redis, which forgets everything.
    Redis,
    /// PostgreSQL, which recovers from its log.
    Postgres,
}

/// What came of it.
#[derive(Debug)]
pub struct Kept {
    /// How many were killed.
    pub kills: usize,
    /// Requests that were acknowledged.
    pub acknowledged: u64,
    /// What is not as it must be.
    pub wrong: Vec<String>,
}

/// Every victim there is: each process, Redis, PostgreSQL.
#[must_use]
pub fn victims(stage: &Stage) -> Vec<Victim> {
    let names = stage.cluster.names().into_iter().map(Victim::Process);
    names.chain([Victim::Redis, Victim::Postgres]).collect()
}

/// Kills one after the other while people write; each is started again and ready before the next. Then compares what was acknowledged
/// with what is stored, and uses up a limit and kills the edges once more.
///
/// # Errors
/// Something killed does not come back, or nothing is acknowledged for 90 s.
pub async fn run(stage: &mut Stage, victims: &[Victim]) -> Result<Kept> {
    let writers = Writers::start(&stage.cluster.entry).await?;
    for (nth, victim) in victims.iter().enumerate() {
        progress(&writers).await?;
        say(&format!("  kill {}: {victim:?}", nth + 1));
        strike(stage, victim).await?;
    }
    progress(&writers).await?;
    let journal = writers.end().await?;
    let entries = journal.read();
    let mut owner = stage.owner().await?;
    let entry = stage.cluster.entry.clone();
    let mut wrong = invariants::check(&entry, &mut owner, &entries).await?;
    wrong.extend(invariants::limits_outlive_edges(&mut stage.cluster).await?);
    ensure!(
        !entries.posts.is_empty() && !entries.likes.is_empty() && !entries.names.is_empty(),
        "nobody wrote"
    );
    Ok(Kept {
        kills: victims.len() + 2,
        acknowledged: journal.acknowledged(),
        wrong,
    })
}

async fn progress(writers: &Writers) -> Result<()> {
    let (began, before) = (Instant::now(), writers.journal.acknowledged());
    while writers.journal.acknowledged() < before + BETWEEN {
        let entries = || writers.journal.read().wrong;
        ensure!(
            began.elapsed() < LONGEST,
            "writes do not go on after a kill: {:?}",
            entries()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn strike(stage: &mut Stage, victim: &Victim) -> Result<()> {
    match victim {
        Victim::Process(name) => stage.cluster.kill(name).await?,
        Victim::Redis => {
            stage.redis.kill();
            stage.redis.restart().await;
        }
        Victim::Postgres => {
            stage.postgres.kill();
            stage.postgres.restart().await;
        }
    }
    Ok(())
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let mut stage = Stage::built("").await?;
    let victims: Vec<Victim> = victims(&stage).into_iter().cycle().take(KILLS).collect();
    let kept = run(&mut stage, &victims).await?;
    stage.stop().await?;
    let what = format!(
        "kills: {} of every process, Redis and PostgreSQL in turn, {} writes acknowledged: invariants violated",
        kept.kills, kept.acknowledged
    );
    Ok(vec![Row::none(what, &kept.wrong)])
}
