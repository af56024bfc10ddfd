//! The filter language: a JSON object of names, each with a value, a list of values, or operators (FL-2, FL-6).

mod value;

use std::fmt;

use contracts::{FilterKind, FilterRule, ListRule};
use fault::Violation;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use super::parse::{unknown, violation};

pub use value::Value;

/// Longest filter in bytes, most names, most values of one name (N-12).
const LIMITS: (usize, usize, usize) = (2048, 10, 50);

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal; for tags: has it.
    Eq,
    /// Not equal; for tags: has it not.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Any of; for tags: has any of.
    In,
    /// None of.
    Nin,
    /// Text: contains it, case and accents folded. Tags: has all of.
    Contains,
    /// Has a value (`true`) or has none (`false`).
    Exists,
}

/// One condition of a list; several of one name must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The name, as the rule has it.
    pub name: &'static str,
    /// How it compares.
    pub op: Op,
    /// One value, except for `In`, `Nin` and tags: 1..50.
    pub values: Vec<Value>,
}

impl Filter {
    /// The first value as an id.
    #[must_use]
    pub fn id(&self) -> Option<uuid::Uuid> {
        match self.values.first() {
            Some(Value::Id(id)) => Some(*id),
            _ => None,
        }
    }

    /// The first value as true or false.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        match self.values.first() {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The first value as a time.
    #[must_use]
    pub fn timestamp(&self) -> Option<time::OffsetDateTime> {
        match self.values.first() {
            Some(Value::Timestamp(value)) => Some(*value),
            _ => None,
        }
    }

    /// Every value as text, as it is bound.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.values.iter().map(Value::text).collect()
    }
}

/// Reads the JSON of a filter against the rule, adding every violation found.
pub(super) fn parse(rule: &ListRule, text: &str, wrong: &mut Vec<Violation>) -> Vec<Filter> {
    let (bytes, names, _) = LIMITS;
    if text.trim().is_empty() {
        return Vec::new();
    }
    if text.len() > bytes {
        wrong.push(violation(
            "filter",
            format!("must not be longer than {bytes} bytes"),
        ));
        return Vec::new();
    }
    let Pairs(pairs) = match serde_json::from_str(text) {
        Ok(pairs) => pairs,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            wrong.push(violation(
                "filter",
                format!("must be a JSON object with each name once ({place})"),
            ));
            return Vec::new();
        }
    };
    if pairs.len() > names {
        wrong.push(violation(
            "filter",
            format!("must not have more than {names} names"),
        ));
        return Vec::new();
    }
    let mut filters = Vec::new();
    for (name, json) in pairs {
        match rule.filters.iter().find(|known| known.name == name) {
            Some(known) => conditions(known, &json, &mut filters, wrong),
            None => wrong.push(violation(
                name.as_str(),
                unknown("filter", &name, rule.filters.iter().map(|known| known.name)),
            )),
        }
    }
    filters
}

/// Reads `v`, `[v, …]` or `{"op": v, …}` of one name.
fn conditions(
    rule: &FilterRule,
    json: &Json,
    filters: &mut Vec<Filter>,
    wrong: &mut Vec<Violation>,
) {
    let found = match json {
        Json::Object(ops) if ops.is_empty() => Err("needs an operator".to_owned()),
        Json::Object(ops) => ops.iter().try_for_each(|(name, json)| {
            filters.push(condition(rule, op(name)?, json)?);
            Ok(())
        }),
        Json::Array(_) => condition(rule, Op::In, json).map(|filter| filters.push(filter)),
        json => condition(rule, Op::Eq, json).map(|filter| filters.push(filter)),
    };
    if let Err(message) = found {
        wrong.push(violation(rule.name, message));
    }
}

fn condition(rule: &FilterRule, op: Op, json: &Json) -> Result<Filter, String> {
    if !applies(op, rule.kind) {
        return Err(format!("cannot be compared by `{}`", word(op)));
    }
    if op == Op::Exists {
        let values = vec![value::read(FilterKind::Bool, &[], json)?];
        return Ok(Filter {
            name: rule.name,
            op,
            values,
        });
    }
    let several = matches!(op, Op::In | Op::Nin) || rule.kind == FilterKind::Tags;
    let list: Vec<Json> = match json {
        Json::Array(list) if several => list.clone(),
        Json::Array(_) => return Err(format!("`{}` takes one value", word(op))),
        json => split(rule.kind, json),
    };
    // A comma list means the same as several values (FL-6).
    let op = if list.len() > 1 && op == Op::Eq {
        Op::In
    } else {
        op
    };
    let (_, _, most) = LIMITS;
    if list.is_empty() || list.len() > most {
        return Err(format!("must have 1..{most} values"));
    }
    if list.len() > 1 && !several && op != Op::In {
        return Err(format!("`{}` takes one value", word(op)));
    }
    let values = list
        .iter()
        .map(|json| value::read(rule.kind, rule.words, json))
        .collect::<Result<_, _>>()?;
    Ok(Filter {
        name: rule.name,
        op,
        values,
    })
}

/// Splits a comma list of a kind whose values cannot contain a comma.
fn split(kind: FilterKind, json: &Json) -> Vec<Json> {
    match (kind, json) {
        (
            FilterKind::Tags | FilterKind::Word | FilterKind::Id | FilterKind::Integer,
            Json::String(text),
        ) => text
            .split(',')
            .map(|part| Json::String(part.trim().to_owned()))
            .collect(),
        (_, json) => vec![json.clone()],
    }
}

fn applies(op: Op, kind: FilterKind) -> bool {
    match op {
        Op::Eq | Op::Ne | Op::In | Op::Nin | Op::Exists => true,
        Op::Contains => matches!(kind, FilterKind::Text | FilterKind::Tags),
        Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
            matches!(
                kind,
                FilterKind::Text
                    | FilterKind::Integer
                    | FilterKind::Timestamp
                    | FilterKind::Decimal
            )
        }
    }
}

const OPS: [(&str, Op); 10] = [
    ("eq", Op::Eq),
    ("ne", Op::Ne),
    ("gt", Op::Gt),
    ("gte", Op::Gte),
    ("lt", Op::Lt),
    ("lte", Op::Lte),
    ("in", Op::In),
    ("nin", Op::Nin),
    ("contains", Op::Contains),
    ("exists", Op::Exists),
];

fn op(name: &str) -> Result<Op, String> {
    let found = OPS.iter().find(|(word, _)| *word == name);
    found
        .map(|(_, op)| *op)
        .ok_or_else(|| unknown("operator", name, OPS.iter().map(|(word, _)| *word)))
}

fn word(op: Op) -> &'static str {
    OPS.iter()
        .find(|(_, known)| *known == op)
        .map_or("", |(word, _)| word)
}

/// The members of a JSON object in order, with duplicate names refused.
struct Pairs(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, Json)> = Vec::new();
                while let Some((name, json)) = map.next_entry()? {
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("duplicate name"));
                    }
                    pairs.push((name, json));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
