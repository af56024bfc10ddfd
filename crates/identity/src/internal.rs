//! The tokens services show each other (SC-1, SC-2): for whom a call is made, signed by
//! the edge, and which service calls which, signed by the caller. Both are JWS `EdDSA`
//! (RFC 8037) with `typ` of their own, so that none passes for the other.

mod keys;
mod remembered;

#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, sync::Arc};

use fault::Fault;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use keys::{BadServiceKey, PublicKeys, ServiceKeys};

use crate::{Caller, Role, jws::Malformed};

/// The metadata key of the signed identity.
pub const IDENTITY_HEADER: &str = "x-sf-identity";
/// The metadata key of the service token.
pub const SERVICE_HEADER: &str = "x-sf-service";
/// The one service that may sign identities.
pub const EDGE: &str = "edge";

/// How long a token is valid, in seconds.
const LIFETIME: i64 = 60;
/// How long a token is sent again, in seconds: half its life is left for the call.
const REUSE: i64 = 30;
/// How far clocks may differ, in seconds (N-6).
const LEEWAY: i64 = crate::access::LEEWAY;

const ALG: &str = "EdDSA";
const IDENTITY_TYP: &str = "sf-identity+jwt";
const SERVICE_TYP: &str = "sf-service+jwt";

/// For whom a call is made, as the edge signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The caller; nobody for anonymous requests.
    pub caller: Option<Caller>,
    /// The client's address.
    pub ip: Option<IpAddr>,
}

/// A token was refused: malformed, foreign, wrongly signed, for another service, or past
/// its time. Nobody needs to know which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the credential is not valid")
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Fault {
    fn from(_: Refused) -> Self {
        Self::unauthorized("The credential is not valid")
    }
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceClaims {
    iss: Arc<str>,
    aud: Arc<str>,
    iat: i64,
    exp: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityClaims {
    iss: Arc<str>,
    iat: i64,
    exp: i64,
    caller: Option<CallerClaims>,
    ip: Option<IpAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallerClaims {
    sub: Uuid,
    profile_id: Uuid,
    sid: Uuid,
    role: Role,
}

impl From<&Caller> for CallerClaims {
    fn from(caller: &Caller) -> Self {
        Self {
            sub: caller.account_id,
            profile_id: caller.profile_id,
            sid: caller.session_id,
            role: caller.role,
        }
    }
}

impl From<CallerClaims> for Caller {
    fn from(claims: CallerClaims) -> Self {
        Self {
            account_id: claims.sub,
            profile_id: claims.profile_id,
            session_id: claims.sid,
            role: claims.role,
        }
    }
}

/// Whether a token with these times is good at `now`.
fn is_current(iat: i64, exp: i64, now: i64) -> bool {
    let lifetime = exp.saturating_sub(iat);
    (1..=LIFETIME).contains(&lifetime)
        && iat <= now.saturating_add(LEEWAY)
        && now < exp.saturating_add(LEEWAY)
}
