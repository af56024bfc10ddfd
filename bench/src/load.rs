//! The load generator: HTTP/1.1 or gRPC with kept connections, as fast as answers come or at a fixed rate.
//!
//! At a fixed rate (open loop) a request is due at its time whether or not the ones before were answered, and its latency
//! counts from then: a server that stalls is not asked less meanwhile. As fast as answers come (closed loop), every
//! caller sends its next request when it has the answer to the last: that measures capacity, not latency.

mod command;
mod http1;
mod http2;
mod latency;
mod pace;
mod worker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

pub use self::command::{command, in_process};
pub use self::latency::Latency;

use self::latency::Histogram;
use self::pace::Schedule;
use self::worker::{Connection, Tally, Worker};
use crate::processes::Usage;

/// Longest wait for answers that are due when the time is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is sent, how, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// Over how many connections.
    pub connections: usize,
    /// Callers on each connection: each has one request under way. More than one needs HTTP/2.
    pub callers: usize,
    /// How fast.
    pub pace: Pace,
    /// Milliseconds of load before anything is counted.
    pub warm_up_ms: u64,
    /// Milliseconds that are counted.
    pub measure_ms: u64,
    /// What.
    pub request: Template,
    /// Whose.
    pub tokens: Tokens,
    /// Processes whose time and memory are read at the ends of what is counted, each with its descendants.
    pub watch: Vec<u32>,
}

/// How fast requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Every caller sends when it has its last answer.
    Closed,
    /// So many a second, evenly, whatever comes back.
    PerSecond(f64),
}

/// The request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its method.
    pub method: String,
    /// Its path and query; several are sent in turn.
    pub targets: Vec<String>,
    /// Its header fields, beside `host`, `content-length`, `te` and `authorization`.
    pub headers: Vec<(String, String)>,
    /// Its body, byte by byte.
    pub body: Vec<u8>,
    /// The status that is right; everything else is a failure.
    pub expect: u16,
    /// How it is sent.
    pub protocol: Protocol,
    /// The length of the body that is right, in bytes; every length is if there is none.
    pub length: Option<u64>,
}

/// How a request is sent, and what an answer must say beside its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC-Web over HTTP/1.1: the body ends in a trailer frame that says 0.
    GrpcWeb,
    /// gRPC over HTTP/2 without TLS: the trailers say 0.
    Grpc,
}

/// What `authorization` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// Nothing.
    None,
    /// This token.
    One(String),
    /// Another token for every request: the lines of a file from the given one on. When they are used up, the load ends.
    Once {
        /// The file.
        file: PathBuf,
        /// Lines that were used before.
        skip: usize,
    },
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Right answers within the time that is counted.
    pub requests: u64,
    /// Seconds that were counted.
    pub seconds: f64,
    /// What was no right answer, at any time, by what it was.
    pub failures: BTreeMap<String, u64>,
    /// Bytes of the bodies of the counted answers.
    pub bytes: u64,
    /// Latencies: of the counted answers, at a fixed rate of all requests that were due in the counted time.
    pub latency: Latency,
    /// What each watched tree used: CPU within the counted time, memory at its end.
    pub watched: Vec<Usage>,
    /// What the generator used itself within the counted time.
    pub generator: Usage,
    /// Tokens that were used.
    pub tokens: usize,
}

impl Report {
    /// Returns CPU seconds of a watched tree for one request, in µs.
    #[must_use]
    pub fn cpu_us(&self, watched: usize) -> Option<f64> {
        let cpu = self.watched.get(watched)?.cpu;
        (self.requests > 0).then(|| cpu.as_secs_f64() * 1e6 / self.requests as f64)
    }

    /// Returns right answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// What every worker needs, made once.
#[derive(Debug)]
struct Job {
    address: SocketAddr,
    method: Method,
    targets: Vec<Uri>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    expect: u16,
    protocol: Protocol,
    length: Option<u64>,
    tokens: Vec<HeaderValue>,
    /// Whether a token is sent once only.
    fresh: bool,
}

impl Job {
    fn new(plan: &Plan) -> Result<Self> {
        let request = &plan.request;
        ensure!(plan.connections > 0, "connections must not be 0");
        ensure!(plan.callers > 0, "callers must not be 0");
        ensure!(
            plan.callers == 1 || request.protocol == Protocol::Grpc,
            "callers must be 1: over HTTP/1.1 a connection has one request under way"
        );
        ensure!(!request.targets.is_empty(), "targets must not be empty");
        let header = |(name, value): &(String, String)| -> Result<_> {
            Ok((name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?))
        };
        let mut headers: Vec<_> = request.headers.iter().map(header).collect::<Result<_>>()?;
        let base = match request.protocol {
            // The head of HTTP/2 names scheme and authority itself.
            Protocol::Grpc => {
                headers.push((http::header::TE, HeaderValue::from_static("trailers")));
                format!("http://{}", plan.address)
            }
            Protocol::Http | Protocol::GrpcWeb => {
                headers.push((http::header::HOST, plan.address.to_string().parse()?));
                String::new()
            }
        };
        Ok(Self {
            address: plan.address,
            method: request.method.parse()?,
            targets: request
                .targets
                .iter()
                .map(|it| Ok(format!("{base}{it}").parse()?))
                .collect::<Result<_>>()?,
            headers,
            body: request.body.clone().into(),
            expect: request.expect,
            protocol: request.protocol,
            length: request.length,
            tokens: plan.tokens.read()?,
            fresh: matches!(plan.tokens, Tokens::Once { .. }),
        })
    }
}

impl Tokens {
    fn read(&self) -> Result<Vec<HeaderValue>> {
        let bearer = |token: &str| Ok(HeaderValue::from_str(&format!("Bearer {token}"))?);
        match self {
            Self::None => Ok(Vec::new()),
            Self::One(token) => Ok(vec![bearer(token)?]),
            Self::Once { file, skip } => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("the tokens of {}", file.display()))?;
                let tokens: Vec<_> = text
                    .lines()
                    .skip(*skip)
                    .map(bearer)
                    .collect::<Result<_>>()?;
                ensure!(!tokens.is_empty(), "{} has no tokens left", file.display());
                Ok(tokens)
            }
        }
    }
}

/// Loads as planned. Everything runs on the thread that calls.
///
/// # Errors
/// The plan cannot be carried out: a malformed header, tokens that cannot be read, a watched process that does not exist.
/// What the server does wrong is counted in the report.
pub async fn run(plan: &Plan) -> Result<Report> {
    let job = Arc::new(Job::new(plan)?);
    let (warm_up, measure) = (
        Duration::from_millis(plan.warm_up_ms),
        Duration::from_millis(plan.measure_ms),
    );
    let schedule = Arc::new(Schedule::new(plan.pace, warm_up, measure));
    let mut workers = JoinSet::new();
    for _ in 0..plan.connections {
        let connection = Connection::new(job.protocol);
        for _ in 0..plan.callers {
            let caller = connection.caller();
            workers.spawn(Worker::new(Arc::clone(&job), Arc::clone(&schedule), caller).work());
        }
    }
    let pacer = schedule.start();
    schedule.wait_for_warmth().await;
    let before = look(&plan.watch)?;
    let begun = schedule.count();
    schedule.wait_for_end().await;
    let after = look(&plan.watch)?;
    let seconds = schedule.end(begun).as_secs_f64();
    let mut tally = Tally::default();
    let finished = tokio::time::timeout(PATIENCE, async {
        while let Some(done) = workers.join_next().await {
            tally.add(done.context("a worker")?);
        }
        Ok::<_, anyhow::Error>(())
    });
    match finished.await {
        Ok(finished) => finished?,
        Err(_late) => tally.fail("no answer", workers.len() as u64),
    }
    if let Some(pacer) = pacer {
        ensure!(pacer.join().is_ok(), "the pacer failed");
    }
    let mut watched = spent(&before, &after);
    let generator = watched.pop().unwrap_or_default();
    Ok(tally.report(
        seconds,
        watched,
        generator,
        schedule.tokens().min(job.tokens.len()),
    ))
}

/// Reads the watched trees, and last this process.
fn look(watch: &[u32]) -> Result<Vec<Usage>> {
    watch
        .iter()
        .copied()
        .chain([std::process::id()])
        .map(Usage::of)
        .collect()
}

fn spent(before: &[Usage], after: &[Usage]) -> Vec<Usage> {
    let spent = |(before, after): (&Usage, &Usage)| Usage {
        cpu: after.cpu.saturating_sub(before.cpu),
        ..*after
    };
    before.iter().zip(after).map(spent).collect()
}

impl Tally {
    fn report(self, seconds: f64, watched: Vec<Usage>, generator: Usage, tokens: usize) -> Report {
        let Self {
            requests,
            failures,
            bytes,
            histogram,
        } = self;
        Report {
            requests,
            seconds,
            failures,
            bytes,
            latency: Histogram::summary(&histogram),
            watched,
            generator,
            tokens,
        }
    }
}

#[cfg(test)]
mod tests;
