//! The schema of one field: in replies as it is printed, in requests as it is
//! read and checked.

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value, json};

use super::contract::{Contract, Rules};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// It is printed: every field is there, unset ones as null (CV-17, TR-1).
    Reply,
    /// It is read.
    Request,
}

/// The schema of a field whose messages are already schemas: `message` gives
/// the schema of a message field's type.
pub(super) fn schema(
    contract: &Contract,
    field: &FieldDescriptor,
    side: Side,
    message: impl FnOnce() -> Value,
) -> Value {
    let rules = contract.rules(field);
    let mut notes = vec![contract.field_comment(field)];
    let mut one = match field.kind() {
        Kind::Message(inner) if inner.is_map_entry() => {
            json!({"type": "object", "additionalProperties": true})
        }
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
            "google.protobuf.FieldMask" => json!({"type": "string"}),
            _ => message(),
        },
        Kind::Enum(kind) => words(contract, &kind, &rules, side, &mut notes),
        Kind::String if rules.flag("json") || rules.flag("json_object") => free_json(&rules),
        Kind::String if side == Side::Request => text(&rules, &mut notes),
        Kind::String => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Bytes => json!({"type": "string", "format": "byte"}),
        Kind::Float | Kind::Double => ranged(json!({"type": "number"}), &rules),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            json!({"anyOf": [{"type": "integer", "format": "int64"}, {"type": "string"}]})
        }
        _ => ranged(json!({"type": "integer", "format": "int32"}), &rules),
    };
    if field.is_list() {
        one = list(&one, &rules, side);
    }
    if may_be_null(field, &rules, side) {
        one = nullable(one);
    }
    let notes: Vec<String> = notes.into_iter().filter(|note| !note.is_empty()).collect();
    describe(one, &notes.join(" "))
}

/// Whether null stands for the field's absence. In replies, `required` marks
/// what is always set; in updates null clears, which lists and some fields allow.
fn may_be_null(field: &FieldDescriptor, rules: &Rules, side: Side) -> bool {
    if rules.flag("required") {
        return false;
    }
    let is_update = field
        .parent_message()
        .get_field_by_name("update_mask")
        .is_some();
    let is_bare_json = rules.flag("json") && !rules.flag("json_object");
    match side {
        Side::Request if is_update => field.is_list() || rules.flag("clearable"),
        Side::Request => true,
        Side::Reply if field.is_list() => false,
        Side::Reply => {
            field.supports_presence() || is_bare_json || matches!(field.kind(), Kind::Enum(_))
        }
    }
}

/// A schema that also takes null. A reference cannot say so itself.
fn nullable(mut schema: Value) -> Value {
    let refers = schema.get("$ref").is_some() || schema.get("anyOf").is_some();
    if refers {
        return json!({"anyOf": [schema, {"type": "object", "nullable": true, "enum": [null]}]});
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    set(&mut schema, "nullable", true);
    schema
}

/// A schema with a description. What stands beside a reference is ignored.
fn describe(mut schema: Value, text: &str) -> Value {
    if text.is_empty() {
        return schema;
    }
    if schema.get("$ref").is_some() {
        return json!({"allOf": [schema], "description": text});
    }
    set(&mut schema, "description", text);
    schema
}

fn set(schema: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(key.to_owned(), value.into());
    }
}

fn words(
    contract: &Contract,
    kind: &prost_reflect::EnumDescriptor,
    rules: &Rules,
    side: Side,
    notes: &mut Vec<String>,
) -> Value {
    let (mut words, aliases) = contract.words(kind);
    if side == Side::Request {
        let allowed = rules.texts("one_of");
        words.retain(|word| allowed.is_empty() || allowed.contains(word));
        if !aliases.is_empty() {
            notes.push(format!("Also read: {}.", aliases.join(", ")));
        }
    }
    json!({"type": "string", "enum": words})
}

fn free_json(rules: &Rules) -> Value {
    if rules.flag("json_object") {
        json!({"type": "object", "additionalProperties": true})
    } else {
        json!({})
    }
}

fn ranged(mut schema: Value, rules: &Rules) -> Value {
    if let Some((least, most)) = rules.range() {
        set(&mut schema, "minimum", least);
        set(&mut schema, "maximum", most);
    }
    schema
}

fn list(items: &Value, rules: &Rules, side: Side) -> Value {
    let mut schema = json!({"type": "array", "items": items});
    if side == Side::Request {
        let least = rules
            .number("min_items")
            .max(u32::from(rules.flag("required")));
        for (key, value) in [("minItems", least), ("maxItems", rules.number("max_items"))] {
            if value > 0 {
                set(&mut schema, key, value);
            }
        }
        if rules.flag("unique") {
            set(&mut schema, "uniqueItems", true);
        }
    }
    schema
}

/// A text that is read: its format, its words, its lengths.
fn text(rules: &Rules, notes: &mut Vec<String>) -> Value {
    let words = rules.texts("one_of");
    let format = rules.choice("format");
    if format == 0 && !words.is_empty() {
        return json!({"type": "string", "enum": words});
    }
    let (mut schema, note) = formatted(format);
    notes.extend(Some(note.to_owned()).filter(|note| !note.is_empty()));
    let least = rules
        .number("min_len")
        .max(u32::from(rules.flag("required") && format == 0));
    for (key, value) in [("minLength", least), ("maxLength", rules.number("max_len"))] {
        if value > 0 {
            set(&mut schema, key, value);
        }
    }
    if words.is_empty() {
        schema
    } else {
        json!({"anyOf": [schema, {"type": "string", "enum": words}]})
    }
}

/// The schema of a format of `smilefactory.api.v1.Format`, and what a schema
/// cannot say.
fn formatted(format: i32) -> (Value, &'static str) {
    use contracts::api::v1::Format;
    match Format::try_from(format).unwrap_or(Format::Unspecified) {
        Format::Unspecified => (json!({"type": "string"}), ""),
        Format::Email => (
            json!({"type": "string", "format": "email", "minLength": 3, "maxLength": 255}),
            "",
        ),
        Format::Uuid => (json!({"type": "string", "format": "uuid"}), ""),
        Format::Url => (
            json!({"type": "string", "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://", "maxLength": 2048}),
            "An http or https URL without credentials.",
        ),
        Format::WebAddress => (
            json!({"type": "string", "maxLength": 2048}),
            "A URL; `https://` is added when it has no scheme.",
        ),
        Format::Code => (
            json!({"type": "string", "pattern": "^\\s*[0-9]{6}\\s*$"}),
            "Six digits.",
        ),
        Format::Username => (
            json!({"type": "string", "pattern": "^\\s*@?[A-Za-z0-9._]{3,100}\\s*$"}),
            "Lower-cased; a leading `@` is removed.",
        ),
        Format::Tag => (
            json!({"type": "string", "minLength": 1}),
            "1 to 30 letters, digits, `-` or `_`; a leading `#` is removed, white space becomes `-`, capitals fold.",
        ),
        Format::TimeZone => (json!({"type": "string"}), "An IANA time zone name."),
    }
}

/// An object schema of these properties.
pub(super) fn object(properties: &Map<String, Value>, required: &[String]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    // An empty `required` is not allowed.
    if !required.is_empty() {
        set(&mut schema, "required", required);
    }
    schema
}
