//! `smilefactory inbox`: the captured mail of a development stack of many processes. All of them send to one address, and
//! the mail is read here whichever of them lives.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use chassis::{Shutdown, Task, Tasks};
use edge::Inbox;
use edge::inbox::page;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::settings::Settings;
use crate::signals::Signals;
use crate::smtp::Sink;
use crate::up::say;

/// Time the tasks get to end.
const DRAIN: Duration = Duration::from_secs(1);

/// Mails shown.
const MAILS: usize = 200;

/// The command.
///
/// # Errors
/// An address is taken or not ours.
pub async fn command(settings: Settings) -> Result<()> {
    telemetry::init(&settings.log)?;
    let mut signals = Signals::listen()?;
    let development = &settings.development;
    let inbox = Inbox::default();
    let sink = Sink::bind_to(development.smtp_address, inbox.clone())
        .await
        .with_context(|| format!("development.smtp_address: {}", development.smtp_address))?;
    let pages = TcpListener::bind(development.inbox_address)
        .await
        .with_context(|| format!("development.inbox_address: {}", development.inbox_address))?;
    say(&format!("the inbox is at http://{}/", pages.local_addr()?));
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.spawn(sink.task());
    let pages = std::sync::Arc::new(pages);
    tasks.spawn(Task::new("development.inbox", move |stop| {
        let (pages, inbox) = (std::sync::Arc::clone(&pages), inbox.clone());
        async move { serve(&pages, &inbox, &stop).await }
    }));
    signals.next().await;
    tasks.drain(DRAIN).await;
    Ok(())
}

async fn serve(pages: &TcpListener, inbox: &Inbox, stop: &Shutdown) -> Result<()> {
    let mut readers = JoinSet::new();
    while let Some(accepted) = stop.run(pages.accept()).await {
        while readers.try_join_next().is_some() {}
        let (stream, _) = accepted?;
        let inbox = inbox.clone();
        let answer = service_fn(move |request| {
            let reply = respond(&request, &inbox);
            async move { Ok::<_, Infallible>(reply) }
        });
        readers.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                tracing::debug!(cause = %error, "a reader of the inbox left early");
            }
        });
    }
    Ok(())
}

/// The page at `/`, the mails as a JSON array at `/mails`.
fn respond<B>(request: &Request<B>, inbox: &Inbox) -> Response<Full<Bytes>> {
    let mails = inbox.newest(None, MAILS);
    let (status, kind, body) = match request.uri().path() {
        "/" => (
            StatusCode::OK,
            "text/html; charset=utf-8",
            page(&mails).into_bytes(),
        ),
        "/mails" => match serde_json::to_vec(&mails) {
            Ok(json) => (StatusCode::OK, "application/json", json),
            Err(error) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                error.to_string().into_bytes(),
            ),
        },
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            b"only / and /mails\n".to_vec(),
        ),
    };
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What a captured mail says must stay text.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_8_the_inbox_shows_mail_as_a_page_and_as_json() {
        let inbox = Inbox::default();
        inbox.push("a@example.org", "Your code", "012345", None);
        let get = |path: &str| respond(&Request::get(path).body(()).unwrap(), &inbox);
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/mails", "application/json"),
        ] {
            let reply = get(path);
            assert_eq!(reply.status(), StatusCode::OK);
            assert_eq!(reply.headers()[CONTENT_TYPE], kind);
        }
        assert_eq!(get("/other").status(), StatusCode::NOT_FOUND);
    }
}
