//! Cursors: opaque, signed, bound to what they were made for, good for 24 h (PG-4).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use fault::{Fault, Result};
use hmac::{Hmac, KeyInit, Mac};
use identity::Viewer;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::filter::Filter;
use super::order::Sort;
use super::parse::Search;

/// How long a cursor is good, in seconds (N-11).
const LIFE: i64 = 24 * 60 * 60;
/// How far in the future another replica's clock may have made one, in seconds (N-6).
const LEEWAY: i64 = 30;
/// Bytes of the signature that are kept.
const SIGNATURE: usize = 16;
/// No honest cursor is longer, in characters.
const LONGEST: usize = 2048;

/// The signature's state after everything a cursor is bound to.
#[derive(Clone)]
pub(super) struct Binding(Hmac<Sha256>);

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding")
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    /// When it was made, in seconds of the epoch.
    t: i64,
    /// Sort keys of the row it stands after, as SQL text.
    k: Vec<Option<String>>,
}

impl Binding {
    pub(super) fn new(
        key: &[u8],
        rpc: &str,
        viewer: &Viewer,
        filters: &[Filter],
        search: Option<&Search>,
        sort: &[Sort],
    ) -> Self {
        // HMAC takes keys of any length; the default is never used.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        let mut filters: Vec<String> = filters.iter().map(|filter| format!("{filter:?}")).collect();
        filters.sort_unstable();
        let facts = [
            "smilefactory cursor 1".to_owned(),
            rpc.to_owned(),
            format!("{:?} {:?}", viewer.profile_id, viewer.account_id),
            format!("{filters:?}"),
            format!("{:?}", search.map(Search::text)),
            format!("{sort:?}"),
        ];
        for fact in facts {
            // The length keeps neighbours apart.
            mac.update(&(fact.len() as u64).to_be_bytes());
            mac.update(fact.as_bytes());
        }
        Self(mac)
    }
}

/// Writes the cursor that stands after a row.
pub(super) fn seal(keys: Vec<Option<String>>, binding: &Binding) -> Result<String> {
    let content = serde_json::to_vec(&Content {
        t: identity::clock::unix(),
        k: keys,
    })
    .map_err(Fault::internal)?;
    let mut mac = binding.0.clone();
    mac.update(&content);
    let mut bytes = mac.finalize().into_bytes()[..SIGNATURE].to_vec();
    bytes.extend_from_slice(&content);
    Ok(BASE64.encode(bytes))
}

/// Reads the sort keys of a cursor that was made for exactly this.
pub(super) fn open(cursor: &str, binding: &Binding, sorts: usize) -> Result<Vec<Option<String>>> {
    let invalid = || {
        Fault::invalid(
            "cursor",
            "is not a cursor of this list for this viewer, filter, search and sort",
        )
    };
    if cursor.len() > LONGEST {
        return Err(invalid());
    }
    let bytes = BASE64.decode(cursor).map_err(|_| invalid())?;
    let (signature, content) = bytes.split_at_checked(SIGNATURE).ok_or_else(invalid)?;
    let mut mac = binding.0.clone();
    mac.update(content);
    mac.verify_truncated_left(signature)
        .map_err(|_| invalid())?;
    let Content { t, k } = serde_json::from_slice(content).map_err(|_| invalid())?;
    let age = identity::clock::unix() - t;
    if !(-LEEWAY..=LIFE).contains(&age) {
        return Err(Fault::invalid(
            "cursor",
            "is older than 24 hours; start again with an empty cursor",
        ));
    }
    // One key per sort name and one for the tie-breaker.
    if k.len() == sorts + 1 {
        Ok(k)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(viewer: &Viewer, sort: &[Sort]) -> Binding {
        Binding::new(b"key", "/a.B/List", viewer, &[], None, sort)
    }

    fn made_at(seconds: i64, binding: &Binding) -> String {
        let content = serde_json::to_vec(&Content {
            t: seconds,
            k: vec![Some("x".to_owned()), None],
        })
        .unwrap();
        let mut mac = binding.0.clone();
        mac.update(&content);
        let mut bytes = mac.finalize().into_bytes()[..SIGNATURE].to_vec();
        bytes.extend_from_slice(&content);
        BASE64.encode(bytes)
    }

    const SORT: [Sort; 1] = [Sort {
        name: "createdAt",
        descending: true,
    }];

    #[test]
    fn pg_4_a_cursor_opens_only_where_it_was_sealed() {
        let viewer = Viewer::default();
        let keys = vec![Some("2026-01-01".to_owned()), Some("id".to_owned())];
        let cursor = seal(keys.clone(), &binding(&viewer, &SORT)).unwrap();
        assert_eq!(open(&cursor, &binding(&viewer, &SORT), 1).unwrap(), keys);
        let other = Viewer {
            profile_id: Some(uuid::Uuid::nil()),
            account_id: None,
        };
        assert!(open(&cursor, &binding(&other, &SORT), 1).is_err());
        let ascending = [Sort {
            descending: false,
            ..SORT[0]
        }];
        assert!(open(&cursor, &binding(&viewer, &ascending), 1).is_err());
        let elsewhere = Binding::new(b"key", "/a.B/ListOther", &viewer, &[], None, &SORT);
        assert!(open(&cursor, &elsewhere, 1).is_err());
    }

    #[test]
    fn pg_4_no_altered_byte_is_accepted() {
        let binding = binding(&Viewer::default(), &SORT);
        let cursor = seal(vec![Some("x".to_owned()), Some("y".to_owned())], &binding).unwrap();
        let bytes = BASE64.decode(&cursor).unwrap();
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            assert!(
                open(&BASE64.encode(altered), &binding, 1).is_err(),
                "byte {index}"
            );
        }
        for junk in [
            "x",
            "====",
            "\u{e9}",
            &"A".repeat(5000),
            &cursor[..cursor.len() - 1],
        ] {
            assert!(open(junk, &binding, 1).is_err(), "{junk}");
        }
    }

    #[test]
    fn n_11_a_cursor_is_good_for_24_hours() {
        let binding = binding(&Viewer::default(), &SORT);
        let now = identity::clock::unix();
        assert!(open(&made_at(now - LIFE + 60, &binding), &binding, 1).is_ok());
        assert!(open(&made_at(now - LIFE - 60, &binding), &binding, 1).is_err());
        assert!(open(&made_at(now + 3600, &binding), &binding, 1).is_err());
    }
}
