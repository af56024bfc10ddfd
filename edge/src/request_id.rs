//! The request id: the client's when it is well formed, otherwise a new one (HD-1).

use http::{HeaderMap, HeaderName};

/// Header a request id travels in, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the id of a request with these headers.
pub(crate) fn of(headers: &HeaderMap) -> String {
    headers
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|text| identity::request_id::is_acceptable(text))
        .map_or_else(identity::request_id::fresh, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hd_1_a_well_formed_request_id_is_kept_and_any_other_replaced() {
        let with = |text: &str| {
            let mut map = HeaderMap::new();
            map.insert(HEADER, text.parse().unwrap());
            of(&map)
        };
        for good in ["12345678", "a.b_c-D9", &"x".repeat(128)] {
            assert_eq!(with(good), good);
        }
        for bad in [
            "1234567",
            &"x".repeat(129),
            "has space",
            "forged\"json",
            "ümlaut-id",
            "",
        ] {
            let id = with(bad);
            assert_ne!(id, bad);
            assert!(identity::request_id::is_acceptable(&id));
        }
    }
}
