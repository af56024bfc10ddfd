//! Keyed calls: one effect and one answer, however often the request is sent (ID-1..ID-5).

mod reply;

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::{Idempotency, Replay, RpcRule};
use fault::{Fault, Reason, Result};
use futures_util::FutureExt as _;
use http::{Request, Response};
use identity::{Context, Sealer, keyed_hash};
use mesh::{MESSAGE_LIMIT, Verbatim, metadata};
use store::{
    Db, Lease, Tx, Unit,
    idempotency::{self, Asked, Claim, Found, SignIn},
};
use tokio_util::task::TaskTracker;
use tonic::{Streaming, body::Body};
use tracing::Instrument as _;

use super::{boundary, handled, in_time};
use crate::{Keys, Routes, Task};
use reply::{Fate, Reply};

/// How often keys whose time is over are removed.
const PURGE: Duration = Duration::from_secs(600);

/// How long one replica may take for it before another tries.
const PURGE_LEASE: Duration = Duration::from_secs(60);

/// The longest key (N-13), in characters.
const LONGEST_KEY: usize = 255;

/// The key of a request whose repeats are not its handler's own business.
#[derive(Debug)]
pub(super) struct Key {
    text: String,
    rule: &'static RpcRule,
    idempotency: Idempotency,
}

/// Returns the key of a request. RPCs without a POST binding take none and ignore it.
///
/// # Errors
/// `VALIDATION_ERROR` naming `Idempotency-Key` for anything but one text of 1..255
/// visible ASCII characters (ID-1).
pub(super) fn key<B>(request: &Request<B>) -> Result<Option<Key>> {
    let rule = contracts::rpc(request.uri().path());
    let Some((rule, idempotency)) = rule.and_then(|rule| Some((rule, rule.idempotency?))) else {
        return Ok(None);
    };
    let mut values = request.headers().get_all(metadata::IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.as_bytes();
    let is_key = (1..=LONGEST_KEY).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    if !is_key || values.next().is_some() {
        return Err(Fault::invalid(
            "Idempotency-Key",
            "Idempotency-Key is one text of 1 to 255 visible ASCII characters",
        ));
    }
    Ok((idempotency.replay != Replay::Rpc).then(|| Key {
        text: String::from_utf8_lossy(text).into_owned(),
        rule,
        idempotency,
    }))
}

/// What a service's keyed calls are recorded in. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Parts>);

struct Parts {
    db: Db,
    /// What fingerprints and the scopes of nobody in particular are hashed with.
    hash: [u8; 32],
    /// Replies may carry tokens: they are not read in the table.
    sealer: Sealer,
    /// A keyed call goes on when its client has gone: the client will ask again.
    running: TaskTracker,
}

impl Ledger {
    /// Returns the ledger of the service this pool belongs to.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(db: Db, keys: &Keys) -> anyhow::Result<Self> {
        let sealer = Sealer::new(&keys.derive("idempotency.outcomes"))
            .map_err(|_| anyhow::anyhow!("the key of stored outcomes is unusable"))?;
        Ok(Self(Arc::new(Parts {
            db,
            hash: keys.derive("idempotency.fingerprints"),
            sealer,
            running: TaskTracker::new(),
        })))
    }

    /// Returns the work beside the calls: removing keys whose time is over, and waiting
    /// for keyed calls whose clients have gone when the process ends.
    pub(crate) fn tasks(&self, service: &str) -> [Task; 2] {
        let lease = Lease::new(self.0.db.clone(), "idempotency.purge", "", PURGE_LEASE);
        let db = self.0.db.clone();
        let purge = Task::every(format!("{service}.idempotency.purge"), PURGE, move || {
            let (db, lease) = (db.clone(), lease.clone());
            async move {
                if lease.hold().await? {
                    idempotency::purge(&db).await?;
                    lease.release().await?;
                }
                Ok::<_, Fault>(())
            }
        });
        let running = self.0.running.clone();
        let finish = Task::new(format!("{service}.idempotency.calls"), move |stop| {
            let running = running.clone();
            async move {
                stop.begun().await;
                running.close();
                running.wait().await;
            }
        });
        [purge, finish]
    }

    /// Answers a keyed call: by its handler the first time, by what was stored after that.
    ///
    /// # Errors
    /// `IDEMPOTENCY_IN_PROGRESS` while the first call works, `IDEMPOTENCY_KEY_REUSED` for
    /// another request under the key, and what keeps the outcome from being stored.
    pub(super) async fn answer(
        self,
        ctx: &Context,
        key: Key,
        request: Request<Body>,
        routes: Routes,
    ) -> Result<Response<Body>> {
        let (request, message) = read(request).await?;
        let Some(message) = message else {
            // Refused for what it lacks, like any other.
            return Ok(handled(routes, ctx, request).await);
        };
        let call = Call {
            asked: self.asked(ctx, &key, &message),
            replay: key.idempotency.replay,
            // No longer than its claim is respected (ID-3).
            ctx: ctx.within(key.rule.deadline),
            request,
            routes,
        };
        let running = self.0.running.clone();
        let work = async move { self.work(call).await }.in_current_span();
        let done = running.spawn(work).await;
        done.map_err(Fault::internal)?
    }

    /// Whose key it is, and what tells the request from others.
    fn asked(&self, ctx: &Context, key: &Key, message: &Bytes) -> Asked {
        let read = (key.idempotency.read)(message);
        let scope = match ctx.caller() {
            Some(caller) => format!("account:{}", caller.account_id),
            None => {
                let ip = ctx.ip().map(|ip| ip.to_string()).unwrap_or_default();
                let whose = keyed_hash(&self.0.hash, &["scope", &read.scope, &ip]);
                format!("nobody:{}", hex(&whose))
            }
        };
        let parts = [b"request", key.rule.path.as_bytes(), &read.message];
        Asked {
            scope,
            key: key.text.clone(),
            fingerprint: keyed_hash(&self.0.hash, &parts),
            deadline: key.rule.deadline,
        }
    }

    async fn work(&self, call: Call) -> Result<Response<Body>> {
        match idempotency::claim(&self.0.db, &call.asked).await? {
            Found::Mine(claim) if call.replay == Replay::Session => self.sign_in(call, claim).await,
            Found::Mine(claim) => self.first(call, claim).await,
            Found::Unfinished => {
                Err(Fault::of(Reason::IdempotencyInProgress)
                    .with_retry_after(Duration::from_secs(1)))
            }
            Found::Other => Err(Fault::of(Reason::IdempotencyKeyReused)),
            Found::Outcome(outcome) => {
                let reply = Reply::stored(&outcome, &self.0.sealer, &call.asked)?;
                Ok(reply.replayed().into())
            }
            Found::Session(session) => {
                let repeat = call.handle(SignIn::Repeat(session)).await?;
                Ok(if repeat.is_ok() {
                    repeat.replayed()
                } else {
                    repeat
                }
                .into())
            }
        }
    }

    /// Does what the key stands for. What the handler commits becomes true with the
    /// outcome, or not at all (ID-2).
    async fn first(&self, call: Call, claim: Claim) -> Result<Response<Body>> {
        let unit = Arc::new(Unit::new());
        let asked = call.asked.clone();
        let answer = call.handle_with(Arc::clone(&unit)).await;
        let done = unit.end().await;
        let settled = match &answer {
            Ok(reply) => self.settle(&asked, &claim, reply, done).await,
            Err(_) => undo(done).await.map(|()| false),
        };
        self.close(claim, answer, settled).await
    }

    /// Makes true what the handler committed, as far as its outcome allows; returns whether
    /// the claim has ended with it.
    async fn settle(
        &self,
        asked: &Asked,
        claim: &Claim,
        reply: &Reply,
        done: Option<Tx>,
    ) -> Result<bool> {
        match (reply.fate(), done) {
            (Fate::Undone, done) => {
                undo(done).await?;
                return Ok(false);
            }
            (Fate::Forgotten, None) => return Ok(false),
            (Fate::Forgotten, Some(done)) => {
                claim.release(&*done).await?;
                done.commit().await?;
            }
            (Fate::Stored, None) => {
                let outcome = reply.to_store(&self.0.sealer, asked)?;
                claim.finish(self.0.db.connection(), outcome).await?;
            }
            (Fate::Stored, Some(done)) => {
                let outcome = reply.to_store(&self.0.sealer, asked)?;
                claim.finish(&*done, outcome).await?;
                done.commit().await?;
            }
        }
        Ok(true)
    }

    /// As [`Ledger::first`], but the handler stores the session it begins, and its reply is
    /// never stored (ID-5).
    async fn sign_in(&self, call: Call, claim: Claim) -> Result<Response<Body>> {
        let asked = call.asked.clone();
        let answer = call.handle(SignIn::First(claim.clone())).await;
        let settled = match &answer {
            Ok(reply) if !reply.is_ok() => self.settle(&asked, &claim, reply, None).await,
            _ => Ok(false),
        };
        self.close(claim, answer, settled).await
    }

    /// Ends a call: a claim without an outcome is released, so that the next try is a new one. Failing, that only delays the
    /// next try. Who is told that something is away does not wait for the database a second time: it may be what is away.
    async fn close(
        &self,
        claim: Claim,
        answer: Result<Reply>,
        settled: Result<bool>,
    ) -> Result<Response<Body>> {
        let has_outcome = matches!(settled, Ok(true));
        let answer = settled.and(answer);
        if !has_outcome {
            let db = self.0.db.clone();
            let release = async move {
                if let Err(error) = claim.release(db.connection()).await {
                    tracing::warn!(%error, "an idempotency key could not be released");
                }
            };
            let released = self.0.running.spawn(release.in_current_span());
            if !is_unavailable(&answer) {
                // Its panic would be in the log.
                let _released = released.await;
            }
        }
        answer.map(Into::into)
    }
}

fn is_unavailable(answer: &Result<Reply>) -> bool {
    match answer {
        Ok(reply) => reply.is_unavailable(),
        Err(fault) => fault.reason() == Reason::ServiceUnavailable,
    }
}

/// A keyed call on its way to the handler.
struct Call {
    asked: Asked,
    replay: Replay,
    ctx: Context,
    request: Request<Body>,
    routes: Routes,
}

impl Call {
    async fn handle(self, sign_in: SignIn) -> Result<Reply> {
        self.handle_with(Arc::new(sign_in)).await
    }

    /// Runs the handler to its end, with something for it beside its context.
    async fn handle_with<T: Send + Sync + 'static>(self, beside: Arc<T>) -> Result<Reply> {
        let ctx = self.ctx.attach(beside);
        let reply = async { Reply::read(handled(self.routes, &ctx, self.request).await).await };
        // Nothing of a handler is used after its panic.
        match AssertUnwindSafe(in_time(&ctx, reply)).catch_unwind().await {
            Ok(reply) => reply?,
            Err(panic) => Err(boundary::panicked(&*panic)),
        }
    }
}

async fn undo(done: Option<Tx>) -> Result<()> {
    match done {
        Some(done) => done.rollback().await,
        None => Ok(()),
    }
}

/// Reads the message of a unary request and returns the request with it again.
async fn read(request: Request<Body>) -> Result<(Request<Body>, Option<Bytes>)> {
    let (mut parts, body) = request.into_parts();
    let encoding = parts.headers.get("grpc-encoding");
    if encoding.is_some_and(|encoding| encoding != "identity") {
        // As the generated servers answer it.
        return Err(Fault::of(Reason::NotImplemented));
    }
    let mut messages = Streaming::new_request(Verbatim, body, None, Some(MESSAGE_LIMIT));
    let message = messages.message().await.map_err(boundary::fault_of)?;
    // The reply is kept as it is, so it is not to be compressed.
    parts.headers.remove("grpc-accept-encoding");
    let body = message.as_ref().map_or_else(Body::empty, |message| {
        Body::new(http_body_util::Full::new(reply::framed(message)))
    });
    Ok((Request::from_parts(parts, body), message))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}
