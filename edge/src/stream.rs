//! A server stream behind a route: the service's items as they come, in the form the client asked for (ST-1..ST-5). Nothing
//! here knows any route (TR-11).

mod asked;
mod body;
mod form;
mod pump;

use std::pin::Pin;
use std::time::Duration;

use contracts::RpcRule;
use fault::{Fault, Violation};
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::Instrument;
use transcode::{Decoded, Match};

use self::asked::Asked;
use self::body::Pumped;
use self::form::Form;
use self::pump::Pump;
use crate::auth::Session;
use crate::negotiate;
use crate::pipeline::{Door, Exchange};
use crate::respond::{Refusal, Reply, ReplyBody};

/// How long the head of a reply waits for the first item, whose failure would be the whole reply's (ST-2). A stream that is
/// silent for longer begins, so that its reader knows it is open.
const FIRST_ITEM: Duration = Duration::from_millis(500);

/// How much later than the token's the stream's own end is, and the service's deadline than that: the first of them to come
/// says why.
const SLACK: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl Door {
    /// Opens a stream at its service and makes the reply that its items are sent in.
    pub(crate) async fn forward_stream(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        exchange: &Exchange,
        found: &Match<'_>,
        rule: &'static RpcRule,
        session: Option<&Session>,
    ) -> Result<Reply, Refusal> {
        let form = Form::accepted(&parts.headers)?;
        // The request's deadline is that of the opening; the stream has its own (SC-3).
        let patience = negotiate::patience(&parts.headers)?;
        let patience = patience.map_or(rule.deadline, |asked| asked.min(rule.deadline));
        let last = (form == Form::Events).then(|| last_event_id(&parts.headers));
        let query = parts.uri.query().unwrap_or_default();
        let Asked {
            window,
            query,
            mut wrong,
        } = Asked::read(form, query, last.transpose()?.flatten());
        let body = self
            .body_of(parts, body, found.route, rule.body_limit)
            .await?;
        let Decoded {
            message, fields, ..
        } = match self.decode(found, Some(&query), &body) {
            Ok(decoded) if wrong.is_empty() => decoded,
            Ok(_) => return Err(Fault::violations(wrong).into()),
            Err(more) => {
                wrong.extend(more);
                return Err(Fault::violations(wrong).into());
            }
        };
        let life = life(session);
        let caller = session.map(Session::caller);
        let ctx = self.context(parts, exchange, caller, life + SLACK);
        let opening = self
            .peers
            .forward_streaming(rule.domain(), &ctx, rule.path, message.into());
        let messages = timeout(patience, opening)
            .await
            .map_err(|_late| Fault::timeout())??;
        let printer = self.routes.transcoder.items(found.route, fields);
        let items = messages.map(move |message| printer.print(&message?).map_err(Fault::internal));
        let mut items = items.peekable();
        if parts.method != Method::HEAD {
            let first = timeout(FIRST_ITEM, Pin::new(&mut items).peek()).await;
            if matches!(first, Ok(Some(Err(_))))
                && let Some(Err(fault)) = items.next().await
            {
                return Err(fault.into());
            }
        }
        let pump = Pump {
            form,
            most: window.map_or(usize::MAX, |window| window.items),
            until: Instant::now() + window.map_or(life, |window| window.wait.min(life)),
            heartbeat: self.config.limits.stream_heartbeat(),
            patience: self.config.limits.idle_body(),
            in_flight: exchange.in_flight.clone(),
            request_id: exchange.request_id.clone(),
            route: exchange.record.route.to_string(),
        };
        let (out, chunks) = mpsc::channel(1);
        let mut running = JoinSet::new();
        let ending = self.ending(session.cloned(), &exchange.request_id);
        running.spawn(pump.run(items, ending, out).in_current_span());
        Ok(reply(form, Pumped::new(chunks, running)))
    }
}

/// How long a stream lives if nothing else ends it: a user's as long as the token, nobody's as long as an internal one (SC-3).
fn life(session: Option<&Session>) -> Duration {
    match session {
        Some(session) => (session.left() + SLACK).min(mesh::USER_STREAM_DEADLINE - SLACK),
        None => mesh::STREAM_DEADLINE - SLACK,
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let value = values
        .next()
        .map(|value| std::str::from_utf8(value.as_bytes()));
    match (value, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(id)), None) => Ok(Some(id).filter(|id| !id.is_empty())),
        _ => Err(Fault::violations(vec![Violation {
            field: "Last-Event-ID".to_owned(),
            message: "must be one text in UTF-8".to_owned(),
        }])),
    }
}

fn reply(form: Form, body: Pumped) -> Reply {
    const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    let mut reply = Response::new(ReplyBody::stream(body));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, form.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // nginx would keep items back until its buffer is full.
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    reply
}
