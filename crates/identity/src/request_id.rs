//! Request ids: those of clients when well formed, else our own (HD-1).

use uuid::Uuid;

/// Returns a fresh request id: a `UUIDv7` in 32 hexadecimal digits.
pub fn fresh() -> String {
    Uuid::now_v7().simple().to_string()
}

/// Whether a client's request id may be kept: 8..128 of `[A-Za-z0-9._-]`.
pub fn is_acceptable(id: &str) -> bool {
    (8..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hd_1_only_short_plain_ids_are_kept() {
        assert!(is_acceptable("abcd.EF_-9"));
        assert!(is_acceptable(&fresh()));
        assert!(is_acceptable(&"a".repeat(128)));
        for bad in [
            "",
            "short",
            "has space",
            "new\nline1",
            "ümlaut-ümlaut",
            &"a".repeat(129),
        ] {
            assert!(!is_acceptable(bad), "{bad:?}");
        }
    }
}
