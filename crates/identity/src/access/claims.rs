//! What the tokens say.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Caller, Role};

/// What an access token is issued for.
#[derive(Clone, Debug)]
pub struct AccessGrant<'a> {
    /// The account.
    pub account_id: Uuid,
    /// Its e-mail address.
    pub email: &'a str,
    /// The profile the session acts as.
    pub profile_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The account's role.
    pub role: Role,
}

/// What a refresh token is issued for. Times and id are given, because the same
/// successor must come out twice (AU-8).
#[derive(Clone, Debug)]
pub struct RefreshGrant<'a> {
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The token's id.
    pub jti: &'a str,
    /// Issue time, Unix seconds.
    pub issued_at: i64,
    /// Expiry, Unix seconds.
    pub expires_at: i64,
}

/// The claims of an access token; every one is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The account's e-mail address.
    pub email: String,
    /// The profile acted as.
    pub profile_id: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The role.
    pub role: Role,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Issue time, Unix seconds.
    pub iat: i64,
    /// Not valid before, Unix seconds.
    pub nbf: i64,
    /// Expiry, Unix seconds.
    pub exp: i64,
    /// The token's id.
    pub jti: String,
}

impl AccessClaims {
    /// Returns who the token stands for.
    pub fn caller(&self) -> Caller {
        Caller {
            account_id: self.sub,
            profile_id: self.profile_id,
            session_id: self.sid,
            role: self.role,
        }
    }
}

/// The claims of a refresh token; every one is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Issue time, Unix seconds.
    pub iat: i64,
    /// Expiry, Unix seconds.
    pub exp: i64,
    /// The token's id.
    pub jti: String,
}
