//! Background work: with a name, an owner and an end.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use telemetry::{
    Span, TraceContext,
    span::{self, Kind},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// The delay before the first restart; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest delay before a restart.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// A task that ran this long counts as healthy: its next restart is quick again.
const HEALTHY: Duration = Duration::from_secs(60);

/// The wish to stop, seen by everything that runs. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Returns a wish nobody has uttered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything to stop. Asking twice is the same.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether stopping was asked for.
    pub fn is_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until stopping is asked for.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// Waits for a time; `false` when stopping was asked for before it was over.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.begun()).await.is_err()
    }

    /// Runs work that can be dropped at any point; `None` when stopping came first.
    pub async fn run<F: Future>(&self, work: F) -> Option<F::Output> {
        self.0.run_until_cancelled(work).await
    }
}

/// How a piece of background work ends: in nothing, or in a result.
pub trait Outcome {
    /// Returns the error, if it is one.
    fn error(self) -> Option<anyhow::Error>;
}

impl Outcome for () {
    fn error(self) -> Option<anyhow::Error> {
        None
    }
}

impl<E: Into<anyhow::Error>> Outcome for Result<(), E> {
    fn error(self) -> Option<anyhow::Error> {
        self.err().map(Into::into)
    }
}

type Start = Box<dyn FnMut(Shutdown) -> BoxFuture<'static, Option<anyhow::Error>> + Send>;
type Job = Box<dyn FnMut() -> BoxFuture<'static, Option<anyhow::Error>> + Send>;

enum Work {
    Run(Start),
    Every(Duration, Job),
}

/// A named piece of background work. It starts only through [`Tasks`].
pub struct Task {
    name: String,
    work: Work,
}

impl Task {
    /// Returns a task that runs until it ends or is asked to stop. Ending well is final;
    /// an error or a panic starts it anew after a delay that grows from 250 ms to 30 s.
    pub fn new<R, F>(name: impl Into<String>, mut run: R) -> Self
    where
        R: FnMut(Shutdown) -> F + Send + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let start: Start = Box::new(move |stop| run(stop).map(Outcome::error).boxed());
        Self {
            name: name.into(),
            work: Work::Run(start),
        }
    }

    /// Returns a task that does a job at once and then again `period` after it last
    /// began, never twice at a time. A job that fails or panics is logged and tried again
    /// after a delay that doubles, at its next time at the latest; one that runs when
    /// stopping is asked for is dropped at its next await. Each run is an observation of
    /// `sf_job_seconds`.
    pub fn every<R, F>(name: impl Into<String>, period: Duration, mut job: R) -> Self
    where
        R: FnMut() -> F + Send + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let job: Job = Box::new(move || job().map(Outcome::error).boxed());
        Self {
            name: name.into(),
            work: Work::Every(period, job),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    async fn supervise(self, stop: Shutdown) {
        match self.work {
            Work::Run(start) => keep_running(&self.name, start, &stop).await,
            Work::Every(period, job) => keep_doing(&self.name, period, job, &stop).await,
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

async fn keep_running(name: &str, mut start: Start, stop: &Shutdown) {
    let mut delay = FIRST_DELAY;
    loop {
        let began = Instant::now();
        let failure = attempt(|| start(stop.clone())).await;
        let Some(failure) = failure else { return };
        if stop.is_begun() {
            tracing::warn!(task = name, cause = %failure, "task failed while stopping");
            return;
        }
        if began.elapsed() >= HEALTHY {
            delay = FIRST_DELAY;
        }
        tracing::error!(task = name, cause = %failure, delay = delay.as_secs_f64(), "task failed, will restart");
        metrics::counter!("sf_task_restarts_total", "task" => name.to_owned()).increment(1);
        if !stop.sleep(delay).await {
            return;
        }
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

async fn keep_doing(name: &str, period: Duration, mut job: Job, stop: &Shutdown) {
    let mut delay = FIRST_DELAY;
    let mut times = tokio::time::interval(period.max(Duration::from_millis(1)));
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run(times.tick()).await.is_some() {
        let began = Instant::now();
        let trace = TraceContext::fresh();
        let mut span = Span::begin(&trace, Kind::Internal, name);
        span.record(|span| span.name(name.to_owned()));
        let run = span::within(&trace, attempt(&mut job));
        let Some(failure) = stop.run(run).await else {
            return;
        };
        if failure.is_some() {
            span.record(|span| span.fail());
        }
        let outcome = if failure.is_some() { "failed" } else { "ok" };
        metrics::histogram!("sf_job_seconds", "job" => name.to_owned(), "outcome" => outcome)
            .record(began.elapsed().as_secs_f64());
        if let Some(failure) = failure {
            tracing::error!(task = name, cause = %failure, "job failed, will run again");
            // What failed only because a peer was not there yet does not wait for the next time.
            if delay < period {
                times.reset_after(delay);
            }
            delay = (delay * 2).min(LONGEST_DELAY);
        } else {
            delay = FIRST_DELAY;
            metrics::gauge!("sf_job_last_ok_timestamp_seconds", "job" => name.to_owned())
                .set(identity::clock::unix() as f64);
        }
    }
}

/// Runs once; a panic is a failure like any other. Returns the failure in words.
async fn attempt(
    begin: impl FnOnce() -> BoxFuture<'static, Option<anyhow::Error>>,
) -> Option<String> {
    // Nothing of the work is used after a panic: it starts from its closure again.
    let run = AssertUnwindSafe(async move { begin().await }).catch_unwind();
    match run.await {
        Ok(None) => None,
        Ok(Some(error)) => Some(format!("{error:#}")),
        Err(panic) => Some(panic_text(&*panic)),
    }
}

/// Returns what a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", said.as_deref().unwrap_or("without a text"))
}

/// The owner of running tasks. Dropping it ends them at once.
#[derive(Debug)]
pub struct Tasks {
    stop: Shutdown,
    running: JoinSet<String>,
}

impl Tasks {
    /// Returns an owner without tasks; its tasks are told to stop by `stop`.
    pub fn new(stop: Shutdown) -> Self {
        Self {
            stop,
            running: JoinSet::new(),
        }
    }

    /// Starts a task.
    pub fn spawn(&mut self, task: Task) {
        let (name, stop) = (task.name.clone(), self.stop.clone());
        let span = tracing::info_span!("task", task = name);
        self.running
            .spawn(task.supervise(stop).map(move |()| name).instrument(span));
    }

    /// Returns how many tasks run.
    pub fn running(&mut self) -> usize {
        while self.running.try_join_next().is_some() {}
        self.running.len()
    }

    /// Asks all tasks to stop and waits for them, at most this long (N-22: 30 s); what
    /// still runs then is dropped. Returns how many were dropped.
    pub async fn drain(&mut self, at_most: Duration) -> usize {
        self.stop.begin();
        let all = async { while self.running.join_next().await.is_some() {} };
        let late = if tokio::time::timeout(at_most, all).await.is_ok() {
            0
        } else {
            self.running.len()
        };
        if late > 0 {
            tracing::warn!(late, "tasks did not stop in time");
        }
        self.running.shutdown().await;
        late
    }
}

#[cfg(test)]
mod tests;
