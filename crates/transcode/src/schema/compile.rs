//! Makes the tables out of descriptors and options.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind as Described, MessageDescriptor, Value,
};

use super::words::Enum;
use super::{Field, Kind, Message, Named, Schema, Shape, Special};
use crate::wire;

/// Our field option; see `smilefactory/api/v1/options.proto`.
const FIELD_OPTION: &str = "smilefactory.api.v1.field";
const FORMAT_UUID: i32 = 2;

/// Numbers given to messages and enums before their fields are read.
struct Ids {
    messages: HashMap<String, u32>,
    enums: HashMap<String, u32>,
}

/// Compiles every message and enum of the pool.
pub(super) fn schema(pool: DescriptorPool) -> Schema {
    let ids = Ids {
        messages: numbered(
            pool.all_messages()
                .map(|message| message.full_name().to_owned()),
        ),
        enums: numbered(pool.all_enums().map(|each| each.full_name().to_owned())),
    };
    let enums: Vec<Enum> = pool
        .all_enums()
        .map(|each| Enum::new(&pool, &each))
        .collect();
    let messages = pool
        .all_messages()
        .enumerate()
        .map(|(id, message)| compiled(id as u32, message, &pool, &ids, &enums))
        .collect();
    let mut names: Vec<(Box<str>, u32)> = ids
        .messages
        .into_iter()
        .map(|(name, id)| (name.into(), id))
        .collect();
    names.sort();
    Schema {
        pool,
        messages,
        enums,
        names,
    }
}

fn numbered(names: impl Iterator<Item = String>) -> HashMap<String, u32> {
    names
        .enumerate()
        .map(|(id, name)| (name, id as u32))
        .collect()
}

fn compiled(
    id: u32,
    descriptor: MessageDescriptor,
    pool: &DescriptorPool,
    ids: &Ids,
    enums: &[Enum],
) -> Message {
    let mut fields = Vec::new();
    let mut options = Vec::new();
    // fields() is in number order. Groups exist in proto2 only, which is out of scope.
    for each in descriptor.fields().filter(|field| !field.is_group()) {
        let option = option_of(pool, FIELD_OPTION, &each.options());
        fields.push(field(&each, option.as_ref(), ids, enums));
        options.push(option);
    }
    let catch_all = options
        .iter()
        .position(|option| flag(option.as_ref(), "catch_all"));
    let managed = catch_all
        .map(|index| texts(options[index].as_ref(), "managed"))
        .unwrap_or_default();
    let keys = keys(&fields, &options);
    let update_mask = fields.iter().position(|field| {
        &*field.proto_name == "update_mask"
            && field.shape == Shape::Singular
            && matches!(field.kind, Kind::Message(id) if ids.messages.get("google.protobuf.FieldMask") == Some(&id))
    });
    Message {
        id,
        special: special(descriptor.full_name()),
        catch_all: catch_all.map(|index| index as u16),
        update_mask: update_mask.map(|index| index as u16),
        within_any: within_any(id),
        descriptor,
        fields,
        managed,
        keys,
    }
}

fn within_any(id: u32) -> Field {
    Field {
        number: 2,
        tag: 2 << 3 | wire::CHUNK,
        kind: Kind::Message(id),
        shape: Shape::Singular,
        accepted: accepted(Kind::Message(id), Shape::Singular),
        presence: true,
        oneof: None,
        key: ",\"value\":".into(),
        json_name: "value".into(),
        proto_name: "value".into(),
        absent: "null".into(),
        json: false,
        json_object: false,
        clearable: false,
        aliased: false,
        uuid: false,
    }
}

// A list of numbers may come in one chunk or one by one, whichever way it is declared.
fn accepted(kind: Kind, shape: Shape) -> u8 {
    let (one, chunk) = (1 << kind.wire_type(), 1 << wire::CHUNK);
    match shape {
        Shape::Singular => one,
        Shape::Repeated { .. } if kind.packable() => one | chunk,
        Shape::Repeated { .. } => one,
        Shape::Map { .. } => chunk,
    }
}

fn keys(fields: &[Field], options: &[Option<DynamicMessage>]) -> Vec<(Box<str>, Named)> {
    let mut keys: Vec<(Box<str>, Named)> = Vec::new();
    for (index, (field, option)) in fields.iter().zip(options).enumerate() {
        let named = Named {
            index: index as u16,
            alias: false,
        };
        keys.push((field.json_name.clone(), named));
        if field.proto_name != field.json_name {
            keys.push((field.proto_name.clone(), named));
        }
        if let Some(alias) = text(option.as_ref(), "alias") {
            keys.push((
                alias.into(),
                Named {
                    index: index as u16,
                    alias: true,
                },
            ));
        }
    }
    keys.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    keys
}

fn field(
    descriptor: &FieldDescriptor,
    option: Option<&DynamicMessage>,
    ids: &Ids,
    enums: &[Enum],
) -> Field {
    let (kind, shape) = kind_and_shape(descriptor, ids);
    let json_object = flag(option, "json_object");
    let json =
        kind == Kind::String && (json_object || flag(option, "json") || flag(option, "catch_all"));
    let presence = descriptor.supports_presence();
    let json_name = descriptor.json_name();
    let mut key = String::from(",");
    key.push_str(&serde_json::Value::from(json_name).to_string());
    key.push(':');
    Field {
        number: descriptor.number(),
        tag: descriptor.number() << 3 | kind.wire_type(),
        kind,
        shape,
        accepted: accepted(kind, shape),
        presence,
        oneof: descriptor
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic())
            .and_then(|oneof| {
                descriptor
                    .parent_message()
                    .oneofs()
                    .position(|each| each == oneof)
            })
            .map(|index| index as u16),
        key: key.into(),
        json_name: json_name.into(),
        proto_name: descriptor.name().into(),
        absent: absent(kind, shape, presence, json.then_some(json_object), enums).into(),
        json,
        json_object,
        clearable: flag(option, "clearable"),
        aliased: text(option, "alias").is_some(),
        uuid: choice(option, "format") == FORMAT_UUID,
    }
}

fn kind_and_shape(descriptor: &FieldDescriptor, ids: &Ids) -> (Kind, Shape) {
    if descriptor.is_map()
        && let Described::Message(entry) = descriptor.kind()
    {
        let value = kind(&entry.map_entry_value_field().kind(), ids);
        return (
            value,
            Shape::Map {
                key: kind(&entry.map_entry_key_field().kind(), ids),
            },
        );
    }
    let kind = kind(&descriptor.kind(), ids);
    if descriptor.is_list() {
        return (
            kind,
            Shape::Repeated {
                packed: descriptor.is_packed(),
            },
        );
    }
    (kind, Shape::Singular)
}

fn kind(described: &Described, ids: &Ids) -> Kind {
    match described {
        Described::Double => Kind::Double,
        Described::Float => Kind::Float,
        Described::Int32 => Kind::Int32,
        Described::Int64 => Kind::Int64,
        Described::Uint32 => Kind::Uint32,
        Described::Uint64 => Kind::Uint64,
        Described::Sint32 => Kind::Sint32,
        Described::Sint64 => Kind::Sint64,
        Described::Fixed32 => Kind::Fixed32,
        Described::Fixed64 => Kind::Fixed64,
        Described::Sfixed32 => Kind::Sfixed32,
        Described::Sfixed64 => Kind::Sfixed64,
        Described::Bool => Kind::Bool,
        Described::String => Kind::String,
        Described::Bytes => Kind::Bytes,
        Described::Enum(each) => {
            Kind::Enum(ids.enums.get(each.full_name()).copied().unwrap_or_default())
        }
        Described::Message(each) => Kind::Message(
            ids.messages
                .get(each.full_name())
                .copied()
                .unwrap_or_default(),
        ),
    }
}

// TR-1: what stands for a field that is not on the wire.
fn absent(
    kind: Kind,
    shape: Shape,
    presence: bool,
    json_object: Option<bool>,
    enums: &[Enum],
) -> String {
    let text = match (shape, kind) {
        (Shape::Repeated { .. }, _) => "[]",
        (Shape::Map { .. }, _) => "{}",
        _ if presence => "null",
        (_, Kind::String) => match json_object {
            None => "\"\"",
            Some(true) => "{}",
            Some(false) => "null",
        },
        (_, Kind::Bytes) => "\"\"",
        (_, Kind::Bool) => "false",
        (_, Kind::Double | Kind::Float) => "0.0",
        (_, Kind::Enum(id)) => {
            return enums[id as usize]
                .printed_word(0)
                .unwrap_or("null")
                .to_owned();
        }
        _ => "0",
    };
    text.to_owned()
}

fn special(name: &str) -> Special {
    match name.strip_prefix("google.protobuf.") {
        Some("Any") => Special::Any,
        Some("Timestamp") => Special::Timestamp,
        Some("Duration") => Special::Duration,
        Some("FieldMask") => Special::FieldMask,
        Some("Struct") => Special::Struct,
        Some("Value") => Special::Value,
        Some("ListValue") => Special::List,
        Some(
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue",
        ) => Special::Wrapper,
        _ => Special::None,
    }
}

/// The message an option extension holds, when the descriptor set knows the
/// extension and the option is set.
pub(crate) fn option_of(
    pool: &DescriptorPool,
    name: &str,
    options: &DynamicMessage,
) -> Option<DynamicMessage> {
    let extension = pool.get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

/// A boolean of an option message.
pub(crate) fn flag(option: Option<&DynamicMessage>, name: &str) -> bool {
    option
        .and_then(|option| option.get_field_by_name(name))
        .and_then(|value| value.as_bool())
        .unwrap_or_default()
}

/// An enum number of an option message.
pub(crate) fn choice(option: Option<&DynamicMessage>, name: &str) -> i32 {
    option
        .and_then(|option| option.get_field_by_name(name))
        .and_then(|value| value.as_enum_number())
        .unwrap_or_default()
}

/// The texts of an option message's list.
pub(crate) fn texts(option: Option<&DynamicMessage>, name: &str) -> Vec<String> {
    let Some(list) = option.and_then(|option| option.get_field_by_name(name)) else {
        return Vec::new();
    };
    list.as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// A text of an option message that is not empty.
pub(super) fn text(option: Option<&DynamicMessage>, name: &str) -> Option<String> {
    let value = option?.get_field_by_name(name)?;
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
