//! The parameters of an operation: of its path, and of its query.

use std::collections::BTreeSet;

use contracts::{Cache, FilterKind, FilterRule, ListRule};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::contract::{Binding, Contract, Rpc};
use super::fields::Side;
use super::schemas::Schemas;

/// Every parameter of one route. The fields the path and the body leave over
/// are query parameters (TR-15).
pub(super) fn all(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    rpc: &Rpc,
    binding: &Binding,
) -> Vec<Value> {
    let in_path: BTreeSet<String> = binding.variables().map(str::to_owned).collect();
    let mut all = Vec::new();
    for name in &in_path {
        let field = rpc.input.fields().find(|field| field.json_name() == name);
        let schema = field.map_or_else(
            || json!({"type": "string"}),
            |field| schemas.field(&field, Side::Request),
        );
        all.push(parameter("path", name, without_null(schema), true));
    }
    if !binding.body {
        let rest: Vec<FieldDescriptor> = rpc
            .input
            .fields()
            .filter(|field| !in_path.contains(field.json_name()))
            .collect();
        for field in rest {
            match &rpc.rule.list {
                Some(list) if is_grammar(&field) => all.push(grammar(contract, list, &field)),
                _ => query(contract, schemas, &field, "", &mut all),
            }
        }
        let filters = rpc.rule.list.iter().flat_map(|list| list.filters);
        all.extend(filters.map(filter));
    }
    all.extend(selection(rpc, binding, &all));
    if rpc.rule.streaming {
        all.extend(stream());
    }
    all.extend(condition(rpc, binding));
    all.extend(key(rpc));
    all
}

/// The selection of fields, which the edge makes of every GET whose request does not name it itself (FL-4).
fn selection(rpc: &Rpc, binding: &Binding, named: &[Value]) -> Option<Value> {
    let raw = rpc.output.full_name() == "google.api.HttpBody";
    if binding.verb != "get" || raw || named.iter().any(|one| one["name"] == "fields") {
        return None;
    }
    let schema = json!({"type": "array", "items": {"type": "string"}, "maxItems": 50, "description":
        "Top-level names of what the reply has, or of each of its items; `id` is always included. Without it they all come."});
    let mut parameter = parameter("query", "fields", schema, false);
    parameter["explode"] = false.into();
    Some(parameter)
}

/// The key of a request that is to take effect once (ID-1, ID-3).
fn key(rpc: &Rpc) -> Option<Value> {
    rpc.rule.idempotency?;
    let description = "A text of the client's choice, new for each request it means to make once. Sent again within 24 hours \
        with the same request, it is answered by what the first one was answered, with the header `Idempotency-Replayed: true`: \
        429, 408, 413, 401 and failures of the server are no answers and free the key. With another request the answer is 422, \
        while the first one works 409.";
    let schema = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$", "description": description});
    Some(parameter("header", "Idempotency-Key", schema, false))
}

/// The condition a request can be made under (CQ-1, CQ-2).
fn condition(rpc: &Rpc, binding: &Binding) -> Option<Value> {
    if binding.is_change() && rpc.rule.conditional {
        let description = "Entity tags, or `*`. The change happens only if the resource still has the version of one of \
            them; else 412. Without it the last write wins.";
        let schema = json!({"type": "string", "description": description});
        return Some(parameter("header", "If-Match", schema, false));
    }
    let tagged = binding.verb == "get" && !rpc.rule.streaming && rpc.rule.cache != Cache::NoStore;
    tagged.then(unless_same)
}

/// The condition a read is made under (CQ-1).
pub(super) fn unless_same() -> Value {
    let description = "Entity tags, or `*`. When one of them is that of the reply, the answer is 304 without a body.";
    let schema = json!({"type": "string", "description": description});
    parameter("header", "If-None-Match", schema, false)
}

/// What the edge itself reads of a stream's request (ST-3, ST-4).
fn stream() -> [Value; 3] {
    let count = |least: u32, most: u32, default: u32, description: &str| json!({"type": "integer", "minimum": least, "maximum": most, "default": default, "description": description});
    let cursor = json!({"type": "string", "description":
        "For `text/event-stream`: the cursor of the last item seen, as an EventSource sends it when it connects again. \
         It stands before `after`."});
    [
        parameter(
            "query",
            "maxItems",
            count(1, 1000, 100, "For the array: it ends after so many items."),
            false,
        ),
        parameter(
            "query",
            "waitSeconds",
            count(1, 60, 25, "For the array: it ends after so many seconds."),
            false,
        ),
        parameter("header", "Last-Event-ID", cursor, false),
    ]
}

fn parameter(place: &str, name: &str, mut schema: Value, required: bool) -> Value {
    let description = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"));
    let mut parameter = json!({"name": name, "in": place, "schema": schema});
    if required {
        parameter["required"] = true.into();
    }
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter
}

/// A query has no null; leaving a parameter out says the same.
fn without_null(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.remove("nullable");
        if let Some(words) = object.get_mut("enum").and_then(Value::as_array_mut) {
            words.retain(|word| !word.is_null());
        }
        if let Some(any) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
            any.retain(|one| one["enum"] != json!([null]));
        }
    }
    schema
}

/// A field as query parameters; a message as one for each of its fields, joined
/// by a dot.
fn query(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    field: &FieldDescriptor,
    before: &str,
    all: &mut Vec<Value>,
) {
    let name = format!("{before}{}", field.json_name());
    if let Some(inner) = inner(field) {
        for field in inner.fields() {
            query(contract, schemas, &field, &format!("{name}."), all);
        }
        return;
    }
    let required = contract.rules(field).flag("required") && before.is_empty();
    let mut parameter = parameter(
        "query",
        &name,
        without_null(schemas.field(field, Side::Request)),
        required,
    );
    if field.is_list() {
        parameter["explode"] = true.into();
    }
    all.push(parameter);
}

/// The message whose fields a query spells out.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(inner) if !inner.full_name().starts_with("google.") && !field.is_list() => {
            Some(inner)
        }
        _ => None,
    }
}

fn is_grammar(field: &FieldDescriptor) -> bool {
    matches!(
        field.name(),
        "page" | "limit" | "cursor" | "sort" | "filter" | "search" | "fields"
    )
}

/// The parameters every list has (conventions §3).
fn grammar(contract: &Contract, list: &ListRule, field: &FieldDescriptor) -> Value {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let filters: Vec<&str> = list.filters.iter().map(|filter| filter.name).collect();
    let (schema, note) = match field.name() {
        "page" => (
            json!({"type": "integer", "minimum": 1, "default": 1}),
            String::new(),
        ),
        "limit" => (
            json!({"type": "integer", "minimum": 1, "default": list.default_limit}),
            format!("More than {0} counts as {0}.", list.max_limit),
        ),
        "cursor" => (
            json!({"type": "string"}),
            "`pagination.nextCursor` of the page before; empty begins. Not together with `page`."
                .to_owned(),
        ),
        "sort" => (
            json!({"type": "string", "default": list.sort.first()}),
            format!("At most 3, separated by commas, of {}.", names(list.sort)),
        ),
        "filter" if filters.is_empty() => (
            json!({"type": "string", "maxLength": 2048}),
            "This list has no filters.".to_owned(),
        ),
        "filter" => (
            json!({"type": "string", "maxLength": 2048}),
            format!(
                "A JSON object over {}: a value, a list of values, or an object of eq, ne, gt, gte, lt, lte, in, nin, \
                 contains, exists. Each name is a parameter too.",
                names(&filters)
            ),
        ),
        "search" => (json!({"type": "string", "maxLength": 200}), String::new()),
        _ => {
            let schema = json!({"type": "array", "items": {"type": "string"}, "maxItems": 50});
            (schema, "`id` is always included.".to_owned())
        }
    };
    let mut parameter = parameter("query", field.json_name(), schema, false);
    parameter["description"] = format!("{} {note}", contract.field_comment(field))
        .trim()
        .into();
    if field.is_list() {
        parameter["explode"] = false.into();
    }
    parameter
}

/// A filter as a plain parameter (K-2).
fn filter(rule: &FilterRule) -> Value {
    let mut words: Vec<&str> = Vec::new();
    for (_, word) in rule
        .words
        .iter()
        .filter(|(spelling, word)| spelling == word)
    {
        words.push(word);
    }
    let also: Vec<&str> = rule
        .words
        .iter()
        .filter(|(spelling, word)| spelling != word)
        .map(|(also, _)| *also)
        .collect();
    let schema = match rule.kind {
        FilterKind::Text => json!({"type": "string"}),
        FilterKind::Word => json!({"type": "string", "enum": words}),
        FilterKind::Id => json!({"type": "string", "format": "uuid"}),
        FilterKind::Bool => json!({"type": "boolean"}),
        FilterKind::Integer => json!({"type": "integer"}),
        FilterKind::Timestamp => json!({"type": "string"}),
        FilterKind::Tags => json!({"type": "array", "items": {"type": "string"}}),
        FilterKind::Decimal => json!({"type": "number"}),
    };
    let mut parameter = parameter("query", rule.name, schema, false);
    parameter["description"] = match rule.kind {
        FilterKind::Timestamp => "Filters; an RFC 3339 timestamp or a date.".to_owned(),
        FilterKind::Tags => "Filters; repeated, or one list separated by commas.".to_owned(),
        _ if also.is_empty() => "Filters.".to_owned(),
        _ => format!("Filters. Also read: {}.", also.join(", ")),
    }
    .into();
    parameter
}
