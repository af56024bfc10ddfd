//! Requests of one kind, as the load generator sends them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use uuid::Uuid;

use super::CLIENTS;
use super::stage::Stage;
use crate::load::{Pace, Plan, Protocol, Report, Template, Tokens, in_process};

/// Time of load before anything is counted.
const WARM_UP: Duration = Duration::from_millis(1000);

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    method: &'static str,
    targets: Vec<String>,
    body: Vec<u8>,
    expect: u16,
    tokens: Tokens,
}

impl Requests {
    /// Reads, by nobody.
    pub(super) fn get(targets: Vec<String>) -> Self {
        Self {
            method: "GET",
            targets,
            body: Vec::new(),
            expect: 200,
            tokens: Tokens::None,
        }
    }

    /// The first page of the feed.
    pub(super) fn feed() -> Self {
        Self::get(vec!["/api/v1/feed?limit=20".to_owned()])
    }

    /// Posts by id.
    pub(super) fn posts(posts: &[Uuid]) -> Self {
        let path = |id| format!("/api/v1/posts/{id}");
        Self::get(posts.iter().map(path).collect())
    }

    /// Likes of posts.
    pub(super) fn likes(posts: &[Uuid]) -> Self {
        let path = |id| format!("/api/v1/posts/{id}/like");
        Self {
            method: "POST",
            body: b"{}".to_vec(),
            ..Self::get(posts.iter().map(path).collect())
        }
    }

    /// Comments on posts.
    pub(super) fn comments(posts: &[Uuid]) -> Self {
        let path = |id| format!("/api/v1/posts/{id}/comments");
        Self {
            method: "POST",
            body: br#"{"content":"Well said."}"#.to_vec(),
            expect: 201,
            ..Self::get(posts.iter().map(path).collect())
        }
    }

    /// By those with these tokens.
    pub(super) fn by(self, tokens: Tokens) -> Self {
        Self { tokens, ..self }
    }

    fn plan(&self, address: SocketAddr, connections: usize, pace: Pace, time: Duration) -> Plan {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let headers = match self.method {
            "GET" => Vec::new(),
            _ => vec![("content-type".to_owned(), "application/json".to_owned())],
        };
        Plan {
            address,
            connections,
            callers: 1,
            pace,
            warm_up_ms: millis(WARM_UP),
            measure_ms: millis(time),
            request: Template {
                method: self.method.to_owned(),
                targets: self.targets.clone(),
                headers,
                body: self.body.clone(),
                expect: self.expect,
                protocol: Protocol::Http,
                length: None,
            },
            tokens: self.tokens.clone(),
            watch: Vec::new(),
        }
    }

    /// As fast as answers come.
    ///
    /// # Errors
    /// The generator fails, or an answer is wrong.
    pub(super) async fn closed(&self, address: SocketAddr, time: Duration) -> Result<Report> {
        right(in_process(&self.plan(address, CLIENTS, Pace::Closed, time), None).await?)
    }

    /// One after the other.
    ///
    /// # Errors
    /// As [`closed`](Self::closed).
    pub(super) async fn alone(&self, stage: &Stage, time: Duration) -> Result<Report> {
        let plan = self.plan(stage.door.address(), 1, Pace::Closed, time);
        right(in_process(&plan, None).await?)
    }

    /// So many a second, whatever comes back.
    ///
    /// # Errors
    /// As [`closed`](Self::closed).
    pub(super) async fn open(&self, stage: &Stage, rate: f64, time: Duration) -> Result<Report> {
        // Enough that no request waits for a connection before the server is far behind.
        let plan = self.plan(
            stage.door.address(),
            CLIENTS * 8,
            Pace::PerSecond(rate),
            time,
        );
        right(in_process(&plan, None).await?)
    }
}

/// The time of load before what is counted, and what is counted.
pub(super) fn whole(time: Duration) -> Duration {
    WARM_UP + time
}

fn right(report: Report) -> Result<Report> {
    ensure!(report.failures.is_empty(), "wrong: {:?}", report.failures);
    ensure!(report.requests > 0, "nothing was answered");
    Ok(report)
}
