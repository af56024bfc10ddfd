//! Requests and replies have the shapes that the edge and the stores rely on.

use std::collections::BTreeSet;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor,
    MethodDescriptor,
};

use crate::{bindings, field, methods, none_wrong, pool, rule};

/// A field of the `rpc` option as a number; an enum by its number.
pub(crate) fn number(pool: &DescriptorPool, method: &MethodDescriptor, name: &str) -> i32 {
    let extension = pool
        .get_extension_by_name("smilefactory.api.v1.rpc")
        .expect("our option");
    let option = method
        .options()
        .get_extension(&extension)
        .as_message()
        .expect("a message")
        .clone();
    field(&option, name).as_enum_number().expect("an enum")
}

/// The `field` option of a field.
fn option(pool: &DescriptorPool, of: &FieldDescriptor) -> DynamicMessage {
    let extension = pool
        .get_extension_by_name("smilefactory.api.v1.field")
        .expect("our option");
    of.options()
        .get_extension(&extension)
        .as_message()
        .expect("a message")
        .clone()
}

/// `optional int32`, `repeated string`, `string` …
fn shape(of: &FieldDescriptor) -> String {
    let kind = match of.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    match of.cardinality() {
        Cardinality::Repeated => format!("repeated {kind}"),
        _ if of.supports_presence() && !matches!(of.kind(), Kind::Message(_)) => {
            format!("optional {kind}")
        }
        _ => kind,
    }
}

/// The messages some RPC takes, with all they contain.
fn requests(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let mut open: Vec<_> = methods(pool).iter().map(MethodDescriptor::input).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(message) = open.pop() {
        if message.full_name().starts_with("smilefactory.")
            && seen.insert(message.full_name().to_owned())
        {
            open.extend(
                message
                    .fields()
                    .filter_map(|field| field.kind().as_message().cloned()),
            );
            found.push(message);
        }
    }
    found
}

#[test]
fn k_2_list_requests_have_the_fields_of_lists() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let Some(list) = &rule(&method).list else {
            continue;
        };
        let expected = [
            ("page", "optional int32", true),
            ("limit", "optional int32", true),
            ("cursor", "optional string", list.cursor),
            ("sort", "string", true),
            ("filter", "string", true),
            ("search", "string", true),
            ("fields", "repeated string", true),
        ];
        for (name, kind, needed) in expected {
            let found = method
                .input()
                .get_field_by_name(name)
                .map(|field| shape(&field));
            if found.as_deref() != needed.then_some(kind) {
                let wanted = if needed { kind } else { "nothing" };
                wrong.push(format!(
                    "{}: {name} is {found:?}, not {wanted}",
                    method.full_name()
                ));
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn k_2_filter_names_are_not_request_fields() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let filters = rule(&method).list.iter().flat_map(|list| list.filters);
        for filter in filters.filter(|f| {
            method
                .input()
                .fields()
                .any(|field| field.json_name() == f.name)
        }) {
            wrong.push(format!(
                "{}: {} is a filter and a field",
                method.full_name(),
                filter.name
            ));
        }
    }
    none_wrong(wrong);
}

#[test]
fn tr_12_pagination_and_the_list_option_go_together() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let reply = method.output();
        let pagination = reply
            .get_field_by_name("pagination")
            .map(|field| shape(&field));
        let items = reply.get_field_by_name("items");
        let is_list = rule(&method).list.is_some();
        if is_list != (pagination.as_deref() == Some("smilefactory.common.v1.Pagination")) {
            wrong.push(format!(
                "{}: the list option and a Pagination go together",
                method.full_name()
            ));
        }
        if is_list && items.is_none() || items.is_some_and(|items| !items.is_list()) {
            wrong.push(format!("{}: items is repeated", method.full_name()));
        }
    }
    none_wrong(wrong);
}

#[test]
fn tr_5_updates_have_a_mask_and_scalars_that_can_be_absent() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let bindings = crate::bindings(&pool, &method);
        let templates: String = bindings
            .iter()
            .map(|binding| binding.template.as_str())
            .collect();
        let flag = |field: &FieldDescriptor, name: &str| {
            crate::field(&option(&pool, field), name).as_bool() == Some(true)
        };
        let in_path =
            |field: &FieldDescriptor| templates.contains(&format!("{{{}}}", field.json_name()));
        let input = method.input();
        let mask = input
            .get_field_by_name("update_mask")
            .map(|field| shape(&field));
        let masked = mask.as_deref() == Some("google.protobuf.FieldMask");
        if mask.is_some() && !(masked && bindings.iter().any(|binding| binding.method == "PUT")) {
            wrong.push(format!(
                "{}: update_mask is a FieldMask of a PUT",
                method.full_name()
            ));
        }
        if !bindings.iter().any(|binding| binding.method == "PUT") {
            continue;
        }
        for field in input
            .fields()
            .filter(|field| !in_path(field) && !flag(field, "catch_all"))
        {
            let can_be_absent = field.supports_presence() || field.is_list();
            if masked && !can_be_absent {
                wrong.push(format!("{}: make it optional", field.full_name()));
            } else if !masked && !flag(&field, "required") {
                wrong.push(format!(
                    "{}: an update without mask has required fields only",
                    field.full_name()
                ));
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn k_1_no_message_is_both_request_and_reply() {
    let pool = pool();
    let replies: BTreeSet<String> = methods(&pool)
        .iter()
        .map(|m| m.output().full_name().to_owned())
        .collect();
    none_wrong(
        methods(&pool)
            .iter()
            .map(|method| method.input().full_name().to_owned())
            .filter(|name| replies.contains(name))
            .map(|name| format!("{name} would be validated as a reply too")),
    );
}

#[test]
fn n_25_every_text_and_list_of_a_request_is_bounded() {
    let pool = pool();
    // The grammar of lists is read by the store, limits included (N-12); the
    // edge reads `fields` (FL-4).
    let grammar = ["sort", "filter", "search", "cursor", "fields"];
    let bounds = ["max_len", "format", "one_of", "max_bytes"];
    let mut wrong = Vec::new();
    for message in requests(&pool) {
        for field in message
            .fields()
            .filter(|field| !grammar.contains(&field.name()))
        {
            let option = option(&pool, &field);
            let is_text = matches!(field.kind(), Kind::String | Kind::Bytes);
            if is_text && !bounds.iter().any(|name| option.has_field_by_name(name)) {
                wrong.push(format!(
                    "{}: no max_len, format, one_of or max_bytes",
                    field.full_name()
                ));
            }
            if field.is_list() && !option.has_field_by_name("max_items") {
                wrong.push(format!("{}: no max_items", field.full_name()));
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn tr_2_counts_and_versions_are_32_bit() {
    let pool = pool();
    let mut wrong = Vec::new();
    let public = methods(&pool)
        .into_iter()
        .filter(|method| rule(method).public);
    let mut open: Vec<MessageDescriptor> = public
        .flat_map(|method| [method.input(), method.output()])
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(message) = open.pop() {
        if !message.full_name().starts_with("smilefactory.")
            || !seen.insert(message.full_name().to_owned())
        {
            continue;
        }
        for field in message.fields() {
            match field.kind() {
                Kind::Message(inner) => open.push(inner),
                Kind::Int32
                | Kind::Bool
                | Kind::String
                | Kind::Bytes
                | Kind::Enum(_)
                | Kind::Double => {}
                kind => wrong.push(format!(
                    "{}: {kind:?}; use int32 or a text",
                    field.full_name()
                )),
            }
        }
    }
    none_wrong(wrong);
}

#[test]
fn tr_3_the_value_0_of_every_enum_is_unspecified() {
    let pool = pool();
    let ours = pool
        .all_enums()
        .filter(|kind| kind.full_name().starts_with("smilefactory."));
    none_wrong(ours.filter_map(|kind| {
        let zero = kind
            .get_value(0)
            .map(|value| value.name().to_owned())
            .unwrap_or_default();
        (!zero.ends_with("_UNSPECIFIED")).then(|| format!("{}: 0 is {zero:?}", kind.full_name()))
    }));
}

#[test]
fn eb_2_events_are_no_part_of_requests() {
    let pool = pool();
    let messages: Vec<_> = pool
        .all_messages()
        .filter(|m| m.parent_file().name().ends_with("/events.proto"))
        .collect();
    assert!(messages.len() > 10, "the events are compiled in");
    let requests: BTreeSet<String> = requests(&pool)
        .iter()
        .map(|m| m.full_name().to_owned())
        .collect();
    none_wrong(
        messages
            .iter()
            .filter(|message| requests.contains(message.full_name()))
            .map(|message| format!("{} is an event and part of a request", message.full_name())),
    );
}

#[test]
fn st_3_public_streams_are_read_by_get_and_go_on_after_the_cursor_of_an_item() {
    let pool = pool();
    let mut wrong = Vec::new();
    for method in methods(&pool) {
        let rule = rule(&method);
        if rule.streaming != method.is_server_streaming() {
            wrong.push(format!("{}: streaming is {}", rule.path, rule.streaming));
        }
        if !rule.streaming || !rule.public {
            continue;
        }
        let text = |message: MessageDescriptor, name| {
            let field = message.get_field_by_name(name);
            field.is_some_and(|field| !field.is_list() && field.kind() == Kind::String)
        };
        if !text(method.input(), "after") || !text(method.output(), "cursor") {
            wrong.push(format!(
                "{}: takes `after`, and its items have `cursor`",
                rule.path
            ));
        }
        if bindings(&pool, &method)
            .iter()
            .any(|binding| binding.method != "GET")
        {
            wrong.push(format!("{}: a stream is read by GET", rule.path));
        }
        // The door's own parameters (ST-4) may not be the request's.
        for name in ["max_items", "wait_seconds"] {
            if method.input().get_field_by_name(name).is_some() {
                wrong.push(format!(
                    "{}: {name} is a parameter of every stream",
                    rule.path
                ));
            }
        }
    }
    none_wrong(wrong);
}
