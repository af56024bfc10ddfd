//! `docs/metrics.md` as a test reads it.

use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../../docs/metrics.md");

/// One metric as it is documented.
#[derive(Debug)]
pub(crate) struct Documented {
    pub(crate) kind: String,
    pub(crate) labels: Vec<String>,
    /// Labels that are there only where they apply.
    pub(crate) optional: Vec<String>,
    /// Whether every system with some traffic shows it.
    pub(crate) live: bool,
}

/// Reads the rows of all tables, by name.
pub(crate) fn metrics() -> BTreeMap<String, Documented> {
    let rows = TEXT.lines().filter(|line| line.starts_with("| `sf_"));
    let read = rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", name, kind, unit, labels, seen, meaning, ""] = cells[..] else {
            panic!("a row of six cells: {line}");
        };
        assert!(!unit.is_empty() && !meaning.is_empty(), "{line}");
        assert!(["live", "event"].contains(&seen), "{line}");
        let labels = labels.split(", ").filter(|label| !label.is_empty());
        let (optional, labels): (Vec<_>, Vec<_>) = labels.partition(|label| label.ends_with('?'));
        let documented = Documented {
            kind: kind.to_owned(),
            labels: labels.into_iter().map(str::to_owned).collect(),
            optional: optional
                .into_iter()
                .map(|label| label.trim_end_matches('?').to_owned())
                .collect(),
            live: seen == "live",
        };
        (name.trim_matches('`').to_owned(), documented)
    });
    let all: Vec<_> = read.collect();
    let count = all.len();
    let metrics: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(metrics.len(), count, "each metric is documented once");
    metrics
}

/// The metric a series belongs to: histograms have three.
pub(crate) fn base(series: &str, is_known: impl Fn(&str) -> bool) -> String {
    let suffixes = ["_bucket", "_sum", "_count"];
    let stripped = suffixes
        .iter()
        .find_map(|suffix| series.strip_suffix(suffix));
    match stripped {
        Some(base) if !is_known(series) => base.to_owned(),
        _ => series.to_owned(),
    }
}
