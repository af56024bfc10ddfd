//! Fuzz targets over everything that reads what a client sends: each a function from bytes to nothing that panics when a
//! property is broken.
//!
//! `tests/bounded.rs` runs every target over its corpus and over a fixed number of variations of it, the same ones on
//! every run; `./dev fuzz TARGET [SECONDS]` runs one for long, guided by coverage. Inputs are texts, or begin with a line
//! of text, so that a corpus file can be read and written by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a target fails by panicking"
)]

mod cursor;
mod envelope;
mod filter;
mod json;
mod pool;
mod printed;
mod request;
mod template;

/// One fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Pieces of its language, which variations are made of.
    pub words: &'static [&'static str],
    /// Panics when a property does not hold for an input. Input that means nothing to the target is passed over.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 6] = [
    template::TARGET,
    request::TARGET,
    json::TARGET,
    envelope::TARGET,
    cursor::TARGET,
    filter::TARGET,
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The first line and everything after it.
fn split_line(input: &[u8]) -> Option<(&str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&input[..end]).ok()?, &input[end + 1..]))
}
