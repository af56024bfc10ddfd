//! `google.protobuf.Any`: the type may come after the fields, so the members
//! are held back until it is known.

use serde::de::{DeserializeSeed, Error, MapAccess};
use serde_json::value::RawValue;

use super::member::ObjectSeed;
use super::value::{Slot, ValueSeed};
use super::{Outcome, Reader};
use crate::schema::{Message, Special};
use crate::wire;

/// The tag of `Any.value`.
const VALUE: u32 = 2 << 3 | wire::CHUNK;

/// The members of an Any except its type.
type Members<'de> = Vec<(String, &'de RawValue)>;

impl<'s> Reader<'s> {
    /// Reads an Any whose frame is open.
    pub(super) fn any<'de, A: MapAccess<'de>>(
        &mut self,
        mut members: A,
    ) -> Result<Outcome, A::Error> {
        self.enter()?;
        let mut url: Option<String> = None;
        let mut rest: Members<'de> = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            self.count()?;
            let raw: &'de RawValue = members.next_value()?;
            if key == "@type" {
                match serde_json::from_str(raw.get()) {
                    Ok(text) if url.is_none() => url = Some(text),
                    Ok(_) => self.note_at("@type", "is given twice"),
                    Err(_) => self.note_at("@type", "must be a text"),
                }
            } else {
                rest.push((key, raw));
            }
        }
        let outcome = self.typed(url.as_deref(), &rest)?;
        self.leave();
        Ok(outcome)
    }

    fn typed<E: Error>(&mut self, url: Option<&str>, members: &Members<'_>) -> Result<Outcome, E> {
        let Some(url) = url else {
            if members.is_empty() {
                return Ok(Outcome::Written);
            }
            self.note_at("@type", "is missing");
            return Ok(Outcome::Dropped);
        };
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(message) = self.schema.find(name).filter(|_| url.contains('/')) else {
            self.note_at("@type", "names no known message");
            return Ok(Outcome::Dropped);
        };
        self.out.push(1 << 3 | wire::CHUNK as u8);
        wire::put_chunk(&mut self.out, url.as_bytes());
        if message.special != Special::None {
            return self.value_member(message, members);
        }
        self.out.push(VALUE as u8);
        let start = wire::open(&mut self.out);
        self.plain(message, members)?;
        wire::close(&mut self.out, start);
        Ok(Outcome::Written)
    }

    // The other members, put together again, are the object.
    fn plain<E: Error>(&mut self, message: &'s Message, members: &Members<'_>) -> Result<(), E> {
        let mut text = vec![b'{'];
        for (index, (key, raw)) in members.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            crate::json::escape::string(&mut text, key);
            text.push(b':');
            text.extend_from_slice(raw.get().as_bytes());
        }
        text.push(b'}');
        let mut source = serde_json::Deserializer::from_slice(&text);
        // The object stands at the Any's own depth.
        self.leave();
        let read = ObjectSeed {
            reader: self,
            message,
            top: None,
        }
        .deserialize(&mut source);
        self.depth += 1;
        read.map(drop).map_err(|_| self.stop_again())
    }

    fn value_member<E: Error>(
        &mut self,
        message: &'s Message,
        members: &Members<'_>,
    ) -> Result<Outcome, E> {
        for (key, _) in members.iter().filter(|(key, _)| key != "value") {
            self.note_at(key, "is unknown beside \"value\"");
        }
        let mut values = members.iter().filter(|(key, _)| key == "value");
        let (Some((_, raw)), None) = (values.next(), values.next()) else {
            self.note_at("value", "must be given once");
            return Ok(Outcome::Dropped);
        };
        let before = self.violations.len();
        // The frame of the Any's value is at once that of the message.
        let slot = Slot {
            tag: VALUE,
            field: &message.within_any,
            keep: true,
        };
        let mut source = serde_json::Deserializer::from_str(raw.get());
        let read = ValueSeed { reader: self, slot }.deserialize(&mut source);
        if matches!(read, Ok(Outcome::Null)) {
            self.note("must not be null");
        }
        let read = self.inside(before, read, || "value".to_owned());
        read.map_err(|_| self.stop_again())
    }

    fn stop_again<E: Error>(&mut self) -> E {
        let why = self
            .fatal
            .take()
            .unwrap_or_else(|| "malformed JSON".to_owned());
        self.stop(why)
    }
}
