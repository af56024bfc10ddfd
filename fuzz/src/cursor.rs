//! Cursors: one opens exactly where it was sealed, and nothing else ever opens.
//!
//! Input, by lines: the list it is sealed for and the list it is opened for, each as a query string over a list RPC that
//! has cursors (`rpc`, `viewer`, `sort`, `filter`, `search`); the sort keys, apart by commas, `~` for none; a cursor
//! nobody sealed.

use std::collections::BTreeMap;

use contracts::ListRule;
use fault::Violation;
use identity::Viewer;
use store::cursor::LONGEST;
use store::list::{ListQuery, ListRequest};
use uuid::Uuid;

use crate::Target;

pub(crate) const TARGET: Target = Target {
    name: "cursor",
    words: &[
        "rpc=/smilefactory.feed.v1.FeedService/ListFeed",
        "&viewer=1",
        "&viewer=2",
        "&sort=publishedAt",
        "&sort=-publishedAt",
        "&filter={\"featured\":true}",
        "&filter={\"tags\":\"a\"}",
        "&search=rust",
        "\n",
        ",",
        "~",
        "A",
        "_",
        "-",
        "=",
        "%00",
        "'",
    ],
    run,
};

const KEY: &[u8] = b"the key of the fuzz targets";

/// One list as somebody asks for it.
struct List {
    rule: &'static ListRule,
    rpc: String,
    viewer: Viewer,
    sort: String,
    filter: String,
    search: String,
}

impl List {
    fn of(line: &str) -> Option<Self> {
        let mut given: BTreeMap<String, String> = url::form_urlencoded::parse(line.as_bytes())
            .into_owned()
            .collect();
        let mut take = |name: &str| given.remove(name).unwrap_or_default();
        let rpc = take("rpc");
        let rule = contracts::rpc(&rpc)?
            .list
            .as_ref()
            .filter(|rule| rule.cursor)?;
        let id = take("viewer").parse().ok().map(Uuid::from_u128);
        let viewer = Viewer {
            profile_id: id,
            account_id: id,
        };
        Some(Self {
            rule,
            rpc,
            viewer,
            sort: take("sort"),
            filter: take("filter"),
            search: take("search"),
        })
    }

    fn query(&self, cursor: Option<&str>) -> Result<ListQuery, Vec<Violation>> {
        let request = ListRequest {
            cursor,
            sort: &self.sort,
            filter: &self.filter,
            search: &self.search,
            ..ListRequest::default()
        };
        ListQuery::parse(self.rule, &self.rpc, &self.viewer, &request, KEY)
            .map_err(|fault| fault.get_violations().to_vec())
    }

    /// What a cursor is bound to, as it was understood and not as it was written (PG-4).
    fn meaning(&self, query: &ListQuery) -> impl PartialEq + std::fmt::Debug + use<> {
        let mut filters: Vec<String> = query
            .filters()
            .iter()
            .map(|filter| format!("{filter:?}"))
            .collect();
        filters.sort();
        let search = query.search().map(|search| search.text().to_owned());
        (
            self.rpc.clone(),
            self.viewer.profile_id,
            query.sort().to_vec(),
            filters,
            search,
        )
    }

    fn refuses(&self, cursor: &str) {
        let wrong = self
            .query(Some(cursor))
            .expect_err("a cursor nobody sealed for this opened");
        assert_eq!(
            wrong
                .iter()
                .map(|each| each.field.as_str())
                .collect::<Vec<_>>(),
            ["cursor"],
            "{wrong:?}"
        );
    }
}

fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (Some(list), Some(elsewhere), keys, forged) =
        (List::of(next()), List::of(next()), next(), next())
    else {
        return;
    };
    let (Ok(query), Ok(other)) = (list.query(None), elsewhere.query(None)) else {
        return;
    };
    if !forged.is_empty() {
        list.refuses(forged);
    }
    let keys: Vec<Option<String>> = keys
        .split(',')
        .map(|key| (key != "~").then(|| key.to_owned()))
        .collect();
    let fits = keys.len() == query.sort().len() + 1;
    let sealed = query.cursor_after(&keys).unwrap().unwrap();
    if fits && sealed.len() <= LONGEST {
        let opened = list
            .query(Some(&sealed))
            .expect("a cursor opens where it was sealed");
        assert!(opened.is_cursor_mode());
        // The keys come back: the same place is sealed into the same text, within the second.
        assert!(
            format!("{opened:?}").contains(&format!("{keys:?}")),
            "{keys:?} in {opened:?}"
        );
        altered(&list, &sealed, forged);
    } else {
        list.refuses(&sealed);
    }
    if list.meaning(&query) == elsewhere.meaning(&other) {
        assert_eq!(
            elsewhere.query(Some(&sealed)).is_ok(),
            fits && sealed.len() <= LONGEST
        );
    } else {
        elsewhere.refuses(&sealed);
    }
}

/// Any one character made another one, taken out or put in closes it. Where, the forged text says.
fn altered(list: &List, sealed: &str, forged: &str) {
    let seed = forged.bytes().fold(7usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let at = seed % sealed.len();
    let (before, after) = sealed.split_at(at);
    let swapped = if after.starts_with('A') { "B" } else { "A" };
    list.refuses(&format!("{before}{swapped}{}", &after[1..]));
    list.refuses(&format!("{before}{}", &after[1..]));
    list.refuses(&format!("{before}{swapped}{after}"));
}
