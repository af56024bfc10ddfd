//! Descriptors compiled to flat tables: what the codec looks at per field is one struct away.
//!
//! Fields stand in number order, so a walker that follows the wire knows which
//! fields it has passed. Key texts are stored ready to print, enum words ready
//! to print and ready to look up.

mod compile;
mod words;

use prost_reflect::{DescriptorPool, MessageDescriptor};

pub(crate) use compile::{choice, flag, option_of};
pub(crate) use words::{Enum, Spelling, folded};

use crate::error::Error;
use crate::wire;

/// Every message and enum of a descriptor set.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The descriptors the tables were made from.
    pub(crate) pool: DescriptorPool,
    /// Messages by id.
    pub(crate) messages: Vec<Message>,
    /// Enums by id.
    pub(crate) enums: Vec<Enum>,
    // Full names, sorted.
    names: Vec<(Box<str>, u32)>,
}

/// A message and its fields.
#[derive(Debug)]
pub(crate) struct Message {
    /// The id, an index into [`Schema::messages`].
    pub(crate) id: u32,
    /// The descriptor, for the slow path.
    pub(crate) descriptor: MessageDescriptor,
    /// What ProtoJSON makes of it beyond an object.
    pub(crate) special: Special,
    /// The fields in number order.
    pub(crate) fields: Vec<Field>,
    /// The field that takes unknown keys (TR-6).
    pub(crate) catch_all: Option<u16>,
    /// Keys that are refused although a catch-all field exists.
    pub(crate) managed: Vec<String>,
    /// The field named `update_mask`, when it is a `FieldMask` (TR-5).
    pub(crate) update_mask: Option<u16>,
    /// The message as `value` of an Any.
    pub(crate) within_any: Field,
    // JSON names, proto names and aliases, sorted by length and bytes.
    keys: Vec<(Box<str>, Named)>,
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// The field's index in [`Message::fields`].
    pub(crate) index: u16,
    /// Whether the key is the field's alias.
    pub(crate) alias: bool,
}

/// Messages that are not written as plain objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// An ordinary message.
    None,
    /// `google.protobuf.Any`.
    Any,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.FieldMask`.
    FieldMask,
    /// `google.protobuf.Struct`.
    Struct,
    /// `google.protobuf.Value`.
    Value,
    /// `google.protobuf.ListValue`.
    List,
    /// One of the wrappers; its only field is the value.
    Wrapper,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are protobuf's own")]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(u32),
    Message(u32),
}

impl Kind {
    /// The wire type of one value.
    #[inline]
    pub(crate) fn wire_type(self) -> u32 {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => wire::FIXED64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => wire::FIXED32,
            Self::String | Self::Bytes | Self::Message(_) => wire::CHUNK,
            _ => wire::VARINT,
        }
    }

    /// Whether repeated values may stand in one chunk.
    pub(crate) fn packable(self) -> bool {
        !matches!(self, Self::String | Self::Bytes | Self::Message(_))
    }
}

/// How often a field holds its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// At most once.
    Singular,
    /// A list.
    Repeated {
        /// Whether it is written in one chunk.
        packed: bool,
    },
    /// A map; the field's kind is that of the values.
    Map {
        /// The kind of the keys.
        key: Kind,
    },
}

/// A field, ready to be written and read.
#[derive(Debug)]
pub(crate) struct Field {
    /// The field number.
    pub(crate) number: u32,
    /// The tag of one value.
    pub(crate) tag: u32,
    /// The kind of its value, items or map values.
    pub(crate) kind: Kind,
    /// Singular, repeated or map.
    pub(crate) shape: Shape,
    /// The wire types its values may have, one bit each.
    pub(crate) accepted: u8,
    /// Whether an unset value differs from a default one.
    pub(crate) presence: bool,
    /// The oneof it belongs to.
    pub(crate) oneof: Option<u16>,
    /// `,"jsonName":`.
    pub(crate) key: Box<str>,
    /// The camelCase name.
    pub(crate) json_name: Box<str>,
    /// The name in the proto file.
    pub(crate) proto_name: Box<str>,
    /// What the API's dialect prints when the field is not on the wire (TR-1).
    pub(crate) absent: Box<str>,
    /// The text is JSON of its own (TR-4).
    pub(crate) json: bool,
    /// With `json`: an object.
    pub(crate) json_object: bool,
    /// `null` clears it in PUT and PATCH (CV-14).
    pub(crate) clearable: bool,
    /// Whether another name is read as this field.
    pub(crate) aliased: bool,
    /// The text is a UUID, so case does not distinguish.
    pub(crate) uuid: bool,
}

impl Field {
    /// The tag of a packed list or a map entry.
    pub(crate) fn chunk_tag(&self) -> u32 {
        self.number << 3 | wire::CHUNK
    }

    /// Whether a value of this wire type belongs to the field; others count as unknown.
    #[inline]
    pub(crate) fn accepts(&self, wire_type: u32) -> bool {
        self.accepted >> (wire_type & 7) & 1 != 0
    }

    /// Whether the field is a list.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self.shape, Shape::Repeated { .. })
    }
}

impl Message {
    /// The field of a number; `guess` is tried first.
    #[inline]
    pub(crate) fn by_number(&self, number: u32, guess: usize) -> Option<usize> {
        match self.fields.get(guess) {
            Some(field) if field.number == number => Some(guess),
            _ => self
                .fields
                .binary_search_by_key(&number, |field| field.number)
                .ok(),
        }
    }

    /// The field a key names; `guess` is tried first.
    #[inline(always)]
    pub(crate) fn by_key(&self, key: &str, guess: usize) -> Option<Named> {
        match self.fields.get(guess) {
            Some(field) if *field.json_name == *key => Some(Named {
                index: guess as u16,
                alias: false,
            }),
            _ => self.search(key),
        }
    }

    fn search(&self, key: &str) -> Option<Named> {
        let found = self
            .keys
            .binary_search_by(|(known, _)| {
                known
                    .len()
                    .cmp(&key.len())
                    .then_with(|| known.as_bytes().cmp(key.as_bytes()))
            })
            .ok()?;
        Some(self.keys[found].1)
    }

    /// The field with this name in the proto file.
    pub(crate) fn by_proto_name(&self, name: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|field| *field.proto_name == *name)
    }

    /// The JSON names a client may send.
    pub(crate) fn json_names(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .enumerate()
            .filter(|(index, _)| self.catch_all.map(usize::from) != Some(*index))
            .map(|(_, field)| &*field.json_name)
    }
}

impl Schema {
    /// Compiles a decoded descriptor set.
    pub(crate) fn new(pool: DescriptorPool) -> Self {
        compile::schema(pool)
    }

    /// The message of a full name.
    pub(crate) fn message(&self, name: &str) -> Result<&Message, Error> {
        self.find(name)
            .ok_or_else(|| Error::UnknownMessage(name.to_owned()))
    }

    /// The message of a full name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Message> {
        let found = self
            .names
            .binary_search_by(|(known, _)| (**known).cmp(name))
            .ok()?;
        Some(&self.messages[self.names[found].1 as usize])
    }

    /// The message of an id.
    pub(crate) fn at(&self, id: u32) -> &Message {
        &self.messages[id as usize]
    }
}
