//! JSON of any shape: skipped, or kept verbatim after a check (TR-4).

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::value::Slot;
use super::{Outcome, Reader, shortened};
use crate::wire;

impl<'s> Reader<'s> {
    /// Writes the text of a JSON value as it stands.
    pub(super) fn free<E: Error>(&mut self, slot: Slot<'s>, raw: &RawValue) -> Result<Outcome, E> {
        let text = raw.get();
        if text == "null" {
            return Ok(Outcome::Null);
        }
        let before = self.violations.len();
        self.check(raw)?;
        if slot.field.json_object && !text.starts_with('{') {
            self.note("must be a JSON object");
        }
        if self.violations.len() > before {
            return Ok(Outcome::Dropped);
        }
        self.tag(slot.tag);
        wire::put_chunk(&mut self.out, text.as_bytes());
        Ok(Outcome::Written)
    }

    /// Checks depth, size, repeated keys and texts of a JSON value. The value
    /// has been scanned before, so its position in the body is lost: what is
    /// wrong is told by its path.
    pub(super) fn check<E: Error>(&mut self, raw: &RawValue) -> Result<(), E> {
        let mut source = serde_json::Deserializer::from_str(raw.get());
        let checked = Free { reader: self }.deserialize(&mut source);
        if checked.is_ok() {
            return Ok(());
        }
        if let Some(why) = self.fatal.take() {
            return Err(self.stop(why));
        }
        self.note("holds a text or number that cannot be read");
        Ok(())
    }
}

/// Passes over a value, within the limits.
pub(super) struct Skip<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
}

/// Passes over a value and notes repeated keys and NUL characters.
struct Free<'r, 's> {
    reader: &'r mut Reader<'s>,
}

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<(), E> { Ok(()) })*

        fn visit_unit<E: Error>(self) -> Result<(), E> {
            Ok(())
        }

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("any value")
        }
    };
}

impl<'de> DeserializeSeed<'de> for Skip<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_, '_> {
    type Value = ();

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let reader = self.reader;
        reader.enter()?;
        while items.next_element_seed(Skip { reader })?.is_some() {
            reader.count()?;
        }
        reader.leave();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reader = self.reader;
        reader.enter()?;
        while members.next_key::<serde::de::IgnoredAny>()?.is_some() {
            members.next_value_seed(Skip { reader })?;
            reader.count()?;
        }
        reader.leave();
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Free<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Free<'_, '_> {
    type Value = ();

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            self.reader.note("must not hold NUL");
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let reader = self.reader;
        reader.enter()?;
        for index in 0usize.. {
            let before = reader.violations.len();
            let read = items.next_element_seed(Free { reader });
            if reader
                .inside(before, read, || format!("[{index}]"))?
                .is_none()
            {
                break;
            }
            reader.count()?;
        }
        reader.leave();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reader = self.reader;
        reader.enter()?;
        let mut keys = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            reader.count()?;
            let before = reader.violations.len();
            if key.contains('\0') {
                reader.note("must not hold NUL");
            }
            let read = members.next_value_seed(Free { reader });
            if keys.contains(&key) {
                reader.note("is given twice");
            }
            reader.inside(before, read, || shortened(&key))?;
            keys.insert(key);
        }
        reader.leave();
        Ok(())
    }
}
