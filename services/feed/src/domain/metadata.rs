//! The free facts of a post: kept as given, known keys checked (FD-6).
//!
//! The text is never parsed into values and written again: number texts, order and nesting stay. Only a key that
//! must not be kept makes the object be put together anew, from the texts of its members.

mod known;

use contracts::feed::v1::PostType;
use fault::Violation;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a post has when its author gave no facts.
pub(crate) const EMPTY: &str = "{}";
/// Keys one post may have (N-25).
const MOST_KEYS: usize = 40;
/// Characters of a key (N-25).
const LONGEST_KEY: usize = 100;
/// The key that goes to the event service only and is never part of a post.
const SECRET: &str = "virtualLink";
/// Says that a post of type event or marketplace has no event or listing behind it.
const ACTIONABLE: &str = "isActionable";

/// The members of a JSON object in their order, values as text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object).map(Members)
    }
}

/// The facts as they are stored for a post of this type.
///
/// # Errors
/// Every key that is too many, too long or not what it must be, by path (`metadata.ctaUrl`).
pub(crate) fn stored(kind: PostType, given: &str) -> Result<String, Vec<Violation>> {
    let Ok(Members(members)) = serde_json::from_str(given) else {
        return Err(vec![violation("metadata", "must be a JSON object")]);
    };
    let mut wrong = Vec::new();
    if members.len() > MOST_KEYS {
        wrong.push(violation("metadata", "must have at most 40 keys"));
    }
    for (key, value) in &members {
        if key.chars().count() > LONGEST_KEY {
            wrong.push(violation(
                "metadata",
                "keys must have at most 100 characters",
            ));
        } else if let Some(rule) = known::rule(kind, key)
            && let Err(message) = rule.check(value.get())
        {
            wrong.push(violation(&format!("metadata.{key}"), &message));
        }
    }
    if wrong.is_empty() {
        Ok(kept(kind, given, &members))
    } else {
        Err(wrong)
    }
}

/// The text to keep: as given unless a key must go or come.
fn kept(kind: PostType, given: &str, members: &[(String, &RawValue)]) -> String {
    let projected = matches!(kind, PostType::Event | PostType::Marketplace);
    let goes = |key: &str| key == SECRET || (projected && key == ACTIONABLE);
    if !projected && !members.iter().any(|(key, _)| goes(key)) {
        return given.trim().to_owned();
    }
    let mut text = String::with_capacity(given.len() + 24);
    let mut member = |key: &str, value: &str| {
        text.push(if text.is_empty() { '{' } else { ',' });
        // A JSON string of a Rust string always exists; the fallback keeps this free of panics.
        text.push_str(&serde_json::to_string(key).unwrap_or_else(|_| "\"\"".into()));
        text.push(':');
        text.push_str(value);
    };
    for (key, value) in members.iter().filter(|(key, _)| !goes(key)) {
        member(key, value.get());
    }
    if projected {
        member(ACTIONABLE, "false");
    }
    if text.is_empty() {
        EMPTY.to_owned()
    } else {
        text + "}"
    }
}

fn violation(field: &str, message: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(kind: PostType, given: &str) -> Vec<String> {
        stored(kind, given)
            .unwrap_err()
            .into_iter()
            .map(|violation| violation.field)
            .collect()
    }

    #[test]
    fn fd_6_facts_are_kept_verbatim() {
        let given = r#"{"b":1.0,"a":1e2,"nested":{"z":[1,2],"é":"é"},"virtual":true}"#;
        assert_eq!(stored(PostType::General, given).unwrap(), given);
    }

    #[test]
    fn fd_6_the_virtual_link_is_never_part_of_a_post() {
        let given = r#"{"x":1.50,"virtualLink":"https://meet.example/1","y":"z"}"#;
        assert_eq!(
            stored(PostType::General, given).unwrap(),
            r#"{"x":1.50,"y":"z"}"#
        );
        assert_eq!(
            stored(PostType::Update, r#"{"virtualLink":1}"#).unwrap(),
            "{}"
        );
    }

    #[test]
    fn fd_6_plain_event_and_marketplace_posts_are_not_actionable() {
        let given = r#"{"dateText":"March 25, 2024","isActionable":true}"#;
        let want = r#"{"dateText":"March 25, 2024","isActionable":false}"#;
        assert_eq!(stored(PostType::Event, given).unwrap(), want);
        assert_eq!(
            stored(PostType::Marketplace, EMPTY).unwrap(),
            r#"{"isActionable":false}"#
        );
    }

    #[test]
    fn fd_6_every_wrong_known_key_is_named() {
        let given =
            r#"{"ctaUrl":"javascript:alert(1)","ctaLabel":7,"location":null,"own":"anything"}"#;
        assert_eq!(
            fields(PostType::General, given),
            ["metadata.ctaUrl", "metadata.ctaLabel"]
        );
        let given = r#"{"employmentType":"slavery","deadline":"soon","applyUrl":"ftp://x"}"#;
        assert_eq!(
            fields(PostType::Opportunity, given),
            [
                "metadata.employmentType",
                "metadata.deadline",
                "metadata.applyUrl"
            ]
        );
        assert!(
            stored(PostType::General, given).is_ok(),
            "keys of another type are the author's own"
        );
    }

    #[test]
    fn n_25_keys_are_counted_and_measured() {
        let object = |n: usize| {
            format!(
                "{{{}}}",
                (0..n)
                    .map(|i| format!("\"k{i}\":0"))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        };
        assert!(stored(PostType::General, &object(40)).is_ok());
        assert_eq!(fields(PostType::General, &object(41)), ["metadata"]);
        let long = format!("{{\"{}\":0}}", "k".repeat(101));
        assert_eq!(fields(PostType::General, &long), ["metadata"]);
    }
}
