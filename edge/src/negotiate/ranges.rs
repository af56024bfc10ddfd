//! The media ranges of an `Accept`, and how well a type fits them (RFC 9110 §12.5.1).

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT;

use super::{Weight, weight};

/// What a client accepts.
#[derive(Debug)]
pub(crate) struct Ranges(Vec<Range>);

/// How well a type fits: its weight, how exactly a range names it, and how early that range stands. More is better.
pub(crate) type Fit = (Weight, u8, Reverse<usize>);

#[derive(Debug)]
struct Range {
    kind: String,
    subtype: String,
    weight: Weight,
}

impl Ranges {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter();
        let ranges = values
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .filter(|range| !range.trim().is_empty())
            .map(Range::read);
        Self(ranges.collect())
    }

    /// Reports whether nothing is said, so that everything is accepted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how well the most exact range that names `kind/subtype` likes it; none when it is ruled out.
    pub(crate) fn fit(&self, kind: &str, subtype: &str) -> Option<Fit> {
        let named = self.0.iter().enumerate().filter_map(|(place, range)| {
            let exact = range.exactness(kind, subtype)?;
            Some((exact, Reverse(place), range.weight))
        });
        let (exact, place, weight) = named.max()?;
        (weight > 0).then_some((weight, exact, place))
    }
}

impl Range {
    fn read(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/').unwrap_or_default();
        // What is no weight counts as none at all.
        let named = |parameter: &&str| {
            parameter
                .get(..2)
                .is_some_and(|it| it.eq_ignore_ascii_case("q="))
        };
        let weight = parts.find(named).map(|it| weight(it).unwrap_or(0));
        Self {
            kind: kind.to_owned(),
            subtype: subtype.to_owned(),
            weight: weight.unwrap_or(1000),
        }
    }

    /// Returns how exactly the range names a type; none when it does not.
    fn exactness(&self, kind: &str, subtype: &str) -> Option<u8> {
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") => Some(0),
            (range, "*") if range == kind => Some(1),
            (range, exact) if range == kind && exact == subtype => Some(2),
            _ => None,
        }
    }
}
