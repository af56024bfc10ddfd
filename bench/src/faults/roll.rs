//! Every process restarted in order while requests come (T59, N-22).

use std::time::Duration;

use anyhow::Result;

use super::Row;
use super::stage::Stage;
use super::table::say;
use crate::deployment::{Cluster, Session, Traffic, Wrong, until};

/// What came of it.
#[derive(Debug)]
pub struct Rolled {
    /// Requests answered as they should be.
    pub answered: u64,
    /// Requests that were not.
    pub wrong: Vec<Wrong>,
    /// Restarts.
    pub restarts: usize,
    /// From SIGTERM to the end of the slowest.
    pub slowest: Duration,
}

/// Restarts every process in turn, again and again until so many requests were answered.
///
/// # Errors
/// A process ends with another status than 0, or is not ready again.
pub async fn run(
    cluster: &mut Cluster,
    session: &Session,
    workers: usize,
    requests: u64,
) -> Result<Rolled> {
    let traffic = Traffic::start(&cluster.entry, session, workers);
    let (mut restarts, mut slowest) = (0, Duration::ZERO);
    let names = cluster.names();
    while restarts == 0 || traffic.answered() < requests {
        for name in &names {
            let before = traffic.answered();
            slowest = slowest.max(cluster.restart(name).await?);
            restarts += 1;
            // Each restart sees requests, however fast it was.
            until("requests are answered", async || {
                Ok(traffic.answered() > before)
            })
            .await?;
        }
        say(&format!(
            "  {restarts} restarts, {} requests",
            traffic.answered()
        ));
    }
    let answered = traffic.answered();
    Ok(Rolled {
        answered,
        wrong: traffic.end().await,
        restarts,
        slowest,
    })
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let mut stage = Stage::built("").await?;
    let session = stage.cluster.entry.sign_in(0, "roll@example.com").await?;
    let rolled = run(&mut stage.cluster, &session, 16, 20_000).await?;
    stage.stop().await?;
    let wrong: Vec<String> = rolled.wrong.iter().map(|it| format!("{it:?}")).collect();
    let what = format!(
        "roll: {} restarts under load, failed of {} requests",
        rolled.restarts, rolled.answered
    );
    Ok(vec![
        Row::none(what, &wrong),
        Row::at_most(
            "roll: SIGTERM to exit, slowest (1 s of it is the announced pause)",
            rolled.slowest,
            Duration::from_secs(10),
        ),
    ])
}
