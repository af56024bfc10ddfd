//! Export of sampled traces by OTLP over gRPC (OB-4): a bounded queue, a thread of its own, nobody waits for a collector.

use std::{
    fmt,
    sync::{OnceLock, mpsc as std_mpsc},
    thread,
    time::Duration,
};

use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use crate::InitError;

/// Spans that wait to be sent; more are dropped and counted.
const QUEUE: usize = 4096;
/// Most spans sent at once.
const BATCH: usize = 512;
/// Longest a span waits for others to be sent with.
const GATHER: Duration = Duration::from_secs(1);
/// Longest one sending may take.
const SEND: Duration = Duration::from_secs(5);
/// Longest the end of the process waits for what is left to be sent.
const FLUSH: Duration = Duration::from_secs(3);

/// Which traces are exported, and where to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// The collector: `http://host:port` of OTLP over gRPC. Empty: nothing is exported. Default empty.
    pub endpoint: String,
    /// Which part of the traces that begin here is sampled, from 0 to 1. Default 0.01.
    pub ratio: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            ratio: 0.01,
        }
    }
}

impl Traces {
    /// Checks what can be checked without a collector.
    ///
    /// # Errors
    /// A setting that cannot be used, by name.
    pub fn check(&self) -> Result<(), InitError> {
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(InitError::because(format!(
                "trace.ratio is {}, not from 0 to 1",
                self.ratio
            )));
        }
        let host = self.endpoint.strip_prefix("http://");
        if !self.endpoint.is_empty() && host.is_none_or(|host| host.trim_matches('/').is_empty()) {
            return Err(InitError::because(
                "trace.endpoint is not http://host:port: collectors are reached without TLS, beside the process or inside the network",
            ));
        }
        Ok(())
    }
}

/// What this process exports by.
struct Exporter {
    queue: mpsc::Sender<SpanData>,
    ratio: f64,
}

static EXPORTER: OnceLock<Exporter> = OnceLock::new();

/// Begins to export, if an endpoint is set. A second call changes nothing. `process` names the process in the traces
/// (`service.name`). Dropped, what is returned sends what is left, for 3 s at most.
///
/// # Errors
/// A setting that cannot be used, by name; a thread that cannot be made. A collector that does not answer is no error.
pub fn start(config: &Traces, process: &str) -> Result<Exporting, InitError> {
    config.check()?;
    if config.endpoint.is_empty() || EXPORTER.get().is_some() {
        return Ok(Exporting(None));
    }
    let (endpoint, process) = (config.endpoint.clone(), process.to_owned());
    let (queue, exporting) = worker(move || exporter(&endpoint, &process))?;
    let ratio = config.ratio;
    // Whoever lost a race drops its queue, and its worker ends.
    let _first = EXPORTER.set(Exporter { queue, ratio });
    Ok(exporting)
}

/// The export as its owner holds it.
pub struct Exporting(Option<Ending>);

struct Ending {
    ask: mpsc::Sender<()>,
    done: std_mpsc::Receiver<()>,
}

impl Drop for Exporting {
    fn drop(&mut self) {
        if let Some(Ending { ask, done }) = self.0.take() {
            drop(ask);
            if let Err(std_mpsc::RecvTimeoutError::Timeout) = done.recv_timeout(FLUSH) {
                tracing::warn!("spans that nobody took are left behind");
            }
        }
    }
}

impl fmt::Debug for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exporting").field(&self.0.is_some()).finish()
    }
}

/// Whether anything is exported at all.
pub(crate) fn is_on() -> bool {
    EXPORTER.get().is_some()
}

/// Which part of the traces that begin here is sampled.
pub(crate) fn ratio() -> f64 {
    EXPORTER.get().map_or(0.0, |exporter| exporter.ratio)
}

/// Hands a span over; a full queue drops it.
pub(crate) fn submit(span: SpanData) {
    if let Some(exporter) = EXPORTER.get() {
        enqueue(&exporter.queue, span);
    }
}

fn enqueue(queue: &mpsc::Sender<SpanData>, span: SpanData) {
    if queue.try_send(span).is_err() {
        count("dropped", 1);
    }
}

fn count(outcome: &'static str, spans: usize) {
    metrics::counter!("sf_trace_spans_total", "outcome" => outcome).increment(spans as u64);
}

fn exporter(endpoint: &str, process: &str) -> Result<Otlp, InitError> {
    let builder = Otlp::builder().with_tonic();
    let builder = builder.with_endpoint(endpoint).with_timeout(SEND);
    let mut exporter = builder.build().map_err(InitError::because)?;
    let resource = Resource::builder_empty().with_service_name(process.to_owned());
    exporter.set_resource(&resource.build());
    Ok(exporter)
}

/// Starts the thread that sends: with a runtime of its own, so that it neither waits for requests nor they for it.
fn worker<E: SpanExporter + 'static>(
    make: impl FnOnce() -> Result<E, InitError> + Send + 'static,
) -> Result<(mpsc::Sender<SpanData>, Exporting), InitError> {
    let (queue, spans) = mpsc::channel(QUEUE);
    let (ask, asked) = mpsc::channel(1);
    let (tell, done) = std_mpsc::channel();
    let (ready, made) = std_mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(InitError::because)?;
    let work = move || {
        let exporter = {
            let _runtime = runtime.enter();
            make()
        };
        let exporter = match exporter {
            Ok(exporter) => exporter,
            Err(error) => {
                let _nobody_waits = ready.send(Err(error));
                return;
            }
        };
        let _nobody_waits = ready.send(Ok(()));
        runtime.block_on(send(&exporter, spans, asked));
        let _nobody_waits = tell.send(());
    };
    thread::Builder::new()
        .name("traces".to_owned())
        .spawn(work)
        .map_err(InitError::because)?;
    made.recv().map_err(InitError::because)??;
    Ok((queue, Exporting(Some(Ending { ask, done }))))
}

/// Sends batches until nobody hands in spans any more or the end is asked for; then what is left.
async fn send<E: SpanExporter>(
    exporter: &E,
    mut spans: mpsc::Receiver<SpanData>,
    mut asked: mpsc::Receiver<()>,
) {
    let mut heard = true;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let open = tokio::select! {
            _ = asked.recv() => false,
            open = gather(&mut spans, &mut batch) => open,
        };
        deliver(exporter, batch, &mut heard).await;
        if !open {
            break;
        }
    }
    spans.close();
    let mut left = Vec::new();
    while spans.recv_many(&mut left, BATCH).await > 0 {
        deliver(exporter, std::mem::take(&mut left), &mut heard).await;
        if !heard {
            // The process ends; a collector that does not answer is not asked again.
            break;
        }
    }
}

/// Fills the batch for as long as spans may wait; returns false when no more will come.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match timeout_at(until, spans.recv_many(batch, room)).await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    true
}

async fn deliver<E: SpanExporter>(exporter: &E, batch: Vec<SpanData>, heard: &mut bool) {
    if batch.is_empty() {
        return;
    }
    let spans = batch.len();
    let sent = timeout(SEND, exporter.export(batch)).await;
    let failure = match sent {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer within 5 s".to_owned()),
    };
    count(
        if failure.is_none() {
            "exported"
        } else {
            "failed"
        },
        spans,
    );
    // Said once, not with every batch.
    let before = std::mem::replace(heard, failure.is_none());
    match failure {
        Some(cause) if before => tracing::warn!(cause, "the trace collector does not take spans"),
        None if !before => tracing::info!("the trace collector takes spans again"),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
