//! Three times the load the system can carry (GW-27, N-21).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use super::Row;
use super::stage::Stage;
use super::table::say;
use crate::deployment::Session;
use crate::processes::Usage;

/// How many callers ask as fast as they are answered, to find out what the system can carry.
const CALLERS: usize = 64;

/// How long each part takes.
const PART: Duration = Duration::from_secs(12);

/// One answer, or none.
#[derive(Debug, Clone, Copy)]
struct Answer {
    status: u16,
    took: Duration,
    is_delayed: bool,
}

/// Asks over kept connections, as many as are needed.
#[derive(Debug, Clone)]
struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: String,
    bearer: String,
}

impl Caller {
    fn new(edge: SocketAddr, session: &Session) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            uri: format!("http://{edge}/api/v1/feed?limit=20"),
            bearer: format!("Bearer {}", session.access),
        }
    }

    async fn ask(&self) -> Answer {
        let began = Instant::now();
        let (status, is_delayed) = self.status().await.unwrap_or((0, false));
        Answer {
            status,
            took: began.elapsed(),
            is_delayed,
        }
    }

    async fn status(&self) -> Result<(u16, bool)> {
        let request = Request::get(&self.uri)
            .header("authorization", &self.bearer)
            .body(Full::default())?;
        let reply = self.client.request(request).await?;
        let (status, is_delayed) = (
            reply.status().as_u16(),
            reply.headers().contains_key("retry-after"),
        );
        reply.into_body().collect().await?;
        Ok((status, is_delayed))
    }
}

/// Answers of a part, and the memory its processes had at its end.
struct Part {
    answers: Vec<Answer>,
    memory: u64,
}

impl Part {
    fn good(&self) -> f64 {
        let good = self.answers.iter().filter(|it| it.status == 200).count();
        good as f64 / PART.as_secs_f64()
    }
}

/// Everybody asks again when answered.
async fn closed(stage: &Stage, caller: &Caller) -> Result<Part> {
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..CALLERS {
        let (caller, over) = (caller.clone(), Arc::clone(&over));
        tasks.spawn(async move {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) {
                answers.push(caller.ask().await);
            }
            answers
        });
    }
    tokio::time::sleep(PART).await;
    let memory = memory(stage)?;
    over.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    while let Some(done) = tasks.join_next().await {
        answers.extend(done?);
    }
    Ok(Part { answers, memory })
}

/// So many a second, whatever comes back.
async fn open(stage: &Stage, caller: &Caller, rate: f64) -> Result<Part> {
    let began = Instant::now();
    let (mut tasks, mut sent, mut answers) = (JoinSet::new(), 0_u32, Vec::new());
    while began.elapsed() < PART {
        while f64::from(sent) < began.elapsed().as_secs_f64() * rate {
            let caller = caller.clone();
            tasks.spawn(async move { caller.ask().await });
            sent += 1;
        }
        while let Some(done) = tasks.try_join_next() {
            answers.push(done?);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let memory = memory(stage)?;
    let late = tasks.len();
    while let Some(done) = tasks.join_next().await {
        let answer = done?;
        // What comes after the end is no goodput of this part.
        if answer.status != 200 {
            answers.push(answer);
        }
    }
    say(&format!("  {sent} sent, {late} answered after the end"));
    Ok(Part { answers, memory })
}

fn memory(stage: &Stage) -> Result<u64> {
    let mut sum = 0;
    for process in &stage.cluster.processes {
        sum += Usage::of(process.id()?)?.rss;
    }
    Ok(sum)
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let stage = Stage::built("").await?;
    let session = stage
        .cluster
        .entry
        .sign_in(0, "overload@example.com")
        .await?;
    let caller = Caller::new(stage.cluster.entry.edges[0].address(), &session);
    for _ in 0..50 {
        let ask = crate::deployment::post("something to read").token(&session.access);
        stage.cluster.entry.edges[0].send(&ask).await?.with(201)?;
    }
    let _warm = closed(&stage, &caller).await?;
    let peak = closed(&stage, &caller).await?;
    let over = open(&stage, &caller, peak.good() * 3.0).await?;
    stage.stop().await?;
    rows(&peak, &over)
}

fn rows(peak: &Part, over: &Part) -> Result<Vec<Row>> {
    ensure!(peak.good() > 0.0, "nothing was answered");
    let refused: Vec<&Answer> = over.answers.iter().filter(|it| it.status == 503).collect();
    let strange: Vec<String> = over
        .answers
        .iter()
        .filter(|it| !matches!(it.status, 200 | 503))
        .map(|it| format!("{} after {:?}", it.status, it.took))
        .collect();
    let mut times: Vec<Duration> = refused.iter().map(|it| it.took).collect();
    times.sort();
    let undelayed: Vec<String> = refused
        .iter()
        .filter(|it| !it.is_delayed)
        .map(|it| format!("after {:?}", it.took))
        .collect();
    let part = over.good() / peak.good() * 100.0;
    let growth = over.memory as f64 / peak.memory as f64;
    let middle = *times.get(times.len() / 2).context("nothing was refused")?;
    Ok(vec![
        Row::new(
            format!(
                "overload: goodput at 3 x, of a peak of {:.0} a second",
                peak.good()
            ),
            format!("{part:.0} %"),
            ">= 80 %",
            part >= 80.0,
        ),
        Row::at_most(
            format!("overload: median of {} refusals", times.len()),
            middle,
            Duration::from_millis(50),
        ),
        Row::none("overload: refusals without Retry-After", &undelayed),
        Row::none("overload: answers that are neither 200 nor 503", &strange),
        Row::new(
            "overload: memory of all processes, against saturation",
            format!("{growth:.2} x"),
            "<= 1.5 x",
            growth <= 1.5,
        ),
    ])
}
