//! JSON to wire in one pass: a visitor that writes as `serde_json` reads.
//!
//! A value of the wrong type does not stop the reading: it is noted with its
//! JSON path and skipped, so that one answer carries everything that is wrong
//! (CV-3). What makes the rest meaningless does stop it: malformed JSON, too
//! deep, too many elements.

mod any;
mod free;
mod list;
mod member;
mod number;
mod scalar;
mod special;
mod value;

use std::fmt::Display;
use std::mem;

use serde::de::DeserializeSeed;

pub(crate) use member::Top;
pub(crate) use value::Slot;

use list::FieldSeed;
use member::ObjectSeed;
use value::ValueSeed;

use super::Dialect;
use crate::error::Violation;
use crate::schema::{Field, Message, Schema};

/// The API's limits (TR-16).
const DEPTH: usize = 64;
const ELEMENTS: usize = 10_000;
/// The standard dialect's depth limit, as in other protobuf readers.
const STANDARD_DEPTH: usize = 100;
/// Violations beyond this many are not collected.
const VIOLATIONS: usize = 100;

type Source<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It stands in the output (or is a default that needs no bytes).
    Written,
    /// It was `null`.
    Null,
    /// It was noted as wrong, or passed over on purpose.
    Dropped,
}

/// Writes wire bytes from JSON.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    schema: &'s Schema,
    dialect: Dialect,
    /// Unknown fields and enum words are passed over in silence.
    lenient: bool,
    /// The wire bytes so far.
    pub(crate) out: Vec<u8>,
    /// What is wrong so far.
    pub(crate) violations: Vec<Violation>,
    depth: usize,
    elements: usize,
    // The path of the value that ended the reading, innermost segment first.
    trail: Vec<String>,
    // Why it ended, when the JSON itself was well formed.
    fatal: Option<String>,
}

impl<'s> Reader<'s> {
    /// Starts with nothing written.
    pub(crate) fn new(schema: &'s Schema, dialect: Dialect) -> Self {
        Self {
            schema,
            dialect,
            lenient: false,
            out: Vec::new(),
            violations: Vec::new(),
            depth: 0,
            elements: 0,
            trail: Vec::new(),
            fatal: None,
        }
    }

    /// Passes over unknown fields and unknown enum words.
    pub(crate) fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Reads one JSON text into a slot.
    pub(crate) fn read_value(&mut self, json: &[u8], slot: Slot<'s>) -> Option<Outcome> {
        let mut source = self.source(json)?;
        let read = ValueSeed { reader: self, slot }.deserialize(&mut source);
        self.finished(read, source)
    }

    /// Reads a JSON object into a message, without a frame around it.
    pub(crate) fn read_object(
        &mut self,
        json: &[u8],
        message: &'s Message,
        top: Option<&mut Top>,
    ) -> Option<Outcome> {
        let mut source = self.source(json)?;
        let read = ObjectSeed {
            reader: self,
            message,
            top,
        }
        .deserialize(&mut source);
        self.finished(read, source)
    }

    /// Reads one JSON text into a field, a list or map included.
    pub(crate) fn read_field(&mut self, json: &[u8], field: &'s Field) -> Option<Outcome> {
        let mut source = self.source(json)?;
        let read = FieldSeed {
            reader: self,
            field,
            keep: field.presence,
        }
        .deserialize(&mut source);
        self.finished(read, source)
    }

    // UTF-8 is checked once for the whole text, which is cheaper than string by string.
    fn source<'de>(&mut self, json: &'de [u8]) -> Option<Source<'de>> {
        // The wire is shorter than its JSON, but for short texts, and then growing once does no harm.
        if self.out.is_empty() {
            self.out = Vec::with_capacity(json.len());
        }
        match simdutf8::compat::from_utf8(json) {
            Ok(text) => Some(serde_json::Deserializer::from_str(text)),
            Err(error) => {
                let before = &json[..error.valid_up_to()];
                let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
                let column = before
                    .iter()
                    .rev()
                    .take_while(|&&byte| byte != b'\n')
                    .count()
                    + 1;
                self.note(format!("invalid UTF-8 at line {line}, column {column}"));
                None
            }
        }
    }

    // Refuses what follows the value.
    fn finished(
        &mut self,
        read: serde_json::Result<Outcome>,
        mut source: Source<'_>,
    ) -> Option<Outcome> {
        match read.and_then(|outcome| source.end().map(|()| outcome)) {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                self.ended(&error);
                None
            }
        }
    }

    // Notes why the reading ended, with line and column.
    fn ended(&mut self, error: &serde_json::Error) {
        let what = match self.fatal.take() {
            Some(what) => what,
            None if error.is_eof() => "the JSON ends too early".to_owned(),
            None => "malformed JSON".to_owned(),
        };
        let message = format!("{what} at line {}, column {}", error.line(), error.column());
        let path = mem::take(&mut self.trail)
            .into_iter()
            .fold(String::new(), |path, segment| join(&segment, &path));
        self.violations.push(Violation::new(path, message));
    }

    /// Notes that the value being read is wrong.
    pub(crate) fn note(&mut self, message: impl Into<String>) -> Outcome {
        if !self.is_full() {
            self.violations.push(Violation::new("", message));
        }
        Outcome::Dropped
    }

    /// Notes that the member or parameter `field` is wrong.
    pub(crate) fn note_at(&mut self, field: &str, message: impl Into<String>) {
        if !self.is_full() {
            self.violations
                .push(Violation::new(shortened(field), message));
        }
    }

    /// Whether further violations are passed over; finding words for them is wasted then.
    pub(crate) fn is_full(&self) -> bool {
        self.violations.len() >= VIOLATIONS
    }

    // Puts a segment before the paths of everything noted since `before`, and
    // onto the trail when the reading ended inside.
    fn inside<T, E>(
        &mut self,
        before: usize,
        result: Result<T, E>,
        segment: impl FnOnce() -> String,
    ) -> Result<T, E> {
        if result.is_err() {
            let segment = segment();
            self.prefix(before, &segment);
            self.trail.push(segment);
        } else if self.violations.len() > before {
            let segment = segment();
            self.prefix(before, &segment);
        }
        result
    }

    /// Puts a segment before the paths of everything noted since `before`.
    pub(crate) fn prefix(&mut self, before: usize, segment: &str) {
        for violation in &mut self.violations[before..] {
            violation.field = join(segment, &violation.field);
        }
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        let limit = match self.dialect {
            Dialect::Api => DEPTH,
            Dialect::Standard => STANDARD_DEPTH,
        };
        if self.depth > limit {
            return Err(self.stop(format_args!("nested deeper than {limit} levels")));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.elements += 1;
        if self.elements > ELEMENTS && self.dialect == Dialect::Api {
            return Err(self.stop(format_args!("more than {ELEMENTS} elements")));
        }
        Ok(())
    }

    fn stop<E: serde::de::Error>(&mut self, why: impl Display) -> E {
        self.fatal = Some(why.to_string());
        E::custom("stopped")
    }

    // Writes a tag; packed values have none.
    #[inline]
    fn tag(&mut self, tag: u32) {
        if tag != 0 {
            crate::wire::put_varint(&mut self.out, u64::from(tag));
        }
    }
}

// `a` before `b`, `[0]`, or nothing.
fn join(segment: &str, path: &str) -> String {
    if path.is_empty() {
        segment.to_owned()
    } else if path.starts_with('[') {
        format!("{segment}{path}")
    } else {
        format!("{segment}.{path}")
    }
}

// Names that clients made up are cut before they are answered back.
fn shortened(name: &str) -> String {
    let mut letters = name.chars();
    let mut short: String = letters.by_ref().take(100).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}
