//! The edge's side: checking tokens against the published keys.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use fault::{Fault, Reason};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::de::DeserializeOwned;

use super::{
    ACCESS, ACCESS_TYP, ALG, AccessClaims, Jwks, LEEWAY, REFRESH, REFRESH_TYP, RefreshClaims,
    signer::BadKey,
};
use crate::{
    clock,
    jws::{Malformed, Parts},
};

type Keys = HashMap<String, DecodingKey>;

/// Checks tokens of one issuer for one audience. Nothing is ever fetched: keys come from
/// [`Verifier::replace`] alone, and a token cannot bring its own.
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: RwLock<Arc<Keys>>,
}

/// Why a token was refused. Clients learn no more than the reason of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Well signed and right in everything, but past its time.
    Expired,
    /// Signed with a key that is not among the known ones; the keys may be old (AU-19).
    UnknownKey,
    /// Anything else.
    Invalid,
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Expired => Self::of(Reason::TokenExpired),
            Refused::UnknownKey | Refused::Invalid => Self::unauthorized("The token is not valid"),
        }
    }
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Invalid
    }
}

impl Verifier {
    /// Trusts these keys.
    ///
    /// # Errors
    /// A key that is not usable or not named by its thumbprint.
    pub fn new(issuer: &str, audience: &str, jwks: &Jwks) -> Result<Self, BadKey> {
        let keys = RwLock::new(Arc::new(read(jwks)?));
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys,
        })
    }

    /// Trusts these keys from now on instead of the present ones.
    ///
    /// # Errors
    /// As [`Verifier::new`]; the present keys then stay.
    pub fn replace(&self, jwks: &Jwks) -> Result<(), BadKey> {
        let keys = Arc::new(read(jwks)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Checks an access token: algorithm, type, key, signature, every claim, with a
    /// leeway of 30 s (AU-7, AU-18).
    ///
    /// # Errors
    /// Past `exp` and right in everything else: [`Refused::Expired`] (`TOKEN_EXPIRED`);
    /// anything else: UNAUTHORIZED.
    pub fn access(&self, token: &str) -> Result<AccessClaims, Refused> {
        let claims: AccessClaims = self.claims(token, ACCESS_TYP)?;
        self.parties(&claims.iss, &claims.aud, &claims.jti)?;
        if claims.kind != ACCESS || claims.email.is_empty() {
            return Err(Refused::Invalid);
        }
        within(claims.iat.max(claims.nbf), claims.exp)?;
        Ok(claims)
    }

    /// Checks a refresh token in the same way.
    ///
    /// # Errors
    /// As [`Verifier::access`].
    pub fn refresh(&self, token: &str) -> Result<RefreshClaims, Refused> {
        let claims: RefreshClaims = self.claims(token, REFRESH_TYP)?;
        self.parties(&claims.iss, &claims.aud, &claims.jti)?;
        if claims.kind != REFRESH {
            return Err(Refused::Invalid);
        }
        within(claims.iat, claims.exp)?;
        Ok(claims)
    }

    fn claims<T: DeserializeOwned>(&self, token: &str, typ: &str) -> Result<T, Refused> {
        let parts = Parts::of(token)?;
        let kid = parts.key_id(ALG, typ)?;
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let key = keys.get(kid).ok_or(Refused::UnknownKey)?;
        match crypto::verify(
            parts.signature,
            parts.signed.as_bytes(),
            key,
            Algorithm::ES256,
        ) {
            Ok(true) => Ok(parts.claims()?),
            Ok(false) | Err(_) => Err(Refused::Invalid),
        }
    }

    fn parties(&self, issuer: &str, audience: &str, jti: &str) -> Result<(), Refused> {
        if issuer == self.issuer && audience == self.audience && !jti.is_empty() {
            Ok(())
        } else {
            Err(Refused::Invalid)
        }
    }
}

/// Checks the times; a token that is not yet valid is not expired.
fn within(begins: i64, ends: i64) -> Result<(), Refused> {
    let now = clock::unix();
    if begins > now.saturating_add(LEEWAY) || ends <= begins {
        return Err(Refused::Invalid);
    }
    if ends.saturating_add(LEEWAY) <= now {
        return Err(Refused::Expired);
    }
    Ok(())
}

fn read(jwks: &Jwks) -> Result<Keys, BadKey> {
    jwks.keys
        .iter()
        .map(|key| Ok((key.kid.clone(), key.decoding_key()?)))
        .collect()
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
