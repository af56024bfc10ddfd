//! What the API prints of a message, written a second time over prost-reflect's tree (TR-1..TR-4, TR-10).

use base64::Engine as _;
use prost_reflect::{
    DynamicMessage, EnumValueDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value,
};
use serde_json::{Map, Value as Json, json};

use crate::pool::POOL;

/// The largest integer every JSON reader keeps exactly (TR-2).
const SAFE: u64 = (1 << 53) - 1;

/// The JSON of a message; none when a value has no JSON form.
pub(crate) fn object(message: &DynamicMessage) -> Option<Map<String, Json>> {
    let descriptor = message.descriptor();
    let fields = descriptor.fields().map(|field| {
        let printed = if message.has_field(&field) {
            value(&field, &message.get_field(&field))?
        } else {
            absent(&field)
        };
        Some((field.json_name().to_owned(), printed))
    });
    fields.collect()
}

/// The word of an enum value, unless it stands for nothing.
pub(crate) fn word(value: &EnumValueDescriptor) -> Option<String> {
    if let Some(word) = text(value, "word") {
        return Some(word);
    }
    let mut prefix = String::new();
    for letter in value.parent_enum().name().chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix.push('_');
    let word = value
        .name()
        .strip_prefix(&prefix)
        .unwrap_or(value.name())
        .to_lowercase();
    (value.number() != 0 || word != "unspecified").then_some(word)
}

/// What else is read as the value.
pub(crate) fn aliases(value: &EnumValueDescriptor) -> Vec<String> {
    let aliases = option(value)
        .get_field_by_name("aliases")
        .unwrap()
        .into_owned();
    let texts = aliases
        .as_list()
        .unwrap()
        .iter()
        .map(|alias| alias.as_str().unwrap().to_owned());
    texts.collect()
}

fn text(value: &EnumValueDescriptor, name: &str) -> Option<String> {
    let text = option(value).get_field_by_name(name)?.as_str()?.to_owned();
    (!text.is_empty()).then_some(text)
}

fn option(value: &EnumValueDescriptor) -> DynamicMessage {
    let option = POOL
        .get_extension_by_name("smilefactory.api.v1.word")
        .unwrap();
    value
        .options()
        .get_extension(&option)
        .as_message()
        .unwrap()
        .clone()
}

/// Whether an option of ours is on.
pub(crate) fn flag(field: &FieldDescriptor, name: &str) -> bool {
    let option = POOL
        .get_extension_by_name("smilefactory.api.v1.field")
        .unwrap();
    let options = field.options();
    let option = options.get_extension(&option).as_message().unwrap().clone();
    option.get_field_by_name(name).unwrap().as_bool().unwrap()
}

fn is_json(field: &FieldDescriptor) -> bool {
    flag(field, "json") || flag(field, "json_object")
}

fn absent(field: &FieldDescriptor) -> Json {
    if field.is_map() {
        return json!({});
    }
    if field.is_list() {
        return json!([]);
    }
    if field.supports_presence() {
        return Json::Null;
    }
    if is_json(field) {
        return empty(field);
    }
    value(field, &Value::default_value_for_field(field)).unwrap()
}

/// What free JSON is when there is none.
fn empty(field: &FieldDescriptor) -> Json {
    if flag(field, "json_object") {
        json!({})
    } else {
        Json::Null
    }
}

fn value(field: &FieldDescriptor, value: &Value) -> Option<Json> {
    match value {
        Value::List(values) => values
            .iter()
            .map(|each| single(field, &field.kind(), each))
            .collect(),
        Value::Map(entries) => {
            let kind = field.kind().as_message().unwrap().map_entry_value_field();
            let entries = entries
                .iter()
                .map(|(key, each)| Some((map_key(key), single(&kind, &kind.kind(), each)?)));
            entries.collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        one => single(field, &field.kind(), one),
    }
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn single(field: &FieldDescriptor, kind: &Kind, value: &Value) -> Option<Json> {
    Some(match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::I64(value) if value.unsigned_abs() <= SAFE => json!(value),
        Value::I64(value) => json!(value.to_string()),
        Value::U64(value) if *value <= SAFE => json!(value),
        Value::U64(value) => json!(value.to_string()),
        // The shortest digits that read back to the same value.
        Value::F32(value) if value.is_finite() => {
            serde_json::from_slice(&serde_json::to_vec(value).ok()?).ok()?
        }
        Value::F64(value) if value.is_finite() => json!(value),
        Value::F32(_) | Value::F64(_) => Json::Null,
        Value::String(text) if is_json(field) && text.is_empty() => empty(field),
        Value::String(text) if is_json(field) => serde_json::from_str(text).ok()?,
        Value::String(text) => json!(text),
        Value::Bytes(bytes) => json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::EnumNumber(number) => {
            let value = kind.as_enum()?.get_value(*number);
            value
                .and_then(|value| word(&value))
                .map_or(Json::Null, Json::String)
        }
        Value::Message(message) => return nested(message),
        Value::List(_) | Value::Map(_) => return None,
    })
}

fn nested(message: &DynamicMessage) -> Option<Json> {
    let descriptor = message.descriptor();
    let name = descriptor.full_name();
    if name == "google.protobuf.Timestamp" {
        let nanos = message.get_field_by_name("nanos")?.as_i32()?;
        let printed = serde_json::to_value(message).ok()?;
        // prost-reflect prints a second of any length.
        if !(0..1_000_000_000).contains(&nanos) {
            return None;
        }
        return Some(Json::String(milliseconds(printed.as_str()?)));
    }
    if name.starts_with("google.protobuf.")
        && name.ends_with("Value")
        && name != "google.protobuf.Value"
    {
        let field = descriptor.get_field_by_name("value")?;
        return single(&field, &field.kind(), &message.get_field(&field));
    }
    if name.starts_with("google.protobuf.") {
        return serde_json::to_value(message).ok();
    }
    object(message).map(Json::Object)
}

/// Exactly three digits of the second, the rest cut off (CV-8).
fn milliseconds(timestamp: &str) -> String {
    let bare = timestamp.trim_end_matches('Z');
    let (second, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    format!("{second}.{fraction:0<3.3}Z")
}
