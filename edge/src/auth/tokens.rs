//! Checks access tokens against the published keys, once per token and five minutes (AU-7, AU-18, AU-19, N-8).

use std::sync::Arc;
use std::time::Duration;

use contracts::google::api::HttpBody;
use fault::{Fault, Reason};
use identity::access::{AccessClaims, BadKey, Jwks, LEEWAY, Refused, Verifier};
use identity::internal::ServiceKeys;
use identity::{Context, clock};
use moka::future::Cache;
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

const GET_JWKS: &str = "/smilefactory.auth.v1.AuthService/GetJwks";

/// How often keys are fetched anew (N-7).
pub(super) const KEYS_AGE: Duration = Duration::from_secs(300);

/// Least time between fetches caused by tokens with an unknown key (AU-19): such tokens are free to make.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);

/// The same while no keys are known at all, when honest tokens cause the fetches.
const NO_KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Verified tokens kept; a token is checked anew when it fell out.
const KEPT: u64 = 50_000;

/// Checked tokens and the keys to check others.
pub(crate) struct Tokens {
    verifier: Verifier,
    verified: Cache<[u8; 32], Arc<AccessClaims>>,
    peers: mesh::Peers,
    keys: Arc<ServiceKeys>,
    fetched: Mutex<Fetched>,
}

/// When an unknown key last made us ask for keys, and when keys last came.
#[derive(Debug, Default)]
struct Fetched {
    tried: Option<Instant>,
    came: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(
        issuer: &str,
        audience: &str,
        peers: mesh::Peers,
        keys: Arc<ServiceKeys>,
    ) -> anyhow::Result<Self> {
        let verifier = Verifier::new(issuer, audience, &Jwks::default())?;
        let verified = Cache::builder()
            .max_capacity(KEPT)
            .time_to_live(Duration::from_secs(300))
            .build();
        Ok(Self {
            verifier,
            verified,
            peers,
            keys,
            fetched: Mutex::default(),
        })
    }

    /// Returns the claims of a token that is right in itself; whether it was revoked is not looked at here.
    pub(super) async fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, Fault> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&hash).await {
            if claims.exp.saturating_add(LEEWAY) > clock::unix() {
                return Ok(claims);
            }
            return Err(Refused::Expired.into());
        }
        let claims = match self.verifier.access(token) {
            Err(Refused::UnknownKey) => {
                self.refetch().await?;
                self.verifier.access(token)?
            }
            checked => checked?,
        };
        let claims = Arc::new(claims);
        self.verified.insert(hash, Arc::clone(&claims)).await;
        Ok(claims)
    }

    /// Fetches the keys unless that was done a moment ago. Callers who come meanwhile wait for the same fetch.
    async fn refetch(&self) -> Result<(), Fault> {
        let met = Instant::now();
        let mut fetched = self.fetched.lock().await;
        if fetched.came.is_some_and(|came| came >= met) {
            return Ok(());
        }
        let pause = if fetched.came.is_some() {
            UNKNOWN_KEY_PAUSE
        } else {
            NO_KEYS_PAUSE
        };
        if fetched.tried.is_none_or(|tried| tried.elapsed() >= pause) {
            fetched.tried = Some(met);
            return self.fetch_into(&mut fetched).await;
        }
        // Without any key nothing was judged, so nobody can be told that the token is wrong.
        match fetched.came {
            Some(_) => Ok(()),
            None => Err(Fault::of(Reason::ServiceUnavailable)),
        }
    }

    /// Fetches the keys now; this does not use up the fetch an unknown key may cause.
    pub(super) async fn fetch(&self) -> Result<(), Fault> {
        self.fetch_into(&mut *self.fetched.lock().await).await
    }

    /// Trusts these keys from now on instead of those before.
    pub(super) fn trust(&self, jwks: &Jwks) -> Result<(), BadKey> {
        self.verifier.replace(jwks)
    }

    async fn fetch_into(&self, fetched: &mut Fetched) -> Result<(), Fault> {
        let ctx = Context::for_anonymous(
            &self.keys,
            None,
            identity::request_id::fresh(),
            Duration::from_secs(2),
        );
        let reply = self
            .peers
            .forward("auth", &ctx, GET_JWKS, bytes::Bytes::new())
            .await
            .map_err(Fault::unavailable)?;
        let body = HttpBody::decode(reply.message).map_err(Fault::unavailable)?;
        let jwks = Jwks::from_json(&body.data).map_err(Fault::unavailable)?;
        self.trust(&jwks).map_err(Fault::unavailable)?;
        fetched.came = Some(Instant::now());
        Ok(())
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("verified", &self.verified.entry_count())
            .finish_non_exhaustive()
    }
}
