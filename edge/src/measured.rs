//! What every request passes, by itself: for benches, which cannot measure it through sockets.

use std::net::IpAddr;
use std::sync::Arc;

use contracts::Access;
use contracts::auth::v1::RevocationBatch;
use fault::{Fault, Reason};
use http::{HeaderMap, Method};
use identity::access::Jwks;
use identity::internal::ServiceKeys;

use crate::auth::Gate;
use crate::config::Config;
use crate::ratelimit::{InProcess, Subjects};
use crate::respond;

/// The check of access tokens, with keys and news that are there.
#[derive(Debug)]
pub struct TokenCheck(Gate);

impl TokenCheck {
    /// Trusts these keys.
    ///
    /// # Errors
    /// A key that is not usable.
    pub fn new(config: &Config, keys: ServiceKeys, jwks: &Jwks) -> anyhow::Result<Self> {
        let keys = Arc::new(keys);
        let peers = mesh::Mesh::new().peers(Arc::clone(&keys));
        let gate = Gate::new(config, peers, keys)?;
        gate.trust(jwks)?;
        gate.hear(&RevocationBatch::default());
        Ok(Self(gate))
    }

    /// Checks the token of a request with these headers.
    ///
    /// # Errors
    /// As the edge answers it.
    pub async fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let session = self.0.identify(Access::User, headers, "measured").await?;
        session
            .map(drop)
            .ok_or_else(|| Fault::of(Reason::Unauthorized))
    }
}

/// Rate limits as they are counted in process.
#[derive(Debug)]
pub struct LimitCheck(InProcess);

impl LimitCheck {
    /// Takes the buckets of a configuration.
    ///
    /// # Errors
    /// There is no such bucket.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        InProcess::new(config).map(Self)
    }

    /// Counts a GET without a token, describes how it stands in the headers of its reply, and returns whether it passes.
    pub fn admit(&self, ip: IpAddr, reply: &mut HeaderMap) -> bool {
        let (standing, admitted) = self.0.admit(Subjects {
            method: &Method::GET,
            ip,
            caller: None,
            named: &[],
        });
        if let Some(standing) = standing {
            standing.describe(reply);
        }
        admitted.is_ok()
    }
}

/// Returns the reply to a request that found nothing, head and body.
pub fn refusal(request_id: &str) -> impl std::fmt::Debug {
    respond::refusal(Fault::of(Reason::NotFound).into(), request_id)
}
