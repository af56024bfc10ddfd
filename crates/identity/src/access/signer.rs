//! The auth service's side: minting tokens, publishing keys, checking refresh tokens.

use std::{fmt, time::Duration};

use fault::Fault;
use jsonwebtoken::{Algorithm, crypto};
use serde::Serialize;
use uuid::Uuid;

use super::{
    ACCESS, ACCESS_TYP, ALG, AccessClaims, AccessGrant, Jwks, REFRESH, REFRESH_TYP, RefreshClaims,
    RefreshGrant, Refused, Verifier, key::SigningKey,
};
use crate::jws::{self, Header};

/// Signs tokens with the active key.
pub struct Signer {
    issuer: String,
    audience: String,
    active: SigningKey,
    jwks: Jwks,
    verifier: Verifier,
}

impl Signer {
    /// Takes the active private key and the next or previous ones, all PKCS#8 PEM with a
    /// P-256 key. All are published and accepted; only the active one signs. A new key is
    /// to be published ≥10 min before it becomes active, an old one ≥1 h after (N-7).
    ///
    /// # Errors
    /// A key that is not a P-256 private key in PKCS#8 PEM.
    pub fn new(
        issuer: &str,
        audience: &str,
        active: &str,
        others: &[&str],
    ) -> Result<Self, BadKey> {
        let active = SigningKey::from_pem(active)?;
        let mut jwks = Jwks {
            keys: vec![active.public.clone()],
        };
        for pem in others {
            jwks.keys.push(SigningKey::from_pem(pem)?.public);
        }
        let verifier = Verifier::new(issuer, audience, &jwks)?;
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            active,
            jwks,
            verifier,
        })
    }

    /// Returns the public keys.
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// Mints an access token that begins at `issued_at` (Unix seconds).
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if signing fails.
    pub fn access(
        &self,
        grant: &AccessGrant<'_>,
        issued_at: i64,
        lifetime: Duration,
    ) -> fault::Result<String> {
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: grant.account_id,
            email: grant.email.to_owned(),
            profile_id: grant.profile_id,
            sid: grant.session_id,
            role: grant.role,
            kind: ACCESS.to_owned(),
            iat: issued_at,
            nbf: issued_at,
            exp: issued_at.saturating_add_unsigned(lifetime.as_secs()),
            jti: Uuid::new_v4().to_string(),
        };
        self.sign(ACCESS_TYP, &claims)
    }

    /// Mints a refresh token. The same grant gives the same claims; the signature differs
    /// each time, since ES256 is randomised.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if signing fails.
    pub fn refresh(&self, grant: &RefreshGrant<'_>) -> fault::Result<String> {
        let claims = RefreshClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: grant.account_id,
            sid: grant.session_id,
            kind: REFRESH.to_owned(),
            iat: grant.issued_at,
            exp: grant.expires_at,
            jti: grant.jti.to_owned(),
        };
        self.sign(REFRESH_TYP, &claims)
    }

    /// Checks a refresh token's signature and claims; whether it was used is the store's
    /// business.
    ///
    /// # Errors
    /// As [`Verifier::access`].
    pub fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, Refused> {
        self.verifier.refresh(token)
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> fault::Result<String> {
        let header = Header {
            alg: ALG,
            typ,
            kid: &self.active.public.kid,
        };
        let unsigned = jws::unsigned(&header, claims).map_err(Fault::internal)?;
        let signature = crypto::sign(unsigned.as_bytes(), &self.active.private, Algorithm::ES256)
            .map_err(Fault::internal)?;
        Ok(format!("{unsigned}.{signature}"))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("jwks", &self.jwks)
            .finish_non_exhaustive()
    }
}

/// A key that cannot be used, with the reason in words; never the key itself.
#[derive(Debug)]
pub struct BadKey(String);

impl BadKey {
    pub(crate) fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unusable key: {}", self.0)
    }
}

impl std::error::Error for BadKey {}
