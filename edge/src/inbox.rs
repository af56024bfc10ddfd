//! The captured mails of a development stack, and the page that shows them (`/dev/inbox`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use uuid::Uuid;

use crate::respond;

/// Mails kept; older ones are forgotten (K-8).
const KEPT: usize = 200;

/// A captured mail.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// A `UUIDv7`, in order of arrival.
    pub id: Uuid,
    /// The envelope's recipient.
    pub to: String,
    /// The decoded subject line.
    pub subject: String,
    /// The plain text part; empty when the mail has none.
    pub text: String,
    /// The HTML part, if the mail has one.
    pub html: Option<String>,
    /// When the sink took it, RFC 3339 in UTC with milliseconds.
    pub received_at: String,
}

/// The last 200 captured mails; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    mails: Arc<Mutex<VecDeque<Mail>>>,
}

impl Inbox {
    /// Keeps a mail to `to` and returns its id; the oldest one goes when 200 are kept.
    pub fn push(
        &self,
        to: impl Into<String>,
        subject: impl Into<String>,
        text: impl Into<String>,
        html: Option<String>,
    ) -> Uuid {
        let id = Uuid::now_v7();
        let received_at = respond::timestamp(identity::clock::now());
        let mail = Mail {
            id,
            to: to.into(),
            subject: subject.into(),
            text: text.into(),
            html,
            received_at,
        };
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.truncate(KEPT - 1);
        mails.push_front(mail);
        id
    }

    /// Returns at most `limit` mails, newest first, only those to `to` (in any case) when given.
    #[must_use]
    pub fn newest(&self, to: Option<&str>, limit: usize) -> Vec<Mail> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |mail: &&Mail| to.is_none_or(|address| mail.to.eq_ignore_ascii_case(address));
        mails.iter().filter(wanted).take(limit).cloned().collect()
    }
}

/// Renders the page: mails newest first, reloading itself, loading nothing from anywhere. Only the plain text is shown,
/// escaped: a captured mail must not be able to act on the page that shows it.
#[must_use]
pub fn page(mails: &[Mail]) -> String {
    let mut html = String::from(HEAD);
    if mails.is_empty() {
        html.push_str("<p class=empty>No mail yet. Ask for a code with <code>POST /api/v1/auth/send-otp</code>.</p>");
    }
    mails
        .iter()
        .map(article)
        .for_each(|article| html.push_str(&article));
    html.push_str("</main></body></html>\n");
    html
}

fn article(mail: &Mail) -> String {
    let html = mail.html.as_deref().unwrap_or_default();
    let text = if mail.text.is_empty() {
        html
    } else {
        &mail.text
    };
    format!(
        "<article><h2>{}</h2><p class=meta>to <b>{}</b> · <time>{}</time></p><pre>{}</pre></article>",
        escaped(&mail.subject),
        escaped(&mail.to),
        escaped(&mail.received_at),
        escaped(text),
    )
}

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<meta http-equiv=refresh content=3><title>Captured mail</title><style>\
body{margin:0;background:#f6f7f9;color:#1c2430;font:16px/1.5 system-ui,sans-serif}\
main{max-width:44rem;margin:0 auto;padding:1.5rem 1rem}h1{font-size:1.25rem;margin:0 0 1rem}\
article{background:#fff;border:1px solid #dfe3e8;border-radius:.5rem;padding:1rem;margin:0 0 1rem}\
h2{font-size:1rem;margin:0}.meta,.empty{color:#5b6573;font-size:.875rem;margin:.25rem 0 .75rem}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:14px/1.5 ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{background:#12161c;color:#e4e8ee}article{background:#1a2029;border-color:#2c3440}\
.meta,.empty{color:#9aa5b4}}</style></head><body><main><h1>Captured mail</h1>";

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_8_the_last_200_mails_are_kept_newest_first() {
        let inbox = Inbox::default();
        for n in 0..250 {
            inbox.push(
                format!("a{n}@example.org"),
                format!("mail {n}"),
                "text",
                None,
            );
        }
        let mails = inbox.newest(None, 1000);
        assert_eq!(mails.len(), 200);
        assert_eq!(
            (mails[0].subject.as_str(), mails[199].subject.as_str()),
            ("mail 249", "mail 50")
        );
        assert_eq!(inbox.newest(Some("A249@EXAMPLE.org"), 10).len(), 1);
        assert_eq!(inbox.newest(None, 3).len(), 3);
    }

    #[test]
    fn the_page_escapes_what_mails_contain() {
        let inbox = Inbox::default();
        inbox.push(
            "\"><script>a()</script>@x",
            "<img src=x onerror=b()>",
            "</pre><script>c()</script>",
            Some("<b>".into()),
        );
        let page = page(&inbox.newest(None, 10));
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("http:"));
        assert!(page.contains("&lt;/pre&gt;&lt;script&gt;c()"));
    }
}
