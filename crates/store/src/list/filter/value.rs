//! One value of a filter, read by its kind. Strings are accepted for every kind, since query parameters are strings.

use contracts::FilterKind;
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

/// A typed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// The canonical word of a closed set.
    Word(&'static str),
    /// An id.
    Id(Uuid),
    /// True or false.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A point in time, in UTC.
    Timestamp(OffsetDateTime),
    /// A decimal number, as its digits.
    Decimal(String),
    /// A tag, as given.
    Tag(String),
}

impl Value {
    /// The value as SQL text, as it is bound.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Decimal(text) | Self::Tag(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Id(id) => id.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            // Years 1..9999 in UTC, which RFC 3339 can write.
            Self::Timestamp(value) => value.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

/// Reads one value; the message says what it must be.
pub(super) fn read(
    kind: FilterKind,
    words: &[(&'static str, &'static str)],
    json: &Json,
) -> Result<Value, String> {
    match (kind, json) {
        (FilterKind::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (FilterKind::Integer | FilterKind::Decimal, Json::Number(number)) => {
            from_text(kind, words, &number.to_string())
        }
        (_, Json::String(text)) => from_text(kind, words, text.trim()),
        _ => Err(expected(kind, words)),
    }
}

fn from_text(
    kind: FilterKind,
    words: &[(&'static str, &'static str)],
    text: &str,
) -> Result<Value, String> {
    let value = match kind {
        FilterKind::Text => plain(text).map(Value::Text),
        FilterKind::Tags => plain(text).map(|text| Value::Tag(folded(text))),
        FilterKind::Word => word(words, text).map(Value::Word),
        FilterKind::Id => Uuid::try_parse(text)
            .ok()
            .filter(|_| text.len() == 36)
            .map(Value::Id),
        FilterKind::Bool => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        FilterKind::Integer => text.parse().ok().map(Value::Integer),
        FilterKind::Timestamp => timestamp(text).map(Value::Timestamp),
        FilterKind::Decimal => decimal(text).map(Value::Decimal),
    };
    value.ok_or_else(|| expected(kind, words))
}

/// A tag as tags are stored (FD-4); what can be no tag stays as it is and matches none.
fn folded(text: String) -> String {
    let mut tag = text.clone();
    match contracts::validation::format::tag(&mut tag) {
        Ok(()) => tag,
        Err(_) => text,
    }
}

fn plain(text: &str) -> Option<String> {
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn word(words: &[(&'static str, &'static str)], text: &str) -> Option<&'static str> {
    let text = text.to_lowercase().replace('-', "_");
    words
        .iter()
        .find(|(spelling, _)| *spelling == text)
        .map(|(_, word)| *word)
}

fn timestamp(text: &str) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        let date = Date::parse(
            text,
            time::macros::format_description!("[year]-[month]-[day]"),
        )
        .ok()?;
        Some(date.midnight().assume_utc())
    })?;
    let time = time.checked_to_offset(UtcOffset::UTC)?;
    (1..=9999).contains(&time.year()).then_some(time)
}

/// Up to 15 digits before and after the point, without exponent.
fn decimal(text: &str) -> Option<String> {
    let (whole, fraction) = text
        .strip_prefix('-')
        .unwrap_or(text)
        .split_once('.')
        .unwrap_or((text.trim_start_matches('-'), "0"));
    let digits = |part: &str| {
        (1..=15).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (digits(whole) && digits(fraction)).then(|| text.to_owned())
}

fn expected(kind: FilterKind, words: &[(&'static str, &'static str)]) -> String {
    match kind {
        FilterKind::Text | FilterKind::Tags => "must be text without control characters".to_owned(),
        FilterKind::Word => {
            let mut known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
            known.dedup();
            format!("must be one of {}", known.join(", "))
        }
        FilterKind::Id => "must be a UUID".to_owned(),
        FilterKind::Bool => "must be true or false".to_owned(),
        FilterKind::Integer => "must be an integer".to_owned(),
        FilterKind::Timestamp => "must be an RFC 3339 timestamp or a date".to_owned(),
        FilterKind::Decimal => "must be a decimal number".to_owned(),
    }
}
