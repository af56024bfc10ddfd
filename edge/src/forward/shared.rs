//! Reads that are the same for all who ask: computed and printed once, sent to each under its own time and request id.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fault::Fault;
use http::HeaderValue;
use http::header::WARNING;
use transcode::{ReplyMeta, Selection};

use super::Asked;
use crate::cache::{Kept, Question};
use crate::pipeline::Door;
use crate::respond::{self, Reply, ReplyBody};

/// Says that a reply is older than it may be (RFC 7234, section 5.5.1; GW-13).
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

impl Door {
    /// Answers by what is kept, or was computed for another who asked at the same time, or is computed now.
    pub(super) async fn share(
        &self,
        asked: Asked<'_>,
        message: Vec<u8>,
        fields: Option<Selection>,
        allowed: Duration,
    ) -> Result<Reply, Fault> {
        let message = Bytes::from(message);
        let question = Question::new(asked.found, &message, fields);
        if let Some(kept) = self.cache.kept(asked.rule, &question).await {
            return Ok(again(asked, &kept, false));
        }
        // Boxed, since the cache's futures are large.
        let computed = Box::pin(self.compute(asked, message, &question));
        let computed = tokio::time::timeout(allowed, computed).await;
        let (kept, stale) = computed.unwrap_or_else(|_late| Err(Fault::timeout()))?;
        Ok(again(asked, &kept, stale))
    }

    /// Has the reply made for all who ask now. Nobody's impatience cuts that call short but the contract's. While the
    /// service's breaker is open, what was answered last will do, and is stale (GW-13).
    async fn compute(
        &self,
        asked: Asked<'_>,
        message: Bytes,
        question: &Question,
    ) -> Result<(Arc<Kept>, bool), Fault> {
        // Boxed by itself, since the cache holds it several times over.
        let make = Box::pin(self.make(asked, message, question.fields()));
        match self.cache.reply(asked.rule, question, make).await {
            Ok(kept) => Ok((kept, false)),
            Err(fault) if self.peers.is_open(asked.rule.path) => {
                let kept = self.cache.last(asked.rule, question).await;
                Ok((kept.ok_or(fault)?, true))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn make(
        &self,
        asked: Asked<'_>,
        message: Bytes,
        fields: Option<&Selection>,
    ) -> Result<Kept, Fault> {
        let rule = asked.rule;
        let ctx = self.context(asked.parts, asked.exchange, None, rule.deadline);
        let call = self.peers.forward(rule.domain(), &ctx, rule.path, message);
        let (head, printed) = self.print(asked, call.await?, fields)?;
        let body = printed.into();
        Ok(Kept { head, body })
    }
}

/// Returns what is kept as this request's reply.
fn again(asked: Asked<'_>, kept: &Kept, stale: bool) -> Reply {
    let meta = ReplyMeta {
        request_id: &asked.exchange.request_id,
        timestamp: &respond::now(),
        stale,
    };
    let body = ReplyBody::in_parts(kept.body.body(&meta));
    let mut reply = kept.head.again().with(body);
    if stale {
        reply.headers_mut().insert(WARNING, STALE);
    }
    reply
}
