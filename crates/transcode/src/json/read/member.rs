//! Objects as messages: keys to fields, duplicates, oneofs, unknown keys, null.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::free::Skip;
use super::list::FieldSeed;
use super::{Outcome, Reader, shortened};
use crate::json::{Dialect, escape};
use crate::nearest;
use crate::schema::{Field, Message, Named};

const CLOSED: &str = "no body field is accepted here";

/// What is special about the outermost object of an HTTP body.
#[derive(Debug, Default)]
pub(crate) struct Top {
    /// PUT or PATCH: `null` clears what may be cleared and is refused
    /// elsewhere (CV-14). Otherwise `null` counts as absent (TR-5).
    pub(crate) update: bool,
    /// No key is accepted at all.
    pub(crate) closed: bool,
    /// Fields the path binds; their values are compared afterwards, so even
    /// defaults are written.
    pub(crate) bound: Vec<u16>,
    /// What was found.
    pub(crate) collected: Collected,
}

/// What the outermost object yields besides wire bytes.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// The fields whose keys were present, null included.
    pub(crate) present: Vec<u16>,
    /// Unknown keys as the members of one JSON object, without the closing
    /// brace (TR-6); empty when there were none.
    pub(crate) unknown: Vec<u8>,
    keys: HashSet<String>,
}

/// Reads an object into a message whose frame is already open.
pub(crate) struct ObjectSeed<'r, 's, 't> {
    pub(crate) reader: &'r mut Reader<'s>,
    pub(crate) message: &'s Message,
    pub(crate) top: Option<&'t mut Top>,
}

// What was seen of an object so far.
#[derive(Default)]
struct Seen {
    fields: Bits,
    oneofs: Bits,
    // Fields with an alias that came under one of their names: which, and where the value stands.
    aliased: Vec<(Named, Range<usize>)>,
}

/// A set of small numbers; the first 128 need no allocation.
#[derive(Default)]
struct Bits {
    low: [u64; 2],
    // None until the first large number, because even an empty set costs each object something.
    high: Option<HashSet<u16>>,
}

impl Bits {
    /// Adds a number and tells whether it was not there.
    #[inline(always)]
    fn insert(&mut self, number: u16) -> bool {
        let Some(word) = self.low.get_mut(usize::from(number / 64)) else {
            return self.high.get_or_insert_default().insert(number);
        };
        let bit = 1u64 << (number % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

impl<'s> Reader<'s> {
    /// Reads the members of a message.
    pub(super) fn object<'de, A>(
        &mut self,
        message: &'s Message,
        mut members: A,
        mut top: Option<&mut Top>,
    ) -> Result<Outcome, A::Error>
    where
        A: MapAccess<'de>,
    {
        self.enter()?;
        let mut seen = Seen::default();
        let mut guess = 0;
        // A catch-all field has no key of its own in the API's dialect.
        let hidden = message.catch_all.filter(|_| self.dialect == Dialect::Api);
        while let Some(key) = members.next_key_seed(KeySeed {
            message,
            guess,
            hidden,
        })? {
            self.count()?;
            match key {
                Key::Known(named) if top.as_ref().is_some_and(|top| top.closed) => {
                    members.next_value_seed(Skip { reader: self })?;
                    self.note_at(&message.fields[usize::from(named.index)].json_name, CLOSED);
                }
                Key::Known(named) => {
                    guess = usize::from(named.index) + 1;
                    self.member(message, named, &mut seen, &mut members, top.as_deref_mut())?;
                }
                Key::Unknown(name) => {
                    self.unknown(message, &name, &mut members, top.as_deref_mut())?
                }
            }
        }
        self.leave();
        Ok(Outcome::Written)
    }

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'s Message,
        named: Named,
        seen: &mut Seen,
        members: &mut A,
        top: Option<&mut Top>,
    ) -> Result<(), A::Error> {
        let field = &message.fields[usize::from(named.index)];
        let start = self.out.len();
        let before = self.violations.len();
        let bound = |top: &&mut Top| top.bound.contains(&named.index);
        let keep = field.aliased || top.as_ref().is_some_and(bound);
        let seed = FieldSeed {
            reader: self,
            field,
            keep,
        };
        let read = members.next_value_seed(seed);
        let mut outcome = self.inside(before, read, || field.json_name.to_string())?;
        if !seen.fields.insert(named.index) {
            self.again(field, named, start, seen);
            return Ok(());
        }
        if field.aliased {
            seen.aliased.push((named, start..self.out.len()));
        }
        if outcome == Outcome::Written
            && field.oneof.is_some_and(|oneof| !seen.oneofs.insert(oneof))
        {
            self.note_at(
                &field.json_name,
                "is an alternative to another field that is given too",
            );
            outcome = Outcome::Dropped;
        }
        if let Some(top) = top {
            self.presence(field, named.index, outcome, top);
        }
        Ok(())
    }

    // A field whose key came before: twice under one name, or under its alias
    // too, which must say the same. The later value, from `start`, is taken back.
    fn again(&mut self, field: &Field, named: Named, start: usize, seen: &mut Seen) {
        let known = seen
            .aliased
            .iter()
            .filter(|(known, _)| known.index == named.index);
        let (same, other): (Vec<_>, Vec<_>) = known.partition(|(known, _)| *known == named);
        match other.first() {
            Some((_, first)) if same.is_empty() => {
                if self.out[first.clone()] != self.out[start..] {
                    self.note_at(
                        &field.json_name,
                        "is given under two names with different values",
                    );
                }
                let first = first.clone();
                seen.aliased.push((named, first));
            }
            _ => self.note_at(&field.json_name, "is given twice"),
        }
        self.out.truncate(start);
    }

    // CV-14, TR-5: what a key's presence means at the top.
    fn presence(&mut self, field: &Field, index: u16, outcome: Outcome, top: &mut Top) {
        match outcome {
            Outcome::Null if !top.update => return,
            Outcome::Null if !field.clearable => self.note_at(&field.json_name, "must not be null"),
            _ => {}
        }
        top.collected.present.push(index);
    }

    fn unknown<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'s Message,
        name: &str,
        members: &mut A,
        top: Option<&mut Top>,
    ) -> Result<(), A::Error> {
        let closed = top.as_ref().is_some_and(|top| top.closed);
        if let Some(top) = top.filter(|_| message.catch_all.is_some() && !closed) {
            return self.collect(message, name, members, top);
        }
        members.next_value_seed(Skip { reader: self })?;
        if closed {
            self.note_at(name, CLOSED);
        } else if !self.lenient && !self.is_full() {
            self.note_at(name, nearest::unknown("field", name, message.json_names()));
        }
        Ok(())
    }

    fn collect<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'s Message,
        name: &str,
        members: &mut A,
        top: &mut Top,
    ) -> Result<(), A::Error> {
        let raw: &'de RawValue = members.next_value()?;
        let before = self.violations.len();
        let checked = self.check(raw);
        self.inside(before, checked, || shortened(name))?;
        if message.managed.iter().any(|managed| managed == name) {
            self.note_at(name, "is managed by the server");
        }
        if !top.collected.keys.insert(name.to_owned()) {
            self.note_at(name, "is given twice");
        }
        if raw.get() == "null" && !top.update {
            return Ok(());
        }
        let unknown = &mut top.collected.unknown;
        unknown.push(if unknown.is_empty() { b'{' } else { b',' });
        escape::string(unknown, name);
        unknown.push(b':');
        unknown.extend_from_slice(raw.get().as_bytes());
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, '_, '_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        source.deserialize_any(self)
    }
}

impl ObjectSeed<'_, '_, '_> {
    fn wrong(self) -> Outcome {
        self.reader.note("must be a JSON object")
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, '_, '_> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        Ok(self.wrong())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, items: A) -> Result<Outcome, A::Error> {
        Skip {
            reader: self.reader,
        }
        .visit_seq(items)?;
        Ok(self.wrong())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outcome, A::Error> {
        self.reader.object(self.message, members, self.top)
    }
}

enum Key<'de> {
    Known(Named),
    Unknown(Cow<'de, str>),
}

struct KeySeed<'s> {
    message: &'s Message,
    guess: usize,
    hidden: Option<u16>,
}

impl KeySeed<'_> {
    fn find(&self, key: &str) -> Option<Named> {
        self.message
            .by_key(key, self.guess)
            .filter(|named| Some(named.index) != self.hidden)
    }
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key<'de>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Key<'de>, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(self
            .find(key)
            .map_or(Key::Unknown(Cow::Borrowed(key)), Key::Known))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(self
            .find(key)
            .map_or_else(|| Key::Unknown(Cow::Owned(key.to_owned())), Key::Known))
    }
}
