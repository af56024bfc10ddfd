//! What is logged, shown and changed while the process runs (OB-1).

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use telemetry::levels;
use tokio::time::{Instant, timeout};

/// Where it is shown (GET) and changed (PUT).
pub(super) const PATH: &str = "/log/filter";

/// Most bytes of a filter.
const LONGEST: usize = 1024;
/// Longest the bytes may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest time a filter can be set for: a day.
const LONGEST_TIME: u64 = 86_400;

/// Answers GET with the filter in force, and PUT by taking its body as the filter: for good, or for `?seconds=` seconds.
pub(super) async fn respond(request: Request<Incoming>) -> (StatusCode, String) {
    match *request.method() {
        Method::GET | Method::HEAD => shown(),
        Method::PUT => {
            let said = match changed(request).await {
                Ok(()) => return shown(),
                Err(said) => said,
            };
            (StatusCode::BAD_REQUEST, format!("{said}\n"))
        }
        _ => (
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and PUT\n".to_owned(),
        ),
    }
}

fn shown() -> (StatusCode, String) {
    let Some(filter) = levels::filter() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "logs are not set up\n".to_owned(),
        );
    };
    let mut said = format!("{}\n", filter.directives);
    if let Some(until) = filter.until {
        let left = until.saturating_duration_since(Instant::now());
        said.push_str(&format!("for {} s more\n", left.as_secs()));
    }
    (StatusCode::OK, said)
}

async fn changed(request: Request<Incoming>) -> Result<(), String> {
    let time = request.uri().query().map(seconds).transpose()?;
    let body = Limited::new(request.into_body(), LONGEST).collect();
    let body = timeout(PATIENCE, body).await;
    let body = body.map_err(|_| "the filter did not come within 5 s".to_owned())?;
    let body = body.map_err(|_| format!("the filter is longer than {LONGEST} bytes"))?;
    let filter = String::from_utf8(body.to_bytes().into());
    let filter = filter.map_err(|_| "the filter is not UTF-8".to_owned())?;
    levels::set_filter(filter.trim(), time).map_err(|error| error.to_string())?;
    let seconds = time.map(|time| time.as_secs());
    tracing::warn!(
        filter = filter.trim(),
        seconds,
        "the log filter was changed"
    );
    Ok(())
}

fn seconds(query: &str) -> Result<Duration, String> {
    let given = query.strip_prefix("seconds=").and_then(|n| n.parse().ok());
    given
        .filter(|seconds| (1..=LONGEST_TIME).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("the query is only seconds=<1 to {LONGEST_TIME}>"))
}
