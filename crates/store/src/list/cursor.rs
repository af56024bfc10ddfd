//! The cursors of lists: bound to filter, search and sort, standing after a row (PG-3, PG-4).

use fault::{Fault, Result};
use identity::{Viewer, clock};

use super::filter::Filter;
use super::order::Sort;
use super::parse::Search;
use crate::cursor::{Binding, Refused};

/// Binds the cursors of a list to everything that decides its rows and their order.
pub(super) fn binding(
    key: &[u8],
    rpc: &str,
    viewer: &Viewer,
    filters: &[Filter],
    search: Option<&Search>,
    sort: &[Sort],
) -> Binding {
    let mut filters: Vec<String> = filters.iter().map(|filter| format!("{filter:?}")).collect();
    filters.sort_unstable();
    let facts = [
        format!("{filters:?}"),
        format!("{:?}", search.map(Search::text)),
        format!("{sort:?}"),
    ];
    Binding::new(key, rpc, viewer, &facts.each_ref().map(String::as_str))
}

/// Writes the cursor that stands after the row with these sort keys, as SQL text.
pub(super) fn seal(keys: &[Option<String>], binding: &Binding) -> Result<String> {
    binding.seal(&keys, clock::unix())
}

/// Reads the sort keys of a cursor that was made for exactly this: one per sort name and one for the tie-breaker.
pub(super) fn open(cursor: &str, binding: &Binding, sorts: usize) -> Result<Vec<Option<String>>> {
    let opened = binding.open::<Vec<Option<String>>>(cursor, clock::unix());
    let message = match opened {
        Ok(keys) if keys.len() == sorts + 1 => return Ok(keys),
        Ok(_) | Err(Refused::Foreign) => {
            "is not a cursor of this list for this viewer, filter, search and sort"
        }
        Err(Refused::Old) => "is older than 24 hours; start again with an empty cursor",
    };
    Err(Fault::invalid("cursor", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORT: [Sort; 1] = [Sort {
        name: "createdAt",
        descending: true,
    }];

    fn sorted(sort: &[Sort]) -> Binding {
        binding(b"key", "/a.B/List", &Viewer::default(), &[], None, sort)
    }

    #[test]
    fn pg_4_a_cursor_is_bound_to_the_sort_and_has_a_key_for_each_of_its_names() {
        let keys = vec![Some("2026-01-01".to_owned()), Some("id".to_owned())];
        let cursor = seal(&keys, &sorted(&SORT)).unwrap();
        assert_eq!(open(&cursor, &sorted(&SORT), 1).unwrap(), keys);
        let ascending = [Sort {
            descending: false,
            ..SORT[0]
        }];
        assert!(open(&cursor, &sorted(&ascending), 1).is_err());
        assert!(open(&cursor, &sorted(&SORT), 2).is_err());
    }
}
