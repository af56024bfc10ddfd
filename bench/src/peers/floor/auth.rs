//! The floor's token check: jsonwebtoken, with the claims of tokens that were right kept, or checked each time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

/// Most tokens kept.
const KEPT: usize = 50_000;

/// Requests an address may make in a minute.
const PER_MINUTE: u64 = 1 << 40;

/// What of a token is read.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    exp: i64,
}

/// Checks tokens and counts requests.
pub(super) struct Guard {
    key: DecodingKey,
    validation: Validation,
    verified: Option<Mutex<HashMap<String, Claims>>>,
    counted: Mutex<HashMap<IpAddr, (Instant, u64)>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("cache", &self.verified.is_some())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    x: String,
    y: String,
}

impl Guard {
    pub(super) fn new(jwks: &str, cache: bool) -> Result<Self> {
        let keys: Keys = serde_json::from_str(jwks).context("the keys")?;
        let key = keys.keys.first().context("there is no key")?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&["smilefactory"]);
        validation.set_audience(&["smilefactory-api"]);
        Ok(Self {
            key: DecodingKey::from_ec_components(&key.x, &key.y)?,
            validation,
            verified: cache.then(Mutex::default),
            counted: Mutex::default(),
        })
    }

    /// Reports whether a token is right.
    pub(super) fn is_right(&self, token: &str) -> bool {
        let now = identity::clock::unix();
        if let Some(verified) = &self.verified {
            let kept = verified.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(claims) = kept.get(token) {
                return claims.exp > now;
            }
        }
        let Ok(checked) = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation) else {
            return false;
        };
        if let Some(verified) = &self.verified {
            let mut kept = verified.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(token.to_owned(), checked.claims);
        }
        true
    }

    /// Counts a request of an address; reports whether it may be made.
    pub(super) fn admits(&self, ip: IpAddr) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (begun, count) = counted.entry(ip).or_insert((now, 0));
        if now.duration_since(*begun) > Duration::from_secs(60) {
            (*begun, *count) = (now, 0);
        }
        *count += 1;
        *count <= PER_MINUTE
    }
}
