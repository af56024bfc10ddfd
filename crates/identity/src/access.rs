//! The tokens clients hold: short access tokens and rotating refresh tokens, both JWS
//! ES256 (AU-7, AU-18, AU-19).

mod claims;
mod jwks;
mod key;
mod signer;
mod verifier;

#[cfg(test)]
mod tests;

pub use claims::{AccessClaims, AccessGrant, RefreshClaims, RefreshGrant};
pub use jwks::{Jwks, PublicKey};
pub use key::generate_pem;
pub use signer::{BadKey, Signer};
pub use verifier::{Refused, Verifier};

/// How far clocks may differ, in seconds (N-6).
pub const LEEWAY: i64 = 30;
/// `typ` of access tokens (RFC 9068).
pub(crate) const ACCESS_TYP: &str = "at+jwt";
/// `typ` of refresh tokens.
pub(crate) const REFRESH_TYP: &str = "rt+jwt";
/// The one algorithm.
pub(crate) const ALG: &str = "ES256";
/// Claim `type` of access tokens.
pub(crate) const ACCESS: &str = "access";
/// Claim `type` of refresh tokens.
pub(crate) const REFRESH: &str = "refresh";
