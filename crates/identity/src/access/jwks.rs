//! The public keys, as a JWK set (RFC 7517).

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use super::signer::BadKey;
use crate::jws;

/// One public key: P-256, for signatures, named by its RFC 7638 thumbprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    kty: Ec,
    #[serde(rename = "use")]
    usage: Sig,
    alg: Es256,
    crv: P256,
    /// The key id: the thumbprint, SHA-256, base64url.
    pub kid: String,
    pub(crate) x: String,
    pub(crate) y: String,
}

/// The document at `/.well-known/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys: the active one and the next or the previous (AU-19).
    pub keys: Vec<PublicKey>,
}

impl Jwks {
    /// Returns the document as JSON text.
    pub fn to_json(&self) -> String {
        // Plain strings always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Any key that is not an ES256 key named by its thumbprint.
    pub fn from_json(text: &[u8]) -> Result<Self, BadKey> {
        serde_json::from_slice(text).map_err(BadKey::because)
    }
}

impl PublicKey {
    pub(crate) fn new(x: String, y: String) -> Self {
        let kid = thumbprint(&x, &y);
        Self {
            kty: Ec::EC,
            usage: Sig::Sig,
            alg: Es256::ES256,
            crv: P256::P256,
            kid,
            x,
            y,
        }
    }

    pub(crate) fn decoding_key(&self) -> Result<DecodingKey, BadKey> {
        if self.kid != thumbprint(&self.x, &self.y) {
            return Err(BadKey::because("the key id is not the key's thumbprint"));
        }
        DecodingKey::from_ec_components(&self.x, &self.y).map_err(BadKey::because)
    }
}

/// RFC 7638: the required members in lexicographic order, without white space.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    jws::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        canonical.as_bytes(),
    ))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Ec {
    EC,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Sig {
    #[serde(rename = "sig")]
    Sig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Es256 {
    ES256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum P256 {
    #[serde(rename = "P-256")]
    P256,
}
