//! The door's own endpoints: probes, docs, captured mail.

use fault::{Fault, Reason};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::inbox::Inbox;
use crate::pipeline::{Door, Exchange};
use crate::respond::{self, Refusal, Reply};
use crate::routes::Own;
use crate::{docs, inbox};

/// Styles of the page itself and nothing else: what a captured mail says must stay text.
const INBOX_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Mails listed when `limit` is not given, and at most.
const MAILS: usize = 200;

impl Door {
    /// Answers a request for one of the door's own endpoints.
    pub(crate) async fn own(
        &self,
        own: Own<'_>,
        parts: &Parts,
        exchange: &Exchange,
    ) -> Result<Reply, Refusal> {
        let id = &exchange.request_id;
        let mut reply = match own {
            Own::Health => respond::success(StatusCode::OK, &self.health.report().await?, id)?,
            Own::Live => respond::success(StatusCode::OK, &json!({ "status": "ok" }), id)?,
            Own::Ready if self.closing.is_begun() || !self.readiness.is_open() => {
                return Err(Fault::new(
                    Reason::ServiceUnavailable,
                    "The server is starting or draining",
                )
                .into());
            }
            Own::Ready => respond::success(StatusCode::OK, &json!({ "status": "ok" }), id)?,
            Own::Docs(name) => return docs::file(name).ok_or_else(nothing_here),
            Own::OpenApi => return Ok(self.openapi.reply()),
            Own::Inbox => {
                let mails = self.inbox()?.newest(None, MAILS);
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                let mut page = respond::raw(StatusCode::OK, html, inbox::page(&mails));
                page.headers_mut()
                    .insert(CONTENT_SECURITY_POLICY, INBOX_POLICY);
                page
            }
            Own::InboxJson => {
                let (to, limit) = mail_query(parts.uri.query().unwrap_or_default())?;
                let mails = self.inbox()?.newest(to.as_deref(), limit);
                respond::success(StatusCode::OK, &mails, id)?
            }
        };
        reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        Ok(reply)
    }

    fn inbox(&self) -> Result<&Inbox, Refusal> {
        self.inbox.as_ref().ok_or_else(nothing_here)
    }
}

fn nothing_here() -> Refusal {
    Fault::new(Reason::NotFound, "There is nothing at this path").into()
}

/// Reads `to` and `limit`; a limit above the maximum counts as the maximum (CV-7).
fn mail_query(query: &str) -> Result<(Option<String>, usize), Fault> {
    let (mut to, mut limit) = (None, MAILS);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', "%20");
        let value = percent_decode_str(&value)
            .decode_utf8()
            .map_err(|_bytes| Fault::invalid(name, "must be UTF-8"))?;
        match name {
            "to" => to = Some(value.into_owned()),
            "limit" => {
                let number = value.parse::<usize>().ok().filter(|number| *number > 0);
                limit = number
                    .ok_or_else(|| Fault::invalid("limit", "must be a positive integer"))?
                    .min(MAILS);
            }
            other if other.starts_with("utm_") || other.starts_with('_') => {}
            other => return Err(Fault::invalid(other, "is not known here; to and limit are")),
        }
    }
    Ok((to, limit))
}
