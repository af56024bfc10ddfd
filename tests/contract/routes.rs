//! Routes are exactly those promised, and no request can mean two of them.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Access;

use crate::{Binding, bindings, methods, none_wrong, path, pool, rule};

/// Every route of the whole product: method, path, access, RPC, status, hints.
const TABLE: &str = include_str!("../data/routes.tsv");

struct Row {
    method: &'static str,
    template: &'static str,
    access: &'static str,
    rpc: String,
    status: u16,
    hint: &'static str,
}

/// The rows of the RPCs of services; the edge's own endpoints have no contract.
fn table() -> Vec<Row> {
    let rows = TABLE
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| !row[3].starts_with("edge/"))
        .map(|row| Row {
            method: row[0],
            template: row[1],
            access: row[2],
            rpc: format!("/{}", row[3]),
            status: row[4].parse().expect("a status"),
            hint: row[5],
        })
        .collect()
}

#[test]
fn the_routes_of_every_rpc_are_exactly_its_rows() {
    let pool = pool();
    let mut promised: BTreeMap<String, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for row in table() {
        promised
            .entry(row.rpc)
            .or_default()
            .insert((row.method, row.template));
    }
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let served = bindings(&pool, &method);
        let served: BTreeSet<(&str, &str)> = served
            .iter()
            .map(|b| (b.method.as_str(), b.template.as_str()))
            .collect();
        let rows = promised.remove(&path(&method)).unwrap_or_default();
        wrong.extend(
            rows.difference(&served)
                .map(|row| format!("{} lacks {} {}", path(&method), row.0, row.1)),
        );
        wrong.extend(
            served
                .difference(&rows)
                .map(|row| format!("{} has {} {}", path(&method), row.0, row.1)),
        );
    }
    none_wrong(wrong);
}

#[test]
fn access_and_status_are_those_of_the_rows() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        let access = match rule.access {
            Access::Public => "public",
            Access::Optional => "optional",
            Access::User => "user",
            Access::Staff => "staff",
            Access::Service => "service",
        };
        for row in table().iter().filter(|row| row.rpc == rule.path) {
            if (row.access, row.status) != (access, rule.status) {
                wrong.push(format!(
                    "{}: {access} {}, promised {} {}",
                    rule.path, rule.status, row.access, row.status
                ));
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn k_2_sort_and_filter_names_are_those_of_the_rows() {
    let names = |hint: &str, key: &str| -> Vec<String> {
        let after = hint.split_once(key).map_or("", |(_, after)| after);
        let list = after.split([';', ')']).next().unwrap_or_default();
        let first = |item: &str| {
            item.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        list.split(',')
            .map(first)
            .filter(|name| !name.is_empty())
            .collect()
    };
    let mut wrong = Vec::new();
    for row in table() {
        let Some(rule) = contracts::rpc(&row.rpc).filter(|_| !row.hint.starts_with("alias")) else {
            continue;
        };
        let words: Vec<&str> = row
            .hint
            .split(|c: char| !c.is_ascii_alphanumeric())
            .collect();
        let (lp, lpc) = (words.contains(&"LP"), words.contains(&"LPC"));
        let Some(list) = &rule.list else {
            if lp || lpc {
                wrong.push(format!("{}: a list has the list option", rule.path));
            }
            continue;
        };
        let filters: Vec<&str> = list.filters.iter().map(|filter| filter.name).collect();
        if list.sort != names(row.hint, "sort:") {
            wrong.push(format!(
                "{}: sorts by {:?}, promised: {}",
                rule.path, list.sort, row.hint
            ));
        }
        if filters != names(row.hint, "filter:") {
            wrong.push(format!(
                "{}: filters by {filters:?}, promised: {}",
                rule.path, row.hint
            ));
        }
        if list.cursor != lpc || !(lp || lpc) {
            wrong.push(format!(
                "{}: cursor {}, promised: {}",
                rule.path, list.cursor, row.hint
            ));
        }
    }
    none_wrong(wrong);
}

#[test]
fn gw_1_no_request_matches_two_routes_of_equal_rank() {
    let pool = pool();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        for binding in bindings(&pool, &method) {
            let place = format!("{} {}", binding.method, anonymous(&binding));
            if let Some(other) = seen.insert(place.clone(), path(&method)) {
                wrong.push(format!(
                    "{place} is served by {other} and {}",
                    path(&method)
                ));
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn gw_1_the_transcoder_compiles_every_route() {
    let transcoder = transcode::Transcoder::new(contracts::DESCRIPTOR).expect("unambiguous routes");
    let pool = pool();
    let bound: usize = methods(&pool)
        .iter()
        .map(|method| bindings(&pool, method).len())
        .sum();
    assert_eq!(transcoder.routes().len(), bound);
}

/// The template with its variables made anonymous: literals win over variables
/// from left to right (TR-14), so only equal ones clash.
fn anonymous(binding: &Binding) -> String {
    let segments = binding.template.split('/').map(|segment| {
        if segment.starts_with('{') {
            "*"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn tr_14_templates_are_plain_paths_whose_variables_are_required_request_fields() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        for binding in bindings(&pool, &method) {
            let place = format!("{} {}", binding.method, binding.template);
            let reserved = ["/api/v1/", "/.well-known/", "/profile-questions/"];
            if !reserved
                .iter()
                .any(|start| binding.template.starts_with(start))
                || binding.template.ends_with('/')
            {
                wrong.push(format!("{place}: not under a path of the API"));
            }
            for name in binding
                .template
                .split('/')
                .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
            {
                match method
                    .input()
                    .fields()
                    .find(|field| field.json_name() == name)
                {
                    None => wrong.push(format!(
                        "{place}: {} has no {name}",
                        method.input().full_name()
                    )),
                    Some(field) if field.is_list() => {
                        wrong.push(format!("{place}: {name} is a list"))
                    }
                    Some(_) => {}
                }
            }
            let takes_body = matches!(binding.method.as_str(), "POST" | "PUT" | "PATCH");
            if takes_body != (binding.body == "*") && binding.method != "DELETE" {
                wrong.push(format!(
                    "{place}: POST, PUT and PATCH take the whole body, GET none"
                ));
            }
        }
    }
    none_wrong(wrong);
}
