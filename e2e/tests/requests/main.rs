//! The requests of `docs/requests.md`, in process and through the door.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

mod cases;
mod door;
mod peers;
mod process;
mod reply;
mod service;

use std::collections::BTreeSet;

use cases::{Book, Case, Expected, Kind};
use door::Door;
use service::Outcome;

/// The rules the file has to speak of.
const RULES: [&str; 42] = [
    "CV-1", "CV-3", "CV-4", "CV-5", "CV-6", "CV-7", "CV-8", "CV-11", "CV-12", "CV-13", "CV-14",
    "CV-23", "CV-24", "CV-25", "CV-27", "TR-3", "TR-4", "TR-5", "TR-6", "TR-14", "TR-15", "TR-16",
    "TR-17", "TR-19", "TR-20", "K-6", "K-7", "PG-1", "PG-2", "PG-3", "PG-4", "PG-5", "FL-1",
    "FL-2", "FL-3", "FL-4", "FL-6", "HD-1", "HD-4", "N-14", "N-15", "N-16",
];

#[test]
fn the_file_speaks_of_every_rule_and_has_300_cases() {
    let book = Book::read();
    let spoken: BTreeSet<&str> = book
        .headings
        .iter()
        .flat_map(|heading| heading.split([' ', ',', ':']))
        .collect();
    let missing: Vec<&str> = RULES
        .into_iter()
        .filter(|rule| !spoken.contains(rule))
        .collect();
    assert_eq!(missing, [""; 0], "rules without a heading");
    assert!(book.cases.len() >= 300, "{} cases", book.cases.len());
}

#[test]
fn requests_mean_what_the_file_says_in_process() {
    let book = Book::read();
    let cases: Vec<&Case> = book
        .cases
        .iter()
        .filter(|case| case.kind == Kind::Anywhere)
        .collect();
    assert!(
        cases.len() > book.cases.len() / 2,
        "most requests need no door"
    );
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| difference(case, &process::outcome(case)))
        .collect();
    none(&wrong, cases.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_mean_what_the_file_says_through_the_door() {
    let book = Book::read();
    let door = Door::open().await;
    let mut wrong = Vec::new();
    for case in &book.cases {
        let (outcome, reply) = door.send(case).await;
        wrong.extend(difference(case, &outcome));
        wrong.extend(case.headers_expected.iter().filter_map(|(name, value)| {
            let given = reply.header(name);
            (given != Some(value)).then(|| {
                format!(
                    "{}\n  expected {name}: {value}\n     given {given:?}",
                    case.place()
                )
            })
        }));
    }
    none(&wrong, book.cases.len());
}

fn difference(case: &Case, outcome: &Outcome) -> Option<String> {
    let told = match (&case.expected, outcome) {
        (
            Expected::Received {
                status,
                rpc,
                message,
            },
            Outcome::Received {
                status: given,
                rpc: called,
                message: read,
            },
        ) => status == given && rpc == called && message == read,
        (
            Expected::Answered { status, data },
            Outcome::Answered {
                status: given,
                data: answered,
            },
        ) => status == given && data.as_ref().is_none_or(|data| data == answered),
        (
            Expected::Refused {
                status,
                code,
                details,
            },
            Outcome::Refused {
                status: given,
                code: told,
                details: found,
            },
        ) => status == given && code == told && same(details, found),
        _ => false,
    };
    (!told).then(|| {
        format!(
            "{}\n  expected {}\n     given {outcome}",
            case.place(),
            case.expected_text
        )
    })
}

/// The same fields, in whatever order, each with the words it must hold.
fn same(expected: &[(String, String)], given: &[(String, String)]) -> bool {
    let mut left: Vec<&(String, String)> = given.iter().collect();
    for (field, words) in expected {
        let found = left
            .iter()
            .position(|(name, message)| name == field && message.contains(words));
        match found {
            Some(index) => left.remove(index),
            None => return false,
        };
    }
    left.is_empty()
}

fn none(wrong: &[String], of: usize) {
    assert!(
        wrong.is_empty(),
        "{} of {of} requests mean something else:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
