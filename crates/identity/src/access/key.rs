//! Private signing keys: P-256 in PKCS#8 PEM.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::EncodingKey;
use zeroize::Zeroizing;

use super::{jwks::PublicKey, signer::BadKey};
use crate::jws;

/// A private key with its public half.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) private: EncodingKey,
    pub(super) public: PublicKey,
}

impl SigningKey {
    /// Reads a PKCS#8 PEM with a P-256 key.
    pub(super) fn from_pem(pem: &str) -> Result<Self, BadKey> {
        let private = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(BadKey::because)?;
        // Parsing again with the curve pinned refuses keys of other curves.
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_bytes())
            .map_err(BadKey::because)?;
        // Uncompressed point: 0x04, x, y.
        let point = pair.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(BadKey::because("the key is not a P-256 key"));
        };
        Ok(Self {
            public: PublicKey::new(jws::encode(x), jws::encode(y)),
            private,
        })
    }
}

/// Makes a fresh signing key from the operating system's randomness (C1), as PKCS#8 PEM.
///
/// # Errors
/// No randomness.
pub fn generate_pem() -> Result<Zeroizing<String>, BadKey> {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(BadKey::because)?;
    let base64 = Zeroizing::new(STANDARD.encode(document.as_ref()));
    let mut pem = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
    for line in base64.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}
