//! From a JSON object to answers, with every refusal by the name of its field.

use std::collections::HashSet;
use std::fmt;

use contracts::validation::normalise;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Answer, AnswerChange, Answers, Value};

/// How much may be answered (PR-6, N-25).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most answers of a profile.
    pub keys: usize,
    /// Most bytes of all answers of a profile, names and JSON texts together.
    pub bytes: usize,
}

impl Limits {
    /// The longest name of an answer, in characters.
    pub const KEY: usize = 100;
    /// The longest text, in characters.
    pub const TEXT: usize = 5000;
    /// The most entries of a list.
    pub const ITEMS: usize = 50;
    /// The longest entry of a list, in characters.
    pub const ITEM: usize = 200;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys: 200,
            bytes: 64 * 1024,
        }
    }
}

/// Why an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The JSON path of the answer.
    pub field: String,
    /// One sentence.
    pub message: String,
}

impl Refusal {
    /// Makes a refusal of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Reads the unknown keys of a request as answers.
///
/// # Errors
///
/// Returns a refusal for every key that is no answer's name and every value that
/// is not a text, a number, a boolean or a list of texts within the limits.
pub fn changes(json: &str, limits: &Limits) -> Result<Vec<(String, AnswerChange)>, Vec<Refusal>> {
    let entries = object(json).map_err(|refusal| vec![refusal])?;
    if let Some((beyond, _)) = entries.get(limits.keys) {
        return Err(vec![Refusal::new(
            beyond,
            format!("a profile has at most {} answers", limits.keys),
        )]);
    }
    let mut taken = Vec::with_capacity(entries.len());
    let mut refused = Vec::new();
    for (key, raw) in entries {
        match key_refusal(&key).map_or_else(|| change(&key, raw.get()), Err) {
            Ok(change) => taken.push((key, change)),
            Err(refusal) => refused.push(refusal),
        }
    }
    if refused.is_empty() {
        Ok(taken)
    } else {
        Err(refused)
    }
}

/// Reads what looks like an answer among the keys of a draft, and skips the rest.
#[must_use]
pub fn draft(json: &str) -> Answers {
    let entries = object(json).unwrap_or_default();
    let answers = entries
        .into_iter()
        .filter_map(|(key, raw)| match change(&key, raw.get()) {
            Ok(AnswerChange::Set(answer)) => Some((key, answer)),
            Ok(AnswerChange::Delete) | Err(_) => None,
        });
    answers.collect()
}

/// Reads an answer as it is stored.
///
/// # Errors
///
/// Refuses what no answer can be.
pub fn stored(key: &str, json: &str) -> Result<Answer, Refusal> {
    match change(key, json)? {
        AnswerChange::Set(answer) => Ok(answer),
        AnswerChange::Delete => Err(Refusal::new(key, "is empty")),
    }
}

fn key_refusal(key: &str) -> Option<Refusal> {
    let mut chars = key.chars();
    let starts = chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    let goes_on = chars.all(|next| next.is_ascii_alphanumeric() || next == '_');
    if !starts || !goes_on || key.len() > Limits::KEY {
        let message =
            "an answer's name is a letter and then up to 99 letters, digits or underscores";
        return Some(Refusal::new(key, message));
    }
    None
}

fn change(key: &str, raw: &str) -> Result<AnswerChange, Refusal> {
    let answer = match raw.as_bytes().first() {
        Some(b'"') => text(key, raw)?,
        Some(b'[') => Some(list(key, raw)?),
        Some(b't') => Some(Answer {
            json: raw.to_owned(),
            value: Value::Bool(true),
        }),
        Some(b'f') => Some(Answer {
            json: raw.to_owned(),
            value: Value::Bool(false),
        }),
        Some(b'-' | b'0'..=b'9') => Some(number(key, raw)?),
        Some(b'n') => None,
        _ => {
            return Err(Refusal::new(
                key,
                "an answer is a text, a number, true, false or a list of texts",
            ));
        }
    };
    Ok(answer.map_or(AnswerChange::Delete, AnswerChange::Set))
}

fn number(key: &str, raw: &str) -> Result<Answer, Refusal> {
    if raw.len() > Limits::ITEM {
        return Err(Refusal::new(
            key,
            format!("a number has at most {} characters", Limits::ITEM),
        ));
    }
    Ok(Answer {
        json: raw.to_owned(),
        value: Value::Number,
    })
}

/// Reads a text; a blank one is none.
fn text(key: &str, raw: &str) -> Result<Option<Answer>, Refusal> {
    let (given, clean) = clean(key, raw)?;
    if clean.chars().count() > Limits::TEXT {
        return Err(Refusal::new(
            key,
            format!("a text has at most {} characters", Limits::TEXT),
        ));
    }
    if clean.is_empty() {
        return Ok(None);
    }
    let json = if clean == given {
        raw.to_owned()
    } else {
        serde_json::Value::from(clean.as_str()).to_string()
    };
    Ok(Some(Answer {
        json,
        value: Value::Text(clean),
    }))
}

fn list(key: &str, raw: &str) -> Result<Answer, Refusal> {
    let items: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|_| Refusal::new(key, "is not JSON"))?;
    if items.len() > Limits::ITEMS {
        return Err(Refusal::new(
            key,
            format!("a list has at most {} entries", Limits::ITEMS),
        ));
    }
    let mut texts = Vec::with_capacity(items.len());
    let mut rewritten = false;
    for (at, item) in items.into_iter().enumerate() {
        let field = format!("{key}[{at}]");
        if !item.get().starts_with('"') {
            return Err(Refusal::new(field, "an entry of a list is a text"));
        }
        let (given, clean) = clean(&field, item.get())?;
        if clean.chars().count() > Limits::ITEM {
            return Err(Refusal::new(
                field,
                format!("an entry of a list has at most {} characters", Limits::ITEM),
            ));
        }
        rewritten |= clean != given;
        texts.push(clean);
    }
    let json = if rewritten {
        serde_json::Value::from(texts.clone()).to_string()
    } else {
        raw.to_owned()
    };
    Ok(Answer {
        json,
        value: Value::List(texts),
    })
}

/// Returns a JSON text as it was given and as it is kept (CV-23).
fn clean(field: &str, raw: &str) -> Result<(String, String), Refusal> {
    let given: String =
        serde_json::from_str(raw).map_err(|_| Refusal::new(field, "is not a Unicode text"))?;
    let mut clean = given.clone();
    normalise(&mut clean, true).map_err(|wrong| Refusal::new(field, wrong))?;
    Ok((given, clean))
}

/// Reads a JSON object into its entries, in order; a repeated key is refused.
fn object(json: &str) -> Result<Vec<(String, Box<RawValue>)>, Refusal> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let Entries(entries) =
        serde_json::from_str(json).map_err(|_| Refusal::new("answers", "is not a JSON object"))?;
    let mut seen = HashSet::new();
    match entries.iter().find(|(key, _)| !seen.insert(key.as_str())) {
        Some((key, _)) => Err(Refusal::new(key, "is given twice")),
        None => Ok(entries),
    }
}

/// The entries of a JSON object, values unread.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
