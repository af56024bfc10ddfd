//! One of two replicas dead, or hung (T47, SC-4).

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Row;
use super::stage::Stage;
use super::table::say;
use crate::deployment::{Cluster, Running, Scrape, Session, Traffic};

/// Time callers have to notice.
const NOTICED: Duration = Duration::from_secs(2);

/// What happens to the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// SIGKILL.
    Dead,
    /// SIGSTOP: connections stay open and nothing answers.
    Hung,
}

/// What came of it.
#[derive(Debug)]
pub struct Survived {
    /// Requests answered as they should be that were answered after callers had time to notice.
    pub answered: u64,
    /// Requests sent after that which were not.
    pub wrong: Vec<String>,
    /// All that were not, from the damage on.
    pub wrong_altogether: usize,
    /// Calls the service got for each request, as a multiple of before.
    pub load: f64,
}

impl Survived {
    /// Part of the requests that were answered as they should be.
    #[must_use]
    pub fn success(&self) -> f64 {
        let (right, wrong) = (self.answered as f64, self.wrong.len() as f64);
        right / (right + wrong).max(1.0)
    }
}

/// Damages the first replica of a service under load, looks at what happens for a time, and repairs it.
///
/// # Errors
/// A process does not run, or is not ready again.
pub async fn run(
    cluster: &mut Cluster,
    session: &Session,
    service: &str,
    damage: Damage,
    watch: Duration,
) -> Result<Survived> {
    let name = format!("{service}-0");
    let traffic = Traffic::start(&cluster.entry, session, 8);
    let quiet = rate(cluster, &traffic, service, watch, None).await?;
    let damaged = Instant::now();
    match damage {
        Damage::Dead => cluster.process(&name)?.kill().await?,
        Damage::Hung => cluster.process(&name)?.signal("STOP").await?,
    }
    tokio::time::sleep(NOTICED).await;
    let answered = traffic.answered();
    let broken = rate(cluster, &traffic, service, watch, Some(&name)).await?;
    let answered = traffic.answered() - answered;
    let wrong = traffic.end().await;
    if damage == Damage::Hung {
        cluster.process(&name)?.signal("CONT").await?;
    } else {
        cluster.process(&name)?.start()?;
    }
    cluster.process(&name)?.ready().await?;
    let late = wrong.iter().filter(|it| it.sent >= damaged + NOTICED);
    Ok(Survived {
        answered,
        wrong: late
            .map(|it| format!("{} {}", it.status, it.said))
            .collect(),
        wrong_altogether: wrong.len(),
        load: broken / quiet,
    })
}

/// Calls the replicas of a service got for each request that was answered.
async fn rate(
    cluster: &Cluster,
    traffic: &Running,
    service: &str,
    watch: Duration,
    without: Option<&str>,
) -> Result<f64> {
    let before = (calls(cluster, service, without).await?, traffic.answered());
    tokio::time::sleep(watch).await;
    let after = (calls(cluster, service, without).await?, traffic.answered());
    Ok((after.0 - before.0) / ((after.1 - before.1) as f64).max(1.0))
}

async fn calls(cluster: &Cluster, service: &str, without: Option<&str>) -> Result<f64> {
    let mut sum = 0.0;
    for process in &cluster.processes {
        if process.name.starts_with(service) && Some(process.name.as_str()) != without {
            let scrape = Scrape::of(process).await?;
            let of_service = format!("service=\"{service}\"");
            sum += scrape.sum("sf_grpc_server_seconds_count", &[&of_service]);
        }
    }
    Ok(sum)
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let mut stage = Stage::built("").await?;
    let session = stage
        .cluster
        .entry
        .sign_in(0, "replica@example.com")
        .await?;
    let mut rows = Vec::new();
    for service in ["auth", "profile", "feed"] {
        for damage in [Damage::Dead, Damage::Hung] {
            let watch = Duration::from_secs(8);
            let found = run(&mut stage.cluster, &session, service, damage, watch).await?;
            let of = format!("replica: one of {service} {damage:?}").to_lowercase();
            for wrong in found.wrong.iter().take(5) {
                say(&format!("  {of}: {wrong}"));
            }
            let success = found.success() * 100.0;
            rows.push(Row::new(
                format!(
                    "{of}: success after 2 s, of {} ({} failed before)",
                    found.answered,
                    found.wrong_altogether - found.wrong.len()
                ),
                format!("{success:.3} %"),
                ">= 99.9 %",
                success >= 99.9,
            ));
            let load = found.load;
            rows.push(Row::new(
                format!("{of}: calls to {service} for each request, against before"),
                format!("{load:.2} x"),
                "<= 1.2 x",
                load <= 1.2,
            ));
        }
    }
    stage.stop().await?;
    Ok(rows)
}
