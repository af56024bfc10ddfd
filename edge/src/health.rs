//! Whether the system behind the door is up, as far as the door can see (GW-16): which services are there, and Redis.

use std::time::Duration;

use fault::{Fault, Reason};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(10);

/// How long Redis may take to answer.
const PING: Duration = Duration::from_millis(500);

/// Finds out and remembers.
#[derive(Debug)]
pub(crate) struct Health {
    services: Vec<&'static str>,
    mandatory: Vec<String>,
    peers: mesh::Peers,
    redis: redis::Redis,
    last: Mutex<Option<(Instant, Report)>>,
}

/// The state of the system.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    status: Status,
    services: Vec<Service>,
}

#[derive(Debug, Clone, Serialize)]
struct Service {
    name: &'static str,
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Degraded,
    Down,
}

impl Health {
    pub(crate) fn new(mandatory: &[String], peers: mesh::Peers, redis: redis::Redis) -> Self {
        let mut services: Vec<&'static str> = contracts::rpcs()
            .iter()
            .filter(|rule| rule.public)
            .map(contracts::RpcRule::domain)
            .collect();
        services.sort_unstable();
        services.dedup();
        Self {
            services,
            mandatory: mandatory.to_vec(),
            peers,
            redis,
            last: Mutex::new(None),
        }
    }

    /// Returns the state, at most 10 s old. A mandatory service that is down makes it a 503 that names it.
    pub(crate) async fn report(&self) -> Result<Report, Fault> {
        let mut last = self.last.lock().await;
        let report = match &*last {
            Some((at, report)) if at.elapsed() < KEPT => report.clone(),
            _ => {
                let report = self.look().await;
                *last = Some((Instant::now(), report.clone()));
                report
            }
        };
        if report.status != Status::Down {
            return Ok(report);
        }
        let down = report
            .services
            .iter()
            .filter(|service| service.status == Status::Down);
        let fault = Fault::new(Reason::ServiceUnavailable, "The system is down");
        Err(down.fold(fault, |fault, service| {
            fault.with_violation(service.name, "is down")
        }))
    }

    async fn look(&self) -> Report {
        let ping = tokio::time::timeout(PING, self.redis.ping()).await;
        let state = async |name: &'static str| {
            let status = if self.peers.reaches(name).await {
                Status::Ok
            } else {
                Status::Down
            };
            Service { name, status }
        };
        let services: Vec<Service> = join_all(self.services.iter().copied().map(state)).await;
        let down = |service: &&Service| service.status == Status::Down;
        let needed = |service: &Service| self.mandatory.iter().any(|name| name == service.name);
        let status = if services.iter().filter(down).any(needed) {
            Status::Down
        } else if services.iter().any(|service| down(&service)) || !matches!(ping, Ok(Ok(()))) {
            Status::Degraded
        } else {
            Status::Ok
        };
        Report { status, services }
    }
}
