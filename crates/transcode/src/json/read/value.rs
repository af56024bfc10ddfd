//! One value of a known kind.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::free::Skip;
use super::special::{DynamicSeed, ListSeed, StructSeed};
use super::{Outcome, Reader};
use crate::json::Dialect;
use crate::schema::{Field, Kind, Special};
use crate::wire;

/// Where a value is written: the tag before it (0 for none), the field whose
/// kind it has, and whether a default value is written out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'s> {
    /// The tag, or 0 inside a packed list.
    pub(crate) tag: u32,
    /// The field.
    pub(crate) field: &'s Field,
    /// Whether defaults are written.
    pub(crate) keep: bool,
}

impl<'s> Slot<'s> {
    /// The slot of a singular field.
    pub(crate) fn of(field: &'s Field) -> Self {
        Self {
            tag: field.tag,
            field,
            keep: field.presence,
        }
    }

    /// The same, writing defaults too.
    pub(crate) fn kept(self) -> Self {
        Self { keep: true, ..self }
    }
}

/// Reads one value into a slot.
pub(crate) struct ValueSeed<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    pub(super) slot: Slot<'s>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Outcome;

    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        let Self { reader, slot } = self;
        match slot.field.kind {
            Kind::String if slot.field.json && reader.dialect == Dialect::Api => {
                let raw = <&RawValue>::deserialize(source)?;
                reader.free(slot, raw)
            }
            Kind::Message(id) => {
                let message = reader.schema.at(id);
                let seed = ValueSeed { reader, slot };
                match message.special {
                    Special::Value => {
                        seed.framed(|reader| DynamicSeed { reader, message }.deserialize(source))
                    }
                    Special::Wrapper => seed.framed(|reader| {
                        let slot = Slot::of(&message.fields[0]);
                        ValueSeed { reader, slot }.deserialize(source)
                    }),
                    _ => source.deserialize_any(seed),
                }
            }
            _ => source.deserialize_any(Self { reader, slot }),
        }
    }
}

impl<'s> ValueSeed<'_, 's> {
    // Writes tag and length around what `inside` writes; nothing if it writes nothing on purpose.
    fn framed<E>(
        self,
        inside: impl FnOnce(&mut Reader<'s>) -> Result<Outcome, E>,
    ) -> Result<Outcome, E> {
        let Self { reader, slot } = self;
        let before = reader.out.len();
        reader.tag(slot.tag);
        let start = wire::open(&mut reader.out);
        let outcome = inside(reader)?;
        if outcome == Outcome::Written {
            wire::close(&mut reader.out, start);
        } else {
            reader.out.truncate(before);
        }
        Ok(outcome)
    }

    fn wrong(self) -> Outcome {
        let message = self.reader.expected(self.slot.field);
        self.reader.note(message)
    }

    #[inline(always)]
    fn text(self, text: &str) -> Outcome {
        let Self { reader, slot } = self;
        match slot.field.kind {
            Kind::String => reader.plain_text(slot, text),
            Kind::Message(id) => reader.text_message(slot, reader.schema.at(id), text),
            _ => reader.string(slot, text),
        }
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Outcome, E> {
        if self.slot.field.kind != Kind::Bool {
            return Ok(self.wrong());
        }
        self.reader.boolean(self.slot, value);
        Ok(Outcome::Written)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Outcome, E> {
        Ok(self.reader.integer(self.slot, i128::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Outcome, E> {
        Ok(self.reader.counted(self.slot, value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Outcome, E> {
        Ok(self.reader.decimal(self.slot, value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Outcome, E> {
        Ok(self.text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        if let Kind::Enum(id) = self.slot.field.kind
            && self.reader.schema.enums[id as usize].null
        {
            return Ok(self.reader.integer(self.slot, 0));
        }
        Ok(Outcome::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Outcome, A::Error> {
        if let Kind::Message(id) = self.slot.field.kind {
            let message = self.reader.schema.at(id);
            if message.special == Special::List {
                return self.framed(|reader| ListSeed { reader, message }.visit_seq(items));
            }
        }
        Skip {
            reader: self.reader,
        }
        .visit_seq(items)?;
        Ok(self.wrong())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outcome, A::Error> {
        if let Kind::Message(id) = self.slot.field.kind {
            let message = self.reader.schema.at(id);
            match message.special {
                Special::None => {
                    return self.framed(|reader| reader.object(message, members, None));
                }
                Special::Struct => {
                    return self.framed(|reader| StructSeed { reader, message }.visit_map(members));
                }
                Special::Any => return self.framed(|reader| reader.any(members)),
                _ => {}
            }
        }
        Skip {
            reader: self.reader,
        }
        .visit_map(members)?;
        Ok(self.wrong())
    }
}
