//! The messages ProtoJSON reads in a form of their own, except Any.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::value::Slot;
use super::{Outcome, Reader};
use crate::json::{Dialect, mask, time};
use crate::schema::{Kind, Message, Shape, Special};
use crate::wire;

/// Tags of `google.protobuf.Value`'s fields.
const NULL: u8 = 1 << 3;
const NUMBER: u8 = 2 << 3 | 1;
const TEXT: u8 = 3 << 3 | 2;
const BOOL: u8 = 4 << 3;
const STRUCT: u8 = 5 << 3 | 2;
const LIST: u8 = 6 << 3 | 2;

impl<'s> Reader<'s> {
    /// What a message field takes, for violations.
    pub(super) fn expected_message(&self, id: u32) -> String {
        let message = self.schema.at(id);
        let what = match message.special {
            Special::Timestamp => "a timestamp such as 2026-01-31T12:00:00Z",
            Special::Duration => "a duration in seconds such as 1.5s",
            Special::FieldMask => "a text of field names with commas between",
            Special::Wrapper => return self.expected(&message.fields[0]),
            Special::List => "an array",
            _ => "an object",
        };
        format!("must be {what}")
    }

    /// Writes a message that has a text form.
    pub(super) fn text_message(
        &mut self,
        slot: Slot<'s>,
        message: &'s Message,
        text: &str,
    ) -> Outcome {
        let pair = match message.special {
            Special::Timestamp => time::timestamp(text),
            Special::Duration => time::duration(text),
            Special::FieldMask => return self.field_mask(slot, text),
            _ => None,
        };
        let Some((seconds, nanos)) = pair else {
            let message = self.expected_message(message.id);
            return self.note(message);
        };
        self.tag(slot.tag);
        let start = wire::open(&mut self.out);
        for (tag, value) in [(1 << 3, seconds), (2 << 3, i64::from(nanos))] {
            if value != 0 {
                self.out.push(tag);
                wire::put_varint(&mut self.out, value as u64);
            }
        }
        // Two tags and two numbers of ten bytes are a length of one.
        self.out[start - 1] = (self.out.len() - start) as u8;
        Outcome::Written
    }

    fn field_mask(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        let before = self.out.len();
        self.tag(slot.tag);
        let start = wire::open(&mut self.out);
        for path in text.split(',').filter(|_| !text.is_empty()) {
            let path = match self.dialect {
                Dialect::Api => path.trim(),
                Dialect::Standard => path,
            };
            let path = mask::snake(path).filter(|path| !path.is_empty());
            let Some(path) = path else {
                self.out.truncate(before);
                return self.note("must be camelCase field names with commas between");
            };
            self.out.push(1 << 3 | wire::CHUNK as u8);
            wire::put_chunk(&mut self.out, path.as_bytes());
        }
        wire::close(&mut self.out, start);
        Outcome::Written
    }
}

/// Reads a `google.protobuf.Struct`.
pub(super) struct StructSeed<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    pub(super) message: &'s Message,
}

impl StructSeed<'_, '_> {
    pub(super) fn visit_map<'de, A: MapAccess<'de>>(self, members: A) -> Result<Outcome, A::Error> {
        let field = &self.message.fields[0];
        if let Shape::Map { key } = field.shape {
            self.reader.entries(field, key, members)?;
        }
        Ok(Outcome::Written)
    }
}

/// Reads a `google.protobuf.ListValue`.
pub(super) struct ListSeed<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    pub(super) message: &'s Message,
}

impl ListSeed<'_, '_> {
    pub(super) fn visit_seq<'de, A: SeqAccess<'de>>(self, items: A) -> Result<Outcome, A::Error> {
        let slot = Slot::of(&self.message.fields[0]).kept();
        self.reader.items(slot, items)?;
        Ok(Outcome::Written)
    }
}

/// Reads a `google.protobuf.Value`.
pub(super) struct DynamicSeed<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    pub(super) message: &'s Message,
}

impl<'s> DynamicSeed<'_, 's> {
    fn put(self, tag: u8, value: &[u8]) -> Outcome {
        self.reader.out.push(tag);
        self.reader.out.extend_from_slice(value);
        Outcome::Written
    }

    // Writes a Struct or ListValue; the frame is this function's.
    fn framed<E>(
        self,
        tag: u8,
        inside: impl FnOnce(&mut Reader<'s>, &'s Message) -> Result<Outcome, E>,
    ) -> Result<Outcome, E> {
        let Self { reader, message } = self;
        let inner = message
            .by_number(u32::from(tag >> 3), 0)
            .map(|index| message.fields[index].kind);
        let Some(Kind::Message(id)) = inner else {
            return Ok(Outcome::Dropped);
        };
        reader.out.push(tag);
        let start = wire::open(&mut reader.out);
        let inner = reader.schema.at(id);
        inside(reader, inner)?;
        wire::close(&mut reader.out, start);
        Ok(Outcome::Written)
    }
}

impl<'de> DeserializeSeed<'de> for DynamicSeed<'_, '_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DynamicSeed<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        Ok(self.put(NULL, &[0]))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Outcome, E> {
        Ok(self.put(BOOL, &[u8::from(value)]))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Outcome, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Outcome, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Outcome, E> {
        Ok(self.put(NUMBER, &value.to_le_bytes()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Outcome, E> {
        self.reader.out.push(TEXT);
        wire::put_chunk(&mut self.reader.out, text.as_bytes());
        Ok(Outcome::Written)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Outcome, A::Error> {
        self.framed(LIST, |reader, message| {
            ListSeed { reader, message }.visit_seq(items)
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outcome, A::Error> {
        self.framed(STRUCT, |reader, message| {
            StructSeed { reader, message }.visit_map(members)
        })
    }
}
