//! Cursors: opaque, signed, bound to what they were made for, good for 24 h (PG-4, ST-3).
//!
//! Lists make theirs themselves (see [`list`](crate::list)); this is for those who walk in their own way.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use fault::{Fault, Result};
use hmac::{Hmac, KeyInit, Mac};
use identity::Viewer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long a cursor is good, in seconds (N-11).
const LIFE: i64 = 24 * 60 * 60;
/// How far in the future another replica's clock may have made one, in seconds (N-6).
const LEEWAY: i64 = 30;
/// Bytes of the signature that are kept.
const SIGNATURE: usize = 16;
/// No honest cursor is longer, in characters.
pub const LONGEST: usize = 4096;

/// Why a cursor is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It was altered, or made for something else.
    Foreign,
    /// It was good and is older than 24 h.
    Old,
}

/// The signature's state after everything a cursor is bound to.
#[derive(Clone)]
pub struct Binding(Hmac<Sha256>);

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    /// When it was made, in seconds of the epoch.
    t: i64,
    /// Where it stands.
    k: T,
}

impl Binding {
    /// Binds cursors to an RPC (its gRPC path), a viewer and whatever else decides what is walked; `key` signs them.
    #[must_use]
    pub fn new(key: &[u8], rpc: &str, viewer: &Viewer, facts: &[&str]) -> Self {
        // HMAC takes keys of any length; the default is never used.
        let mac =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        let viewer = format!("{:?} {:?}", viewer.profile_id, viewer.account_id);
        let mut binding = Self(mac);
        for fact in ["smilefactory cursor 1", rpc, &viewer].iter().chain(facts) {
            // The length keeps neighbours apart.
            binding.0.update(&(fact.len() as u64).to_be_bytes());
            binding.0.update(fact.as_bytes());
        }
        binding
    }

    /// Writes the cursor of a place, made at `now`, in seconds of the epoch.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when the place cannot be written as JSON.
    pub fn seal<T: Serialize>(&self, place: &T, now: i64) -> Result<String> {
        let content = serde_json::to_vec(&Sealed { t: now, k: place }).map_err(Fault::internal)?;
        let mut mac = self.0.clone();
        mac.update(&content);
        let mut bytes = mac.finalize().into_bytes()[..SIGNATURE].to_vec();
        bytes.extend_from_slice(&content);
        Ok(BASE64.encode(bytes))
    }

    /// Reads the place of a cursor that was made for exactly this, at most 24 h before `now`.
    ///
    /// # Errors
    /// [`Refused`]; in constant time as far as the signature goes.
    pub fn open<T: DeserializeOwned>(
        &self,
        cursor: &str,
        now: i64,
    ) -> std::result::Result<T, Refused> {
        if cursor.len() > LONGEST {
            return Err(Refused::Foreign);
        }
        let bytes = BASE64.decode(cursor).map_err(|_| Refused::Foreign)?;
        let (signature, content) = bytes.split_at_checked(SIGNATURE).ok_or(Refused::Foreign)?;
        let mut mac = self.0.clone();
        mac.update(content);
        mac.verify_truncated_left(signature)
            .map_err(|_| Refused::Foreign)?;
        let Sealed { t, k } = serde_json::from_slice(content).map_err(|_| Refused::Foreign)?;
        match now - t {
            age if age > LIFE => Err(Refused::Old),
            age if age < -LEEWAY => Err(Refused::Foreign),
            _ => Ok(k),
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn binding(rpc: &str, viewer: &Viewer, facts: &[&str]) -> Binding {
        Binding::new(b"key", rpc, viewer, facts)
    }

    #[test]
    fn pg_4_a_cursor_opens_only_where_it_was_sealed() {
        let nobody = Viewer::default();
        let somebody = Viewer {
            profile_id: Some(uuid::Uuid::nil()),
            account_id: None,
        };
        let made = binding("/a.B/List", &nobody, &["x", "y"]);
        let cursor = made.seal(&("place", 1), NOW).unwrap();
        assert_eq!(
            made.open::<(String, i32)>(&cursor, NOW),
            Ok(("place".to_owned(), 1))
        );
        for other in [
            binding("/a.B/ListOther", &nobody, &["x", "y"]),
            binding("/a.B/List", &somebody, &["x", "y"]),
            binding("/a.B/List", &nobody, &["xy", ""]),
            binding("/a.B/List", &nobody, &["x"]),
            Binding::new(b"other", "/a.B/List", &nobody, &["x", "y"]),
        ] {
            assert_eq!(
                other.open::<(String, i32)>(&cursor, NOW),
                Err(Refused::Foreign)
            );
        }
    }

    #[test]
    fn pg_4_no_altered_byte_is_accepted() {
        let binding = binding("/a.B/List", &Viewer::default(), &[]);
        let cursor = binding.seal(&["x", "y"], NOW).unwrap();
        let opened = |text: &str| binding.open::<Vec<String>>(text, NOW);
        let bytes = BASE64.decode(&cursor).unwrap();
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            assert_eq!(
                opened(&BASE64.encode(altered)),
                Err(Refused::Foreign),
                "byte {index}"
            );
        }
        for junk in [
            "",
            "x",
            "====",
            "\u{e9}",
            &"A".repeat(5000),
            &cursor[..cursor.len() - 1],
        ] {
            assert_eq!(opened(junk), Err(Refused::Foreign), "{junk}");
        }
    }

    #[test]
    fn n_11_a_cursor_is_good_for_24_hours() {
        let binding = binding("/a.B/List", &Viewer::default(), &[]);
        let cursor = binding.seal(&1, NOW).unwrap();
        let opened = |now| binding.open::<i32>(&cursor, now);
        assert_eq!(opened(NOW + LIFE), Ok(1));
        assert_eq!(opened(NOW + LIFE + 1), Err(Refused::Old));
        // Another replica's clock may be ahead, but not by much.
        assert_eq!(opened(NOW - LEEWAY), Ok(1));
        assert_eq!(opened(NOW - LEEWAY - 1), Err(Refused::Foreign));
    }
}
