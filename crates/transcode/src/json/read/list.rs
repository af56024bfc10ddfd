//! A field as a whole: one value, a list or a map.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::free::Skip;
use super::value::{Slot, ValueSeed};
use super::{Outcome, Reader};
use crate::schema::{Field, Kind, Shape};
use crate::wire;

/// Up to here map keys are compared one by one.
const FEW: usize = 16;

/// Reads the value of a member.
pub(crate) struct FieldSeed<'r, 's> {
    /// Where to.
    pub(crate) reader: &'r mut Reader<'s>,
    /// The member's field.
    pub(crate) field: &'s Field,
    /// Whether a default value is written out.
    pub(crate) keep: bool,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = Outcome;

    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        if self.field.shape == Shape::Singular {
            let slot = Slot::of(self.field);
            let slot = if self.keep { slot.kept() } else { slot };
            return ValueSeed {
                reader: self.reader,
                slot,
            }
            .deserialize(source);
        }
        source.deserialize_any(self)
    }
}

impl FieldSeed<'_, '_> {
    fn wrong(self) -> Outcome {
        self.reader.note(if self.field.is_repeated() {
            "must be an array"
        } else {
            "must be an object"
        })
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array or object")
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
        Ok(Outcome::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Outcome, A::Error> {
        let Shape::Repeated { packed } = self.field.shape else {
            Skip {
                reader: self.reader,
            }
            .visit_seq(items)?;
            return Ok(self.wrong());
        };
        let Self { reader, field, .. } = self;
        if !packed {
            let slot = Slot::of(field).kept();
            reader.items(slot, items)?;
            return Ok(Outcome::Written);
        }
        let before = reader.out.len();
        reader.tag(field.chunk_tag());
        let start = wire::open(&mut reader.out);
        reader.items(
            Slot {
                tag: 0,
                field,
                keep: true,
            },
            items,
        )?;
        if reader.out.len() > start {
            wire::close(&mut reader.out, start);
        } else {
            reader.out.truncate(before);
        }
        Ok(Outcome::Written)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outcome, A::Error> {
        let Shape::Map { key } = self.field.shape else {
            Skip {
                reader: self.reader,
            }
            .visit_map(members)?;
            return Ok(self.wrong());
        };
        self.reader.entries(self.field, key, members)?;
        Ok(Outcome::Written)
    }
}

impl<'s> Reader<'s> {
    /// Reads an array's items into a slot.
    pub(super) fn items<'de, A: SeqAccess<'de>>(
        &mut self,
        slot: Slot<'s>,
        mut items: A,
    ) -> Result<(), A::Error> {
        self.enter()?;
        let mut index = 0usize;
        loop {
            let before = self.violations.len();
            let read = items.next_element_seed(ValueSeed { reader: self, slot });
            if matches!(read, Ok(Some(Outcome::Null))) {
                self.note("must not be null");
            }
            let read = self.inside(before, read, || format!("[{index}]"))?;
            if read.is_none() {
                break;
            }
            self.count()?;
            index += 1;
        }
        self.leave();
        Ok(())
    }

    /// Reads an object as map entries. Also used by `google.protobuf.Struct`.
    pub(super) fn entries<'de, A>(
        &mut self,
        field: &'s Field,
        key: Kind,
        mut members: A,
    ) -> Result<(), A::Error>
    where
        A: MapAccess<'de>,
    {
        self.enter()?;
        let mut keys = Keys::default();
        loop {
            let entry = self.out.len();
            self.tag(field.chunk_tag());
            let start = wire::open(&mut self.out);
            let before = self.violations.len();
            let Some(name) = members.next_key_seed(KeySeed {
                reader: self,
                kind: key,
            })?
            else {
                self.out.truncate(entry);
                break;
            };
            self.count()?;
            let fresh = keys.is_new(&self.out, start..self.out.len());
            if !fresh {
                self.note("is given twice");
            }
            let slot = Slot {
                tag: 2 << 3 | field.kind.wire_type(),
                field,
                keep: true,
            };
            let read = members.next_value_seed(ValueSeed { reader: self, slot });
            if matches!(read, Ok(Outcome::Null)) {
                self.note("must not be null");
            }
            let outcome = self.inside(before, read, || super::shortened(&name))?;
            if outcome == Outcome::Written && fresh {
                let length = self.out.len();
                wire::close(&mut self.out, start);
                keys.moved(self.out.len() - length);
            } else {
                if fresh {
                    keys.forget();
                }
                self.out.truncate(entry);
            }
        }
        self.leave();
        Ok(())
    }
}

// Where the encoded keys stand in the output; many of them are kept in a set.
#[derive(Default)]
struct Keys {
    few: [(usize, usize); FEW],
    count: usize,
    many: Option<HashSet<Box<[u8]>>>,
}

impl Keys {
    fn is_new(&mut self, out: &[u8], key: std::ops::Range<usize>) -> bool {
        let bytes = &out[key.clone()];
        if let Some(many) = &mut self.many {
            return many.insert(bytes.into());
        }
        let known = &self.few[..self.count];
        if known.iter().any(|&(from, to)| &out[from..to] == bytes) {
            return false;
        }
        if self.count < FEW {
            self.few[self.count] = (key.start, key.end);
            self.count += 1;
        } else {
            let known = known.iter().map(|&(from, to)| out[from..to].into());
            self.many = Some(known.chain([bytes.into()]).collect());
        }
        true
    }

    // The last key's entry grew a longer length prefix.
    fn moved(&mut self, by: usize) {
        if self.many.is_none()
            && let Some((from, to)) = self.few[..self.count].last_mut()
        {
            (*from, *to) = (*from + by, *to + by);
        }
    }

    // The last key's entry was taken back; it may come again, which the set
    // form still notices and the list form no longer can.
    fn forget(&mut self) {
        if self.many.is_none() {
            self.count -= 1;
        }
    }
}

// Writes a map key and returns it for the path.
struct KeySeed<'r, 's> {
    reader: &'r mut Reader<'s>,
    kind: Kind,
}

impl KeySeed<'_, '_> {
    fn write(self, key: &str) {
        if !self.reader.map_key(self.kind, key) {
            self.reader.note("is no key of this map");
        }
    }
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Cow<'de, str>, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_, '_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        self.write(key);
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Cow<'de, str>, E> {
        self.write(key);
        Ok(Cow::Owned(key.to_owned()))
    }
}
