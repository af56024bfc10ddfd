//! Keyed digests and keys derived from a master secret.

use aws_lc_rs::hmac;

/// Returns the HMAC-SHA-256 of `parts` under `key`. Each part is preceded by its length
/// (eight bytes, big endian), so that no two lists of parts share a digest by moving a
/// border.
pub fn keyed_hash<P: AsRef<[u8]>>(key: &[u8], parts: &[P]) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        let part = part.as_ref();
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(mac.sign().as_ref());
    digest
}

/// Returns a 32-byte key for one purpose. Keys of different labels say nothing about
/// each other or about the master secret.
pub fn derive(master: &[u8], label: &str) -> [u8; 32] {
    keyed_hash(master, &["smilefactory key", label])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_parts_and_the_borders_between_them() {
        let of = |parts: &[&str]| keyed_hash(b"key", parts);
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["abc"]), of(&["abc", ""]));
        assert_ne!(of(&["abc"]), keyed_hash(b"other", &["abc"]));
        assert_ne!(derive(b"m", "otp"), derive(b"m", "cursor"));
    }
}
