//! Filters: what is accepted prints back to an equal filter and to SQL that holds none of its values.
//!
//! Input: a line with the path of a list RPC, then the filter.

use contracts::{FilterKind, ListRule};
use fault::Violation;
use identity::Viewer;
use sea_orm::sea_query::{Expr, PostgresQueryBuilder, Query};
use serde_json::{Map, Value as Json, json};
use store::list::{Column, Filter, ListQuery, ListRequest, Op, Value};

use crate::{Target, split_line};

pub(crate) const TARGET: Target = Target {
    name: "filter",
    words: &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"type\"",
        "\"tags\"",
        "\"authorId\"",
        "\"groupId\"",
        "\"from\"",
        "\"to\"",
        "\"featured\"",
        "\"eq\"",
        "\"ne\"",
        "\"gt\"",
        "\"gte\"",
        "\"lt\"",
        "\"lte\"",
        "\"in\"",
        "\"nin\"",
        "\"contains\"",
        "\"exists\"",
        "true",
        "false",
        "\"blog\"",
        "\"Event\"",
        "\"rust,wasm\"",
        "\"0195d1f0-0000-7000-8000-000000000001\"",
        "\"2026-01-02\"",
        "\"2026-01-02T03:04:05+02:00\"",
        "null",
        "1",
        "-1.50",
        "\\u0000",
        "' or 1=1 --",
        "/smilefactory.feed.v1.FeedService/ListFeed\n",
    ],
    run,
};

/// N-12.
const LONGEST: usize = 2048;
/// N-12.
const NAMES: usize = 10;
/// N-12.
const VALUES: usize = 50;

fn run(input: &[u8]) {
    let Some((rpc, filter)) = split_line(input) else {
        return;
    };
    let Ok(filter) = std::str::from_utf8(filter) else {
        return;
    };
    let Some(rule) = contracts::rpc(rpc).and_then(|rule| rule.list.as_ref()) else {
        return;
    };
    match parse(rule, rpc, filter) {
        Err(violations) => named(&violations, filter),
        Ok(query) => {
            bounded(query.filters());
            let printed = print(query.filters(), |value| value.text());
            // Every value in quotes of its own can be longer than one comma list.
            if printed.len() > LONGEST {
                return;
            }
            let again =
                parse(rule, rpc, &printed).unwrap_or_else(|wrong| panic!("{printed}: {wrong:?}"));
            assert_eq!(
                sorted(again.filters()),
                sorted(query.filters()),
                "{printed}"
            );
            fixed(rule, rpc, &again);
        }
    }
}

fn parse(rule: &ListRule, rpc: &str, filter: &str) -> Result<ListQuery, Vec<Violation>> {
    let request = ListRequest {
        filter,
        ..ListRequest::default()
    };
    ListQuery::parse(rule, rpc, &Viewer::default(), &request, b"key")
        .map_err(|fault| fault.get_violations().to_vec())
}

/// Each violation names the filter or a name in it.
fn named(violations: &[Violation], filter: &str) {
    assert!((1..=NAMES).contains(&violations.len()), "{violations:?}");
    let names: Map<String, Json> = serde_json::from_str(filter).unwrap_or_default();
    for Violation { field, message } in violations {
        assert!(
            field == "filter" || names.contains_key(field),
            "{field}: {message} in {filter}"
        );
        assert!(!message.is_empty());
    }
}

fn bounded(filters: &[Filter]) {
    assert!(filters.len() <= NAMES * 10);
    assert!(
        filters
            .iter()
            .all(|filter| (1..=VALUES).contains(&filter.values.len())),
        "{filters:?}"
    );
}

/// The filter with every condition spelled out.
fn print(filters: &[Filter], text: impl Fn(&Value) -> String) -> String {
    let mut names: Map<String, Json> = Map::new();
    for filter in filters {
        let values: Vec<Json> = filter
            .values
            .iter()
            .map(|value| json!(text(value)))
            .collect();
        let several = values.len() > 1 || matches!(filter.op, Op::In | Op::Nin);
        let value = if several {
            Json::Array(values)
        } else {
            values[0].clone()
        };
        let ops = names.entry(filter.name).or_insert_with(|| json!({}));
        ops[word(filter.op)] = value;
    }
    Json::Object(names).to_string()
}

fn word(op: Op) -> &'static str {
    match op {
        Op::Eq => "eq",
        Op::Ne => "ne",
        Op::Gt => "gt",
        Op::Gte => "gte",
        Op::Lt => "lt",
        Op::Lte => "lte",
        Op::In => "in",
        Op::Nin => "nin",
        Op::Contains => "contains",
        Op::Exists => "exists",
    }
}

fn sorted(filters: &[Filter]) -> Vec<String> {
    let mut shown: Vec<String> = filters.iter().map(|filter| format!("{filter:?}")).collect();
    shown.sort();
    shown
}

/// Another filter with the same names, operators and numbers of values makes the same statement (FL-5).
fn fixed(rule: &ListRule, rpc: &str, query: &ListQuery) {
    let other = print(query.filters(), |value| other(value).to_owned());
    let other = parse(rule, rpc, &other).unwrap_or_else(|wrong| panic!("{other}: {wrong:?}"));
    assert_eq!(statement(rule, query), statement(rule, &other));
}

fn other(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "text",
        Value::Word(word) => word,
        Value::Id(_) => "0195d1f0-0000-7000-8000-00000000000f",
        Value::Bool(_) => "true",
        Value::Integer(_) => "7",
        Value::Timestamp(_) => "2000-01-01",
        Value::Decimal(_) => "7.50",
        Value::Tag(_) => "tag",
    }
}

fn statement(rule: &ListRule, query: &ListQuery) -> String {
    let column = |name: &str| {
        let kind = rule.filters.iter().find(|filter| filter.name == name)?.kind;
        Some(match kind {
            FilterKind::Tags => Column::new("t.tags", "text[]"),
            FilterKind::Id => Column::new("t.id", "uuid"),
            FilterKind::Timestamp => Column::nullable("t.at", "timestamptz"),
            _ => Column::new("t.text", "text"),
        })
    };
    let condition = query.condition(column).unwrap();
    let select = Query::select()
        .expr(Expr::val(1))
        .cond_where(condition)
        .to_owned();
    select.build(PostgresQueryBuilder).0
}
