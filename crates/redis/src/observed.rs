//! Commands as exported spans of the request they are part of (OB-4).

use std::future::Future;
use std::time::Instant;

use fault::Result;
use fred::error::Error;
use futures_util::FutureExt;
use telemetry::span;

use crate::error::fault;

/// Runs a command. Its name is said of it, never its keys and values.
///
/// It is boxed: the client's futures are 7 KB large, and every future that may ask Redis would be.
pub(crate) fn observed<T>(
    name: &'static str,
    command: impl Future<Output = std::result::Result<T, Error>>,
) -> impl Future<Output = Result<T>> {
    let began = span::is_recording().then(Instant::now);
    Box::pin(command).map(move |outcome| {
        if let Some(began) = began {
            span::finished("redis", began.elapsed(), |span| {
                span.name(name);
                span.set("db.system", "redis");
                span.set("db.operation", name);
                if outcome.is_err() {
                    span.fail();
                }
            });
        }
        outcome.map_err(fault)
    })
}
