//! One caller of the load generator: it has one request under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::Request;
use http::header::AUTHORIZATION;

use super::latency::Histogram;
use super::pace::{Due, Schedule};
use super::{Job, Protocol, http1, http2};

/// Pause before a connection is tried again that could not be made.
pub(super) const AGAIN: Duration = Duration::from_millis(20);

/// What one worker, or all of them, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) histogram: Histogram,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.histogram.add(&other.histogram);
        for (what, count) in other.failures {
            self.fail(&what, count);
        }
    }

    pub(super) fn fail(&mut self, what: &str, count: u64) {
        *self.failures.entry(what.to_owned()).or_default() += count;
    }
}

/// What callers share, if they share anything.
#[derive(Debug)]
pub(super) enum Connection {
    Own,
    Shared(Arc<http2::Connection>),
}

impl Connection {
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http | Protocol::GrpcWeb => Self::Own,
            Protocol::Grpc => Self::Shared(Arc::default()),
        }
    }

    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Own => Caller::Http(http1::Caller::default()),
            Self::Shared(connection) => Caller::Grpc(http2::Caller::new(Arc::clone(connection))),
        }
    }
}

/// Who sends.
#[derive(Debug)]
pub(super) enum Caller {
    Http(http1::Caller),
    Grpc(http2::Caller),
}

impl Caller {
    /// Returns the length of a right answer.
    async fn send(&mut self, job: &Job, head: Request<()>) -> Result<u64> {
        let bytes = match self {
            Self::Http(caller) => caller.send(job, head).await?,
            Self::Grpc(caller) => caller.send(job, head).await?,
        };
        ensure!(
            job.length.is_none_or(|length| length == bytes),
            "a body of {bytes} bytes"
        );
        Ok(bytes)
    }
}

/// One caller at work.
#[derive(Debug)]
pub(super) struct Worker {
    job: Arc<Job>,
    schedule: Arc<Schedule>,
    caller: Caller,
    tally: Tally,
}

impl Worker {
    pub(super) fn new(job: Arc<Job>, schedule: Arc<Schedule>, caller: Caller) -> Self {
        Self {
            job,
            schedule,
            caller,
            tally: Tally::default(),
        }
    }

    /// Sends what is due until nothing is.
    pub(super) async fn work(mut self) -> Tally {
        while let Some(due) = self.schedule.next().await {
            let Some(head) = self.head(due) else {
                self.schedule.run_out();
                break;
            };
            let answer = self.caller.send(&self.job, head).await;
            if self.schedule.records(due) {
                self.tally.histogram.record(due.at.elapsed());
            }
            match answer {
                Ok(bytes) if self.schedule.is_counting() => {
                    self.tally.requests += 1;
                    self.tally.bytes += bytes;
                }
                Ok(_) => {}
                Err(error) => self.tally.fail(&error.to_string(), 1),
            }
        }
        self.tally
    }

    /// Makes the head of the request with this number; `None` when the tokens are used up.
    fn head(&self, due: Due) -> Option<Request<()>> {
        let job = &self.job;
        let mut head = Request::new(());
        *head.method_mut() = job.method.clone();
        *head.uri_mut() = job.targets.get(due.number % job.targets.len())?.clone();
        let headers = head.headers_mut();
        headers.reserve(job.headers.len() + 2);
        headers.extend(job.headers.iter().cloned());
        if !job.tokens.is_empty() {
            let next = if job.fresh { self.schedule.token() } else { 0 };
            headers.insert(AUTHORIZATION, job.tokens.get(next)?.clone());
        }
        Some(head)
    }
}
