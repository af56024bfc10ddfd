//! The names of the IANA time zone database.

use std::sync::LazyLock;

/// One name a line, links included, from release 2025b.
const NAMES: &str = include_str!("time_zones.txt");

/// The names in lower case with their own spelling, ordered.
static ZONES: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    let mut zones: Vec<_> = NAMES
        .lines()
        .map(|name| (name.to_ascii_lowercase(), name))
        .collect();
    zones.sort_unstable();
    zones
});

/// The zone a text names, in its own spelling.
pub(super) fn find(text: &str) -> Option<&'static str> {
    let wanted = text.to_ascii_lowercase();
    match wanted.as_str() {
        "utc" => return Some("UTC"),
        "est" => return Some("America/New_York"),
        "pst" => return Some("America/Los_Angeles"),
        "cet" => return Some("Europe/Paris"),
        _ => {}
    }
    let found = ZONES
        .binary_search_by(|(name, _)| name.as_str().cmp(&wanted))
        .ok()?;
    ZONES.get(found).map(|(_, name)| *name)
}
