//! Request ids: those of clients when well formed, else our own (HD-1).

use uuid::Builder;

use crate::clock;

/// Returns a fresh request id: a `UUIDv7` in 32 hexadecimal digits. Its random part comes from the thread's generator, because
/// every request has one and the kernel's is a call away; ids of one millisecond have no order.
pub fn fresh() -> String {
    let now = clock::now();
    let millis = now.unix_timestamp() * 1000 + i64::from(now.millisecond());
    // The clock stands after 1970.
    let millis = u64::try_from(millis).unwrap_or(0);
    let id = Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    id.simple().to_string()
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
    fn hd_1_a_fresh_id_is_a_version_7_of_now_and_no_other() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let id = uuid::Uuid::parse_str(&id).unwrap();
            assert_eq!(
                (id.get_version_num(), id.get_variant()),
                (7, uuid::Variant::RFC4122)
            );
            let (seconds, _) = id.get_timestamp().unwrap().to_unix();
            assert!(clock::unix().abs_diff(seconds.cast_signed()) < 60);
        }
    }

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
