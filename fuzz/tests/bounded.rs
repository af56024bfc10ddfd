//! Every target over its corpus, and over variations of it that are the same on every run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz::Target;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Longest variation in bytes; what is longer says nothing more.
const LONGEST: usize = 2_000;

/// One change of an input.
#[derive(Debug, Clone)]
struct Edit {
    /// Where, as a part of the length.
    at: u16,
    /// What of: see [`Edit::apply`].
    kind: u8,
    /// Which word, byte or other input.
    which: u16,
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>, target: &Target, corpus: &[Vec<u8>]) {
        let at = (usize::from(self.at) * input.len()) >> 16;
        let which = usize::from(self.which);
        let word = target.words[which % target.words.len()].as_bytes();
        // Up to eight bytes, and never beyond the end.
        let run = at..(at + 1 + which % 8).min(input.len());
        match self.kind {
            0..=2 => drop(input.splice(at..at, word.iter().copied())),
            3..=4 => drop(input.splice(run, word.iter().copied())),
            5 => drop(input.drain(run)),
            6 if at < input.len() => input[at] = self.which as u8,
            7 => {
                let copied = input[run].to_vec();
                drop(input.splice(at..at, copied));
            }
            // The rest of another input.
            8 => {
                let other = &corpus[which % corpus.len()];
                input.truncate(at);
                input.extend_from_slice(&other[(usize::from(self.at) * other.len()) >> 16..]);
            }
            _ => {}
        }
        input.truncate(LONGEST);
    }
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{} has a corpus", target.name);
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn holds(target: &Target, input: &[u8]) -> Result<(), TestCaseError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    outcome.map_err(|_| {
        let shown = input.escape_ascii();
        TestCaseError::fail(format!(
            "{} does not hold for b\"{shown}\"; add it to the corpus",
            target.name
        ))
    })
}

/// Runs a target over its corpus and `cases` variations.
#[track_caller]
fn bounded(name: &str, cases: u32) {
    let target = fuzz::target(name).unwrap();
    let corpus = corpus(target);
    for input in &corpus {
        holds(target, input).unwrap();
    }
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let edit =
        (any::<u16>(), 0u8..9, any::<u16>()).prop_map(|(at, kind, which)| Edit { at, kind, which });
    let edits = (0..corpus.len(), prop::collection::vec(edit, 1..8));
    let outcome = TestRunner::new_with_rng(config, rng).run(&edits, |(seed, edits)| {
        let mut input = corpus[seed].clone();
        for edit in &edits {
            edit.apply(&mut input, target, &corpus);
        }
        holds(target, &input)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn tr_14_templates_route_as_a_search_over_all_of_them_would() {
    bounded("template", 600);
}

#[test]
fn tr_15_requests_say_what_prost_reflect_reads() {
    bounded("request", 6_000);
}

#[test]
fn k_3_json_reads_as_prost_reflect_reads_it_and_comes_back() {
    bounded("json", 6_000);
}

#[test]
fn cv_2_replies_print_as_json_whatever_their_bytes() {
    bounded("envelope", 6_000);
}

#[test]
fn pg_4_a_cursor_opens_only_where_it_was_sealed() {
    bounded("cursor", 4_000);
}

#[test]
fn fl_2_filters_print_back_and_never_into_the_statement() {
    bounded("filter", 4_000);
}
