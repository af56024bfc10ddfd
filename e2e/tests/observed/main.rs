//! What the system says of itself: traces, metrics, log lines (OB-1..OB-5, T34).
//!
//! One process has one exporter and one log, so everything here shares them: each test looks for what is its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

mod alerts;
mod document;
mod log;
mod metrics;
mod secrets;
mod traces;

use std::sync::LazyLock;

use e2e::World;
use e2e::collector::Collector;
use log::Log;

/// Where everything goes.
struct Ears {
    collector: Collector,
    log: Log,
}

static EARS: LazyLock<Ears> = LazyLock::new(|| {
    let collector = Collector::start();
    let log = Log::default();
    let config = telemetry::Config {
        filter: "debug".to_owned(),
        ..telemetry::Config::default()
    };
    telemetry::init_into(&config, log.clone()).expect("logs");
    let traces = telemetry::Traces {
        endpoint: collector.endpoint.clone(),
        ratio: 0.0,
    };
    let exporting = telemetry::export(&traces, "observed").expect("an exporter");
    // For as long as the process lives.
    std::mem::forget(exporting);
    Ears { collector, log }
});

/// Starts a system that is listened to.
async fn world() -> (&'static Ears, World) {
    let ears = &*EARS;
    let wide = |settings: &mut smilefactory::settings::Settings| {
        settings.edge.limits.forced_traces = 1000;
    };
    (ears, World::start_with(wide).await)
}
