//! The schemas of messages, one component each.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::fields::{self, Side, object};

/// The components made so far.
pub(super) struct Schemas<'a> {
    contract: &'a Contract,
    made: Map<String, Value>,
    /// Which component a message became, by its full name and side.
    names: BTreeMap<(String, Side), String>,
}

impl<'a> Schemas<'a> {
    /// The components every reply needs.
    pub(super) fn new(contract: &'a Contract) -> Self {
        let mut made = Map::new();
        made.insert("Meta".to_owned(), meta());
        made.insert("Failure".to_owned(), failure());
        Self {
            contract,
            made,
            names: BTreeMap::new(),
        }
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.made
    }

    /// The schema of a field; messages in it become components.
    pub(super) fn field(&mut self, field: &FieldDescriptor, side: Side) -> Value {
        let contract = self.contract;
        fields::schema(contract, field, side, || match field.kind() {
            Kind::Message(message) => self.message(&message, side),
            _ => json!({}),
        })
    }

    /// A reference to the component of a message, made when it is new.
    pub(super) fn message(&mut self, message: &MessageDescriptor, side: Side) -> Value {
        if message.full_name() == "google.protobuf.Empty" {
            return json!({"type": "object"});
        }
        let key = (message.full_name().to_owned(), side);
        if let Some(name) = self.names.get(&key) {
            return reference(name);
        }
        let name = self.free_name(message, side);
        // Taken before its fields are looked at, which may lead back here.
        self.made.insert(name.clone(), Value::Null);
        self.names.insert(key, name.clone());
        let schema = match side {
            Side::Reply => self.reply(message, &BTreeSet::new()),
            Side::Request => self.request(message, &BTreeSet::new()),
        };
        self.made.insert(name.clone(), schema);
        reference(&name)
    }

    /// The component of a request's body: the message without the fields its
    /// path has. None when nothing is left.
    pub(super) fn body(
        &mut self,
        message: &MessageDescriptor,
        in_path: &BTreeSet<String>,
    ) -> Option<Value> {
        if message
            .fields()
            .all(|field| in_path.contains(field.json_name()))
        {
            return None;
        }
        let schema = self.request(message, in_path);
        let mut name = message.name().to_owned();
        if self.made.get(&name).is_some_and(|made| *made != schema) {
            for variable in in_path {
                name = format!("{name}Without{}", capitalised(variable));
            }
        }
        self.made.insert(name.clone(), schema);
        Some(reference(&name))
    }

    /// Whether a component cannot be an empty object.
    pub(super) fn requires(&self, reference: &Value) -> bool {
        let name = reference["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        let schema = self.made.get(name).unwrap_or(&Value::Null);
        schema.get("required").is_some() || schema.get("allOf").is_some()
    }

    /// The properties a list lifts into `meta` (TR-12), with those of every reply.
    pub(super) fn list_meta(&mut self, message: &MessageDescriptor) -> Value {
        let lifted: BTreeSet<String> = ["items", "pagination"].map(str::to_owned).into();
        let extra = self.reply(message, &lifted);
        if extra["properties"].as_object().is_some_and(Map::is_empty) {
            return reference("Meta");
        }
        json!({"allOf": [reference("Meta"), {"type": "object", "properties": extra["properties"], "required": extra["required"]}]})
    }

    fn reply(&mut self, message: &MessageDescriptor, without: &BTreeSet<String>) -> Value {
        let mut properties = Map::new();
        for field in message
            .fields()
            .filter(|field| !without.contains(field.json_name()))
        {
            properties.insert(
                field.json_name().to_owned(),
                self.field(&field, Side::Reply),
            );
        }
        // Every documented field is present in every reply (CV-17).
        let required: Vec<String> = properties.keys().cloned().collect();
        self.described(message, object(&properties, &required))
    }

    fn request(&mut self, message: &MessageDescriptor, without: &BTreeSet<String>) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut spellings = Vec::new();
        let mut takes_more = false;
        for field in message
            .fields()
            .filter(|field| !without.contains(field.json_name()))
        {
            let rules = self.contract.rules(&field);
            if rules.flag("catch_all") {
                takes_more = true;
                continue;
            }
            let (name, alias) = (field.json_name().to_owned(), rules.text("alias"));
            let schema = self.field(&field, Side::Request);
            let is_update = message.get_field_by_name("update_mask").is_some();
            match (rules.flag("required") && !is_update, alias.is_empty()) {
                (true, true) => required.push(name.clone()),
                (true, false) => {
                    spellings.push(json!({"anyOf": [{"required": [name]}, {"required": [alias]}]}))
                }
                (false, _) => {}
            }
            if !alias.is_empty() {
                properties.insert(alias, schema.clone());
            }
            properties.insert(name, schema);
        }
        let mut schema = self.described(message, object(&properties, &required));
        // Unknown names are refused, except where a message collects them (TR-6).
        schema["additionalProperties"] = takes_more.into();
        if !spellings.is_empty() {
            schema["allOf"] = spellings.into();
        }
        schema
    }

    fn described(&self, message: &MessageDescriptor, mut schema: Value) -> Value {
        let comment = self.contract.message_comment(message);
        if !comment.is_empty() {
            schema["description"] = comment.into();
        }
        schema
    }

    /// The message's own name; with its domain or its side where that is taken.
    fn free_name(&self, message: &MessageDescriptor, side: Side) -> String {
        let own = message.name().to_owned();
        let domain = message
            .package_name()
            .split('.')
            .nth(1)
            .map(capitalised)
            .unwrap_or_default();
        let input = if side == Side::Request && !own.ends_with("Request") {
            "Input"
        } else {
            ""
        };
        let candidates = [format!("{own}{input}"), format!("{domain}{own}{input}")];
        let free = candidates
            .into_iter()
            .find(|name| !self.made.contains_key(name));
        free.unwrap_or_else(|| message.full_name().replace('.', "_"))
    }
}

/// A reference to a component.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn capitalised(word: &str) -> String {
    let (head, tail) = word.split_at(word.len().min(1));
    head.to_ascii_uppercase() + tail
}

fn meta() -> Value {
    json!({
        "type": "object",
        "description": "Facts about the reply.",
        "required": ["requestId", "timestamp", "version"],
        "properties": {
            "timestamp": {"type": "string", "format": "date-time", "description": "When it was made."},
            "version": {"type": "string", "enum": [fault::http::VERSION], "description": "The version of its shape."},
            "requestId": {"type": "string", "description": "The id of the request in logs and traces; also in `X-Request-Id`."},
            "stale": {"type": "boolean", "enum": [true], "description": "The data is up to 5 minutes old, because its service cannot be asked now; comes with `Warning: 110`. Absent otherwise."},
        },
    })
}

fn failure() -> Value {
    let codes: Vec<&str> = fault::Reason::ALL
        .iter()
        .map(|reason| reason.code())
        .collect();
    json!({
        "type": "object",
        "description": "Why a request was refused or failed.",
        "required": ["error", "message", "meta", "statusCode", "success"],
        "properties": {
            "success": {"type": "boolean", "enum": [false]},
            "error": {
                "type": "object",
                "required": ["code", "details", "message"],
                "properties": {
                    "code": {"type": "string", "enum": codes, "description": "Why; stable."},
                    "message": {"type": "string", "description": "One plain sentence."},
                    "details": {
                        "type": "array",
                        "description": "Every violation that was found.",
                        "items": {
                            "type": "object",
                            "required": ["field", "message"],
                            "properties": {
                                "field": {"type": "string", "description": "The JSON path of the field."},
                                "message": {"type": "string", "description": "What is wrong with it."},
                            },
                        },
                    },
                },
            },
            "message": {"type": "string", "description": "The same sentence."},
            "statusCode": {"type": "integer", "description": "The HTTP status."},
            "meta": reference("Meta"),
        },
    })
}
