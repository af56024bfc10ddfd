//! Free JSON: checked for shape, never parsed into a value, so that number
//! texts, key order and nesting come back exactly (TR-4).

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};

use super::text::Wrong;

/// Deepest nesting (N-15).
const DEPTH: usize = 64;

/// Most values in one text (N-15).
const ELEMENTS: usize = 10_000;

/// Whether a text is one JSON value (with `object`, an object): no duplicate
/// keys, no NUL, at most 64 levels and 10 000 values.
pub(super) fn check(text: &str, object: bool) -> Result<(), Wrong> {
    if object
        && !text
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('{')
    {
        return Err("must be a JSON object".into());
    }
    let elements = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    Shape {
        elements: &elements,
        depth: 0,
    }
    .deserialize(&mut reader)
    .and_then(|()| reader.end())
    .map_err(|error| told(&error).into())
}

/// The top-level keys of a JSON object; none for anything else.
pub(super) fn keys(text: &str) -> Vec<String> {
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Keys)
        .unwrap_or_default()
}

/// What is wrong, with line and column, without the library's own words for
/// what [`Shape`] refuses.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if error.is_data() {
        text.trim_end_matches(&place).to_owned()
    } else {
        format!("must be valid JSON; it breaks off{place}")
    }
}

/// Walks a value without keeping it.
#[derive(Clone, Copy)]
struct Shape<'a> {
    elements: &'a Cell<usize>,
    depth: usize,
}

impl Shape<'_> {
    fn count<E: de::Error>(self) -> Result<(), E> {
        self.elements.set(self.elements.get() + 1);
        if self.elements.get() > ELEMENTS {
            return Err(E::custom(format!("must have at most {ELEMENTS} values")));
        }
        Ok(())
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH {
            return Err(E::custom(format!(
                "must be nested at most {DEPTH} levels deep"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        self.count()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        without_nul(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            without_nul(&key)?;
            if seen.contains(&key) {
                return Err(de::Error::custom(format!(
                    "must not contain the key {key:?} twice"
                )));
            }
            seen.insert(key);
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

fn without_nul<E: de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') {
        Err(E::custom("must not contain NUL"))
    } else {
        Ok(())
    }
}

/// Collects the keys of an object.
struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, de::IgnoredAny)) = entries.next_entry()? {
            keys.push(key);
        }
        Ok(keys)
    }
}
