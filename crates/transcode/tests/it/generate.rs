//! Messages made from a tape of random bytes, so that proptest can shrink them.

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};

/// Random bytes, read once; an exhausted tape yields zeros.
pub(crate) struct Tape<'a> {
    bytes: &'a [u8],
    /// Only what survives the API's dialect: milliseconds, no unspecified
    /// enums in lists, no Any.
    pub(crate) api: bool,
}

impl<'a> Tape<'a> {
    /// Starts a tape.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, api: false }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    fn wide(&mut self) -> u64 {
        match self.below(4) {
            0 => u64::from(self.byte()),
            1 => u64::MAX - u64::from(self.byte()),
            2 => 1u64.rotate_right(u32::from(self.below(12))) ^ u64::from(self.byte()),
            _ => (0..8).fold(0, |sum, _| sum << 8 | u64::from(self.byte())),
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 16] = [
            'a', 'b', 'Z', ' ', '"', '\\', '/', '\n', '\t', '\u{1}', '\u{7f}', 'é', '漢', '😀',
            '\u{2028}', '0',
        ];
        let length = self.below(14);
        (0..length)
            .map(|_| LETTERS[usize::from(self.below(16))])
            .collect()
    }

    fn double(&mut self) -> f64 {
        // Zero is always positive: the oracle takes -0.0 for a default.
        match self.below(4) {
            0 => f64::from(self.byte()),
            1 => f64::from(self.byte()) / 10.0,
            2 => -f64::from(self.byte()) - 0.5,
            _ => Some(f64::from_bits(self.wide()))
                .filter(|value| value.is_finite() && *value != 0.0)
                .unwrap_or(1e300),
        }
    }

    fn float(&mut self) -> f32 {
        match self.below(3) {
            0 => f32::from(self.byte()),
            1 => f32::from(self.byte()) / 3.0,
            _ => {
                let value = f32::from_bits(self.wide() as u32);
                if value.is_finite() && value != 0.0 {
                    value
                } else {
                    1e30
                }
            }
        }
    }

    /// A message of the given kind.
    pub(crate) fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        depth: usize,
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        match descriptor.full_name() {
            "google.protobuf.Timestamp" => self.timestamp(&mut message),
            "google.protobuf.Duration" => self.duration(&mut message),
            "google.protobuf.FieldMask" => self.mask(&mut message),
            "google.protobuf.Any" => self.any(&mut message, depth),
            "google.protobuf.Value" => self.value(&mut message, depth),
            _ => {
                let fields: Vec<_> = descriptor.fields().collect();
                let count = if depth > 3 { 0 } else { self.below(7) };
                for _ in 0..count {
                    let field = &fields[usize::from(self.byte()) % fields.len()];
                    if self.api
                        && matches!(field.kind(), Kind::Message(ref each) if each.full_name() == "google.protobuf.Any")
                    {
                        continue;
                    }
                    let value = self.field(field, depth);
                    message.set_field(field, value);
                }
            }
        }
        message
    }

    fn set(message: &mut DynamicMessage, name: &str, value: Value) {
        message.set_field_by_name(name, value);
    }

    fn timestamp(&mut self, message: &mut DynamicMessage) {
        let seconds = (self.wide() % 315_537_897_599) as i64 - 62_135_596_800;
        let unit = if self.api {
            1_000_000
        } else {
            [1, 1_000, 1_000_000][usize::from(self.below(3))]
        };
        let nanos = (self.wide() % 1_000) as i32 * unit;
        Self::set(message, "seconds", Value::I64(seconds));
        Self::set(message, "nanos", Value::I32(nanos));
    }

    fn duration(&mut self, message: &mut DynamicMessage) {
        let sign = if self.below(2) == 0 { 1 } else { -1 };
        Self::set(
            message,
            "seconds",
            Value::I64((self.wide() % 315_576_000_000) as i64 * sign),
        );
        Self::set(
            message,
            "nanos",
            Value::I32((self.wide() % 1_000_000_000) as i32 * sign as i32),
        );
    }

    fn mask(&mut self, message: &mut DynamicMessage) {
        let count = self.below(3);
        let paths = (0..count).map(|_| {
            Value::String(["a", "foo_bar", "x.y_z"][usize::from(self.below(3))].to_owned())
        });
        let paths = Value::List(paths.collect());
        Self::set(message, "paths", paths);
    }

    fn any(&mut self, message: &mut DynamicMessage, depth: usize) {
        let pool = message.descriptor().parent_pool().clone();
        let names = [
            "test.v1.Everything",
            "google.protobuf.Timestamp",
            "google.protobuf.StringValue",
            "google.protobuf.Struct",
        ];
        let name = names[usize::from(self.below(4))];
        let inner = self.message(&pool.get_message_by_name(name).unwrap(), depth + 2);
        Self::set(
            message,
            "type_url",
            Value::String(format!("type.googleapis.com/{name}")),
        );
        Self::set(
            message,
            "value",
            Value::Bytes(prost::Message::encode_to_vec(&inner).into()),
        );
    }

    fn value(&mut self, message: &mut DynamicMessage, depth: usize) {
        let field = message
            .descriptor()
            .get_field(1 + u32::from(self.below(if depth > 4 { 4 } else { 6 })))
            .unwrap();
        let value = match field.number() {
            1 => Value::EnumNumber(0),
            2 => Value::F64(self.double()),
            _ => self.single(&field.kind(), depth + 1),
        };
        message.set_field(&field, value);
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else {
                unreachable!()
            };
            let count = if self.below(20) == 19 {
                20
            } else {
                self.below(4)
            };
            let entries = (0..count).map(|_| {
                let key = self.key(&entry.map_entry_key_field().kind());
                (
                    key,
                    self.listed(&entry.map_entry_value_field().kind(), depth + 1),
                )
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            let count = self.below(5);
            return Value::List(
                (0..count)
                    .map(|_| self.listed(&field.kind(), depth + 1))
                    .collect(),
            );
        }
        self.single(&field.kind(), depth + 1)
    }

    // An unspecified enum in a list or map prints null in the API's dialect, which cannot be read back.
    fn listed(&mut self, kind: &Kind, depth: usize) -> Value {
        match self.single(kind, depth) {
            Value::EnumNumber(0) if self.api => Value::EnumNumber(1),
            value => value,
        }
    }

    fn key(&mut self, kind: &Kind) -> MapKey {
        match kind {
            Kind::Bool => MapKey::Bool(self.below(2) == 1),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(self.wide() as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(self.wide() as i64),
            Kind::Uint32 | Kind::Fixed32 => MapKey::U32(self.wide() as u32),
            Kind::Uint64 | Kind::Fixed64 => MapKey::U64(self.wide()),
            _ => MapKey::String(self.text()),
        }
    }

    fn single(&mut self, kind: &Kind, depth: usize) -> Value {
        match kind {
            Kind::Double => Value::F64(self.double()),
            Kind::Float => Value::F32(self.float()),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.wide() as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.wide() as i64),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.wide() as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.wide()),
            Kind::Bool => Value::Bool(self.below(2) == 1),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.text().into_bytes().into()),
            Kind::Enum(each) => Value::EnumNumber(self.number(each)),
            Kind::Message(each) => Value::Message(self.message(each, depth)),
        }
    }

    fn number(&mut self, each: &EnumDescriptor) -> i32 {
        let values: Vec<_> = each.values().collect();
        values[usize::from(self.byte()) % values.len()].number()
    }
}
