//! gRPC health (grpc.health.v1): the whole process by the empty name, each hosted service by its full one (SC-7).

use std::time::Duration;

use tonic_health::server::{HealthReporter, health_reporter};
use tonic_health::{ServingStatus, pb::health_server::HealthServer};

use crate::{Readiness, Shutdown, Task};

/// Pause between two looks at what the process depends on.
const PAUSE: Duration = Duration::from_secs(1);

/// Returns the service that answers `Check` and `Watch` about these names, and the task that keeps its answers true.
pub(crate) async fn health(
    names: Vec<&'static str>,
    readiness: Readiness,
) -> (
    HealthServer<impl tonic_health::pb::health_server::Health>,
    Task,
) {
    let (reporter, server) = health_reporter();
    tell(&reporter, &names, &readiness).await;
    let task = Task::new("health", move |stop: Shutdown| {
        let (reporter, names, readiness) = (reporter.clone(), names.clone(), readiness.clone());
        async move {
            loop {
                tokio::select! {
                    () = readiness.draining() => break,
                    going_on = stop.sleep(PAUSE) => if !going_on { break },
                }
                tell(&reporter, &names, &readiness).await;
            }
            set(&reporter, &names, ServingStatus::NotServing).await;
        }
    });
    (server, task)
}

async fn tell(reporter: &HealthReporter, names: &[&'static str], readiness: &Readiness) {
    let status = match readiness.check().await {
        Ok(()) => ServingStatus::Serving,
        Err(_) => ServingStatus::NotServing,
    };
    set(reporter, names, status).await;
}

async fn set(reporter: &HealthReporter, names: &[&'static str], status: ServingStatus) {
    for name in std::iter::once("").chain(names.iter().copied()) {
        reporter.set_service_status(name, status).await;
    }
}
