//! The table a run ends with.

use std::time::Duration;

/// One figure and what it should be.
#[derive(Debug, Clone)]
pub struct Row {
    what: String,
    found: String,
    target: String,
    met: bool,
}

impl Row {
    /// A figure as text.
    pub fn new(
        what: impl Into<String>,
        found: impl Into<String>,
        target: impl Into<String>,
        met: bool,
    ) -> Self {
        Self {
            what: what.into(),
            found: found.into(),
            target: target.into(),
            met,
        }
    }

    /// A time that should not be longer.
    #[must_use]
    pub fn at_most(what: impl Into<String>, found: Duration, target: Duration) -> Self {
        Self::new(
            what,
            format!("{:.3} s", found.as_secs_f64()),
            format!("<= {} s", target.as_secs_f64()),
            found <= target,
        )
    }

    /// Things that should not be.
    #[must_use]
    pub fn none(what: impl Into<String>, found: &[String]) -> Self {
        for one in found.iter().take(20) {
            say(&format!("  {one}"));
        }
        Self::new(what, found.len().to_string(), "0", found.is_empty())
    }

    /// Whether it is as it should be.
    #[must_use]
    pub const fn is_met(&self) -> bool {
        self.met
    }
}

/// Prints the table.
#[allow(clippy::print_stdout, reason = "the table is what a run is for")]
pub fn print(rows: &[Row]) {
    println!("\n| what | found | target | |\n|---|---|---|---|");
    for Row {
        what,
        found,
        target,
        met,
    } in rows
    {
        let verdict = if *met { "met" } else { "MISSED" };
        println!("| {what} | {found} | {target} | {verdict} |");
    }
}

/// Says how far it is.
#[allow(clippy::print_stderr, reason = "a long run shows that it lives")]
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}
