//! The metrics recorder: one per process, explicit buckets, Prometheus text.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{InitError, process};

/// The upper bounds of every `*_seconds` histogram, in seconds. They hold the figures of
/// numbers.md (0.1, 0.2, 0.5, 1, 2 s) so that those can be read off exactly.
pub const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// The upper bounds of histograms of percentages.
const PERCENT: &[f64] = &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0];

/// How often observations are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(1);

/// Sets gauges that are only right at the moment they are read; returns false when it is to be forgotten.
type Gauge = Box<dyn Fn() -> bool + Send>;

static GAUGES: Mutex<Vec<Gauge>> = Mutex::new(Vec::new());

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

pub(crate) fn install() -> Result<(), InitError> {
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(InitError::because)?
        .set_buckets_for_metric(Matcher::Suffix("_completion".to_owned()), PERCENT)
        .map_err(InitError::because)?
        .build_recorder();
    let handle = recorder.handle();
    // Losing a race against another thread's set-up is as good as winning it.
    if metrics::set_global_recorder(recorder).is_ok() {
        let _first = HANDLE.set(handle);
    }
    Ok(())
}

/// Has `gauge` set its gauges whenever metrics are rendered, until it returns false. It must not block.
pub fn before_render(gauge: impl Fn() -> bool + Send + 'static) {
    let mut gauges = GAUGES.lock().unwrap_or_else(PoisonError::into_inner);
    gauges.push(Box::new(gauge));
}

/// Counts what was recorded every second, also while nobody asks for metrics: until then each observation of a histogram is
/// kept by itself, and memory grows with every request. Never ends.
pub async fn upkeep() {
    loop {
        tokio::time::sleep(UPKEEP).await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// Returns all metrics in the Prometheus text format; empty before set-up.
pub fn render() -> String {
    HANDLE
        .get()
        .map(|handle| {
            process::observe();
            let mut gauges = GAUGES.lock().unwrap_or_else(PoisonError::into_inner);
            gauges.retain(|gauge| gauge());
            drop(gauges);
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ob_2_seconds_are_counted_in_the_stated_buckets() {
        install().unwrap();
        install().unwrap();
        metrics::histogram!("sf_test_seconds", "method" => "Get").record(0.15);
        let text = render();
        for name in [
            "cpu_seconds",
            "resident_memory_bytes",
            "open_files",
            "network_bytes_total",
        ] {
            assert!(
                text.contains(&format!("\nsf_process_{name}")),
                "{name}: {text}"
            );
        }
        assert!(
            text.contains("sf_test_seconds_bucket{method=\"Get\",le=\"0.1\"} 0"),
            "{text}"
        );
        assert!(
            text.contains("sf_test_seconds_bucket{method=\"Get\",le=\"0.2\"} 1"),
            "{text}"
        );
    }
}
