//! The admin listener: `/livez`, `/readyz` (also as `/health`), `/metrics` and `/log/filter` for operators and probes.

mod log_filter;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{Readiness, Shutdown, Task};

/// Most connections at a time; probes and one scraper need few.
const CONNECTIONS: usize = 64;

/// Returns the task that serves the admin listener until stopping is asked for, and sees to metrics and log filter meanwhile.
pub fn task(listener: TcpListener, readiness: Readiness) -> Task {
    let listener = std::sync::Arc::new(listener);
    Task::new("admin", move |stop: Shutdown| {
        let (listener, readiness) = (std::sync::Arc::clone(&listener), readiness.clone());
        async move {
            tokio::select! {
                () = serve(&listener, &readiness, &stop) => {}
                () = telemetry::levels::revert() => {}
                () = telemetry::upkeep() => {}
            }
        }
    })
}

/// Binds the admin listener.
///
/// # Errors
/// The address is taken or not ours.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    use anyhow::Context as _;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("the admin listener cannot use {address}"))
}

async fn serve(listener: &TcpListener, readiness: &Readiness, stop: &Shutdown) {
    let mut connections = JoinSet::new();
    while let Some(accepted) = stop.run(listener.accept()).await {
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: give the process time to close some.
                tracing::warn!(cause = %error, "admin accept failed");
                stop.sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if connections.len() >= CONNECTIONS {
            continue;
        }
        let readiness = readiness.clone();
        let answer = service_fn(move |request| {
            let readiness = readiness.clone();
            async move { Ok::<_, Infallible>(respond(request, &readiness).await) }
        });
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                tracing::debug!(cause = %error, "admin connection ended");
            }
        });
    }
}

async fn respond(request: Request<Incoming>, readiness: &Readiness) -> Response<Full<Bytes>> {
    if request.uri().path() == log_filter::PATH {
        let (status, said) = log_filter::respond(request).await;
        return text(status, said);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" | "/health" => match readiness.check().await {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(missing) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {}\n", missing.join(", ")),
            ),
        },
        "/metrics" => text(StatusCode::OK, telemetry::render()),
        _ => text(
            StatusCode::NOT_FOUND,
            "only /livez, /readyz, /health, /metrics, /log/filter\n".to_owned(),
        ),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply
}

#[cfg(test)]
mod tests;
