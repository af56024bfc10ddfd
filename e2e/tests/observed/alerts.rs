//! The shipped alert rules are well-formed and speak of metrics there are (OB-5).

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

use super::document;

const RULES: &str = include_str!("../../../deploy/prometheus/alerts.yaml");

/// What a word of an expression is when it is no metric.
const WORDS: [&str; 9] = [
    "sum",
    "max",
    "by",
    "le",
    "rate",
    "histogram_quantile",
    "m",
    "service",
    "stream",
];

fn rules() -> Vec<Yaml> {
    let read = YamlLoader::load_from_str(RULES).expect("YAML");
    let [file] = &read[..] else {
        panic!("one document");
    };
    let groups = file["groups"].as_vec().expect("groups");
    groups
        .iter()
        .flat_map(|group| group["rules"].as_vec().expect("rules").clone())
        .collect()
}

/// The words of an expression outside of texts.
fn words(expression: &str) -> BTreeSet<String> {
    let outside: String = expression
        .split('"')
        .step_by(2)
        .collect::<Vec<_>>()
        .join(" ");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = outside.split(|c| !is_word(c));
    let words = words.map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn ob_5_every_alert_that_can_be_measured_is_shipped() {
    let names: Vec<String> = rules()
        .iter()
        .map(|rule| rule["alert"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "ServerErrors",
            "SlowRequests",
            "MemoryNearlyUsedUp",
            "EventsWaitForConsumer",
            "EventsWaitInOutbox",
            "DeadLetters"
        ]
    );
    for rule in rules() {
        for (part, names) in [
            ("labels", ["severity"].as_slice()),
            ("annotations", &["summary", "description"]),
        ] {
            for name in names {
                let text = rule[part][*name].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{part}.{name} of {rule:?}");
            }
        }
        let time = rule["for"].as_str().expect("a time");
        assert!(
            time.strip_suffix('m')
                .is_some_and(|n| n.parse::<u8>().is_ok())
        );
    }
}

#[test]
fn ob_5_the_expressions_name_metrics_and_labels_there_are() {
    let documented = document::metrics();
    for rule in rules() {
        let expression = rule["expr"].as_str().expect("an expression");
        let open = |bracket| expression.matches(bracket).count();
        for (one, other) in [('(', ')'), ('{', '}'), ('[', ']')] {
            assert_eq!(open(one), open(other), "{expression}");
        }
        let (metrics, others): (BTreeSet<_>, BTreeSet<_>) = words(expression)
            .into_iter()
            .partition(|word| word.starts_with("sf_"));
        assert!(!metrics.is_empty(), "{expression}");
        let mut labels = BTreeSet::from(["le".to_owned()]);
        for series in &metrics {
            let name = document::base(series, |name| documented.contains_key(name));
            let Some(metric) = documented.get(&name) else {
                panic!("{series} in {expression}");
            };
            assert_eq!(
                series.ends_with("_bucket"),
                metric.kind == "histogram",
                "{expression}"
            );
            labels.extend(metric.labels.iter().cloned());
        }
        for word in others {
            let known = WORDS.contains(&word.as_str()) || labels.contains(&word);
            assert!(known, "{word} in {expression}");
        }
        // What is grouped by, and what is selected by, are labels the metrics have.
        for word in ["service", "stream", "status", "route"] {
            if words(expression).contains(word) {
                assert!(labels.contains(word), "{word} in {expression}");
            }
        }
    }
}
