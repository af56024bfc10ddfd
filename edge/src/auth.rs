//! Who is calling: the access token, checked once per request, and whether the caller may call this RPC at all (GW-2).

mod revocations;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, Task};
use contracts::Access;
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::{
    CheckSessionRequest, RevocationBatch, SessionState, WatchRevocationsRequest,
};
use fault::{Fault, Reason};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use identity::access::{AccessClaims, BadKey, Jwks, LEEWAY};
use identity::internal::ServiceKeys;
use identity::{Caller, Context, clock};

use self::revocations::Revocations;
use self::tokens::Tokens;
use crate::config::Config;

/// How long the auth service may take to say whether a session lives.
const CHECK: Duration = Duration::from_secs(2);

/// Pause before the feed of revocations is opened again: well under the age at which it counts as stale.
const REOPEN: Duration = Duration::from_millis(250);

/// A caller whose token was right when it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    caller: Caller,
    claims: Arc<AccessClaims>,
}

impl Session {
    fn new(claims: Arc<AccessClaims>) -> Self {
        Self {
            caller: claims.caller(),
            claims,
        }
    }

    /// Who calls.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How long the token is good for yet, clock leeway included (AU-18).
    pub(crate) fn left(&self) -> Duration {
        let left = self.claims.exp.saturating_add(LEEWAY) - clock::unix();
        Duration::from_secs(u64::try_from(left).unwrap_or(0))
    }
}

/// Checks tokens.
#[derive(Debug)]
pub(crate) struct Gate {
    tokens: Tokens,
    revocations: Revocations,
    peers: mesh::Peers,
    feed_age: Duration,
}

impl Gate {
    pub(crate) fn new(
        config: &Config,
        peers: mesh::Peers,
        keys: Arc<ServiceKeys>,
    ) -> anyhow::Result<Self> {
        let tokens = Tokens::new(&config.issuer, &config.audience, peers.clone(), keys)?;
        Ok(Self {
            tokens,
            revocations: Revocations::default(),
            peers,
            feed_age: config.limits.revocation_age(),
        })
    }

    /// Takes these keys as if they had been fetched.
    ///
    /// # Errors
    /// A key that is not usable.
    pub(crate) fn trust(&self, jwks: &Jwks) -> Result<(), BadKey> {
        self.tokens.trust(jwks)
    }

    /// Takes news of revocations in.
    pub(crate) fn hear(&self, batch: &RevocationBatch) {
        self.revocations.hear(batch);
    }

    /// Returns who calls an RPC of this access class; nobody when it looks at no token, or none is needed and none given.
    pub(crate) async fn identify(
        &self,
        access: Access,
        headers: &HeaderMap,
        request_id: &str,
    ) -> Result<Option<Session>, Fault> {
        if access == Access::Public {
            return Ok(None);
        }
        let Some(header) = headers.get(AUTHORIZATION) else {
            let anonymous = access == Access::Optional;
            return if anonymous {
                Ok(None)
            } else {
                Err(Fault::unauthorized("Authentication is required"))
            };
        };
        let token = header.to_str().ok().and_then(bearer);
        let token =
            token.ok_or_else(|| Fault::unauthorized("Authorization must be a Bearer token"))?;
        let claims = self.tokens.verify(token).await?;
        if let Some(reason) = self.revocations.verdict(&claims) {
            return Err(Fault::of(reason));
        }
        if self.revocations.is_older_than(self.feed_age) {
            self.ask(&claims, request_id).await?;
        }
        Ok(Some(Session::new(claims)))
    }

    /// Waits until a session's token is no longer good and returns why: it ran out, was revoked, or, while the news is too
    /// old to rely on, the auth service would not vouch for it (ST-5, N-5).
    pub(crate) async fn lapse(&self, session: &Session, request_id: &str) -> Fault {
        let claims = &session.claims;
        let mut news = self.revocations.news();
        loop {
            let left = claims.exp.saturating_add(LEEWAY) - clock::unix();
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
                return Fault::of(Reason::TokenExpired);
            };
            if let Some(reason) = self.revocations.verdict(claims) {
                return Fault::of(reason);
            }
            if self.revocations.is_older_than(self.feed_age)
                && let Err(refused) = self.ask(claims, request_id).await
            {
                return refused;
            }
            // The feed's silence is no news, so its age is looked at now and then.
            let pause = self.feed_age.min(Duration::from_secs(left));
            let changed = tokio::time::timeout(pause, news.changed()).await;
            // The sender lives as long as the gate.
            drop(changed);
        }
    }

    /// Asks the auth service itself, because the news is too old to rely on. No answer is a refusal (T45).
    async fn ask(&self, claims: &AccessClaims, request_id: &str) -> Result<(), Fault> {
        let ctx = Context::background(request_id, CHECK);
        let request = CheckSessionRequest {
            session_id: claims.sid.to_string(),
            account_id: claims.sub.to_string(),
            profile_id: claims.profile_id.to_string(),
            issued_at: claims.iat,
        };
        let reply = AuthServiceClient::new(self.peers.call("auth", &ctx))
            .check_session(request)
            .await;
        match reply.map_err(Fault::unavailable)?.into_inner().state() {
            SessionState::Active => Ok(()),
            SessionState::Revoked => Err(Fault::of(Reason::TokenRevoked)),
            SessionState::Disabled => Err(Fault::of(Reason::AccountDisabled)),
            SessionState::Stale => Err(Fault::of(Reason::TokenExpired)),
            SessionState::Unspecified => Err(Fault::unavailable(
                "the auth service named no session state",
            )),
        }
    }

    /// Returns the tasks that keep keys and revocations fresh.
    pub(crate) fn tasks(gate: &Arc<Self>) -> [Task; 2] {
        let (keys, feed) = (Arc::clone(gate), Arc::clone(gate));
        [
            Task::new("edge.keys", move |stop| {
                Arc::clone(&keys).refresh_keys(stop)
            }),
            Task::new("edge.revocations", move |stop| {
                Arc::clone(&feed).watch(stop)
            }),
        ]
    }

    async fn refresh_keys(self: Arc<Self>, stop: Shutdown) {
        loop {
            let pause = match self.tokens.fetch().await {
                Ok(()) => tokens::KEYS_AGE,
                Err(error) => {
                    tracing::debug!(%error, "signing keys could not be fetched");
                    Duration::from_secs(1)
                }
            };
            if !stop.sleep(pause).await {
                return;
            }
        }
    }

    async fn watch(self: Arc<Self>, stop: Shutdown) {
        loop {
            let watching = stop.run(self.watch_once()).await;
            match watching {
                None => return,
                Some(Ok(())) => tracing::debug!("the feed of revocations ended"),
                Some(Err(error)) => tracing::debug!(%error, "the feed of revocations broke off"),
            }
            if !stop.sleep(REOPEN).await {
                return;
            }
        }
    }

    /// Holds one stream of revocations until it ends. A feed that fell silent is given up, so that a hung stream is not
    /// waited for longer than a dead one.
    async fn watch_once(&self) -> Result<(), Fault> {
        let ctx = Context::background(identity::request_id::fresh(), mesh::STREAM_DEADLINE);
        let mut client = AuthServiceClient::new(self.peers.call_streaming("auth", &ctx));
        let request = WatchRevocationsRequest {
            after: self.revocations.highest(),
        };
        let mut batches = client.watch_revocations(request).await?.into_inner();
        loop {
            let next = tokio::time::timeout(self.feed_age, batches.message()).await;
            match next.map_err(Fault::unavailable)?? {
                Some(batch) => self.hear(&batch),
                None => return Ok(()),
            }
        }
    }
}

/// Refuses callers whose role does not reach the RPC's access class.
pub(crate) fn permit(access: Access, caller: Option<&Caller>) -> Result<(), Fault> {
    match access {
        Access::Staff if !caller.is_some_and(|caller| caller.role.is_staff()) => {
            Err(Fault::forbidden("Staff only"))
        }
        // Internal RPCs have no route; should one get one, it stays unreachable.
        Access::Service => Err(Fault::of(Reason::NotFound)),
        Access::Public | Access::Optional | Access::User | Access::Staff => Ok(()),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    // A header that is text has no other white space.
    let is_whole = !token.is_empty() && memchr::memchr2(b' ', b'\t', token.as_bytes()).is_none();
    (scheme.eq_ignore_ascii_case("bearer") && is_whole).then_some(token)
}
