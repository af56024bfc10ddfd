//! A server stream behind a route: the service's items as they come, in the form the client asked for (ST-1..ST-5). Nothing
//! here knows any route (TR-11).

mod asked;
mod form;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use contracts::RpcRule;
use fault::{Fault, Violation};
use futures_util::stream::Peekable;
use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use hyper::body::Incoming;
use identity::Context;
use mesh::Messages;
use tokio::time::{Instant, timeout};
use transcode::{Decoded, Item, Match};

use self::asked::{Asked, Window};
use self::form::Form;
use crate::auth::Session;
use crate::forward::count_failure;
use crate::negotiate;
use crate::pipeline::{Door, Exchange};
use crate::respond::{Refusal, Reply, ReplyBody};

/// How long the head of a reply waits for the first item, whose failure would be the whole reply's (ST-2). A stream that is
/// silent for longer begins, so that its reader knows it is open.
const FIRST_ITEM: Duration = Duration::from_millis(500);

/// How much later than the token's the stream's own end is, and the service's deadline than that: the first of them to come
/// says why.
pub(crate) const SLACK: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl Door {
    /// Opens a stream at its service and makes the reply that its items are sent in.
    pub(crate) async fn forward_stream(
        &self,
        parts: &Parts,
        body: &mut Option<Incoming>,
        exchange: &mut Exchange,
        found: &Match<'_>,
        rule: &'static RpcRule,
        session: Option<&Session>,
    ) -> Result<Reply, Refusal> {
        let form = Form::accepted(&parts.headers)?;
        let (window, decoded) = self.asked(form, parts, body, found, rule).await?;
        let life = life(session);
        let caller = session.map(Session::caller);
        let ctx = self.context(parts, exchange, caller, life + SLACK);
        let patience = negotiate::patience(&parts.headers)?;
        let messages = self
            .open(&ctx, rule, decoded.message.into(), patience)
            .await?;
        let printer = self.routes.transcoder.items(found.route, decoded.fields);
        let items = messages.map(move |message| {
            printer.print(&message?).map_err(|error| {
                count_failure("INTERNAL_ERROR");
                Fault::internal(error)
            })
        });
        let most = window.map_or(usize::MAX, |window| window.items);
        let mut items = items.take(most).peekable();
        if parts.method != Method::HEAD {
            begun(&mut items).await?;
        }
        let until = Instant::now() + window.map_or(life, |window| window.wait.min(life));
        let body = self.pump(exchange, session, until, items, form);
        Ok(reply(form, body))
    }

    /// Tells the door's part of a request from the service's; what is wrong with either is said together (CV-3).
    async fn asked(
        &self,
        form: Form,
        parts: &Parts,
        body: &mut Option<Incoming>,
        found: &Match<'_>,
        rule: &'static RpcRule,
    ) -> Result<(Option<Window>, Decoded), Refusal> {
        let last = match form {
            Form::Events => last_event_id(&parts.headers)?,
            Form::Lines | Form::Array => None,
        };
        let asked = Asked::read(form, parts.uri.query().unwrap_or_default(), last);
        let body = self
            .body_of(parts, body, found.route, rule.body_limit)
            .await?;
        let mut wrong = asked.wrong;
        match self.decode(found, Some(&asked.query), &body) {
            Ok(decoded) if wrong.is_empty() => return Ok((asked.window, decoded)),
            Ok(_) => {}
            Err(more) => wrong.extend(more),
        }
        Err(Fault::violations(wrong).into())
    }

    /// Opens a stream at its service. The context's deadline is that of the stream; that it begins may take no longer than
    /// the route allows (SC-3).
    pub(crate) async fn open(
        &self,
        ctx: &Context,
        rule: &'static RpcRule,
        message: Bytes,
        patience: Option<Duration>,
    ) -> Result<Messages, Fault> {
        let patience = patience.map_or(rule.deadline, |asked| asked.min(rule.deadline));
        let opening = self
            .peers
            .forward_streaming(rule.domain(), ctx, rule.path, message);
        timeout(patience, opening)
            .await
            .map_err(|_late| Fault::timeout())?
    }
}

/// Waits a little for the first item, and fails as it does.
async fn begun<S>(items: &mut Peekable<S>) -> Result<(), Fault>
where
    S: Stream<Item = Result<Item, Fault>> + Unpin,
{
    let first = timeout(FIRST_ITEM, Pin::new(&mut *items).peek()).await;
    if matches!(first, Ok(Some(Err(_))))
        && let Some(Err(fault)) = items.next().await
    {
        return Err(fault);
    }
    Ok(())
}

/// How long a stream lives if nothing else ends it: a user's as long as the token, nobody's as long as an internal one (SC-3).
pub(crate) fn life(session: Option<&Session>) -> Duration {
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

fn reply(form: Form, body: ReplyBody) -> Reply {
    const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, form.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // nginx would keep items back until its buffer is full.
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    reply
}
