//! Sort names.

use contracts::ListRule;
use fault::Violation;

use super::parse::{unknown, violation};

/// Most sort names in one request (FL-1).
const MOST: usize = 3;

/// One sort name with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The name, without `-`.
    pub name: &'static str,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl Sort {
    fn of(entry: &'static str) -> Self {
        match entry.strip_prefix('-') {
            Some(name) => Self {
                name,
                descending: true,
            },
            None => Self {
                name: entry,
                descending: false,
            },
        }
    }
}

/// Reads a comma list of sort names; each must be in the rule's list as written, its direction included.
pub(super) fn parse(rule: &ListRule, text: &str, wrong: &mut Vec<Violation>) -> Vec<Sort> {
    if text.trim().is_empty() {
        return rule
            .sort
            .first()
            .map(|entry| Sort::of(entry))
            .into_iter()
            .collect();
    }
    let asked: Vec<&str> = text.split(',').map(str::trim).collect();
    if asked.len() > MOST {
        wrong.push(violation(
            "sort",
            format!("must not have more than {MOST} names"),
        ));
        return Vec::new();
    }
    let mut sorts: Vec<Sort> = Vec::with_capacity(asked.len());
    for name in asked {
        match rule.sort.iter().find(|entry| **entry == name) {
            Some(entry) if sorts.iter().any(|sort| sort.name == Sort::of(entry).name) => {
                wrong.push(violation("sort", format!("`{name}` is given twice")));
            }
            Some(entry) => sorts.push(Sort::of(entry)),
            None => wrong.push(violation(
                "sort",
                unknown("sort name", name, rule.sort.iter().copied()),
            )),
        }
    }
    sorts
}
