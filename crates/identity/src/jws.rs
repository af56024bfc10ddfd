//! Compact JWS (RFC 7515) read strictly: three parts, three header members, nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The longest token looked at, in bytes.
const LONGEST: usize = 4096;

/// The only header members there are. Anything else (`jwk`, `jku`, `x5u`, `crit`, …) and
/// anything twice is refused by the decoder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header<'a> {
    pub(crate) alg: &'a str,
    pub(crate) typ: &'a str,
    pub(crate) kid: &'a str,
}

/// A token taken apart, nothing verified yet.
#[derive(Debug)]
pub(crate) struct Parts<'t> {
    header: Vec<u8>,
    payload: Vec<u8>,
    /// What the signature is over.
    pub(crate) signed: &'t str,
    /// The signature as it stands in the token.
    pub(crate) signature: &'t str,
}

/// The token is not what it should be; which part does not matter to anyone.
#[derive(Debug)]
pub(crate) struct Malformed;

impl<'t> Parts<'t> {
    pub(crate) fn of(token: &'t str) -> Result<Self, Malformed> {
        if token.len() > LONGEST {
            return Err(Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
        if payload.contains('.') {
            return Err(Malformed);
        }
        let (header, payload) = (decode(header)?, decode(payload)?);
        // The decoder would take a list of the members' values for an object.
        if !header.starts_with(b"{") || !payload.starts_with(b"{") {
            return Err(Malformed);
        }
        Ok(Self {
            header,
            payload,
            signed,
            signature,
        })
    }

    /// Reads the header, which must say this algorithm and this type; returns the key id.
    pub(crate) fn key_id(&self, alg: &str, typ: &str) -> Result<&str, Malformed> {
        // Borrowed text means: no escapes in header members. Ours have none.
        let header: Header<'_> = serde_json::from_slice(&self.header).map_err(|_| Malformed)?;
        if header.alg != alg || header.typ != typ || header.kid.is_empty() {
            return Err(Malformed);
        }
        Ok(header.kid)
    }

    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_slice(&self.payload).map_err(|_| Malformed)
    }

    pub(crate) fn signature(&self) -> Result<Vec<u8>, Malformed> {
        decode(self.signature)
    }
}

/// Returns the part of a token that is signed.
pub(crate) fn unsigned(
    header: &Header<'_>,
    claims: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let header = encode(serde_json::to_vec(header)?);
    let claims = encode(serde_json::to_vec(claims)?);
    Ok(format!("{header}.{claims}"))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)
}
