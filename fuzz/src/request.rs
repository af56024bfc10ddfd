//! Requests: what path and query say is in the message as prost-reflect reads it, and nothing else is.
//!
//! Input: a line `METHOD TARGET`, then the body.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use transcode::{Match, Violation};
use url::form_urlencoded::byte_serialize;

use crate::pool::{POOL, TRANSCODER, message};
use crate::printed::word;
use crate::{Target, split_line};

pub(crate) const TARGET: Target = Target {
    name: "request",
    words: &[
        "GET ",
        "POST ",
        "PUT ",
        "PATCH ",
        "DELETE ",
        "/api/v1/notes",
        "/api/v1/notes/search",
        "/api/v1/posts",
        "/api/v1/feed",
        "/files/",
        "?",
        "&",
        "=",
        "+",
        ",",
        "%20",
        "%2F",
        "%00",
        "%C3%A9",
        "limit",
        "page",
        "cursor",
        "filter",
        "fields",
        "sort",
        "near.placeName",
        "near.latitude",
        "least_likes",
        "types",
        "years",
        "since",
        "pinned",
        "true",
        "null",
        "blog",
        "2026-01-02T03:04:05+02:00",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\"",
        "\"title\"",
        "\"updateMask\"",
        "\n",
        "1e2",
        "-0",
        "utm_x",
        "_",
    ],
    run,
};

/// Violations listed at most.
const MOST: usize = 100;

fn run(input: &[u8]) {
    let Some((line, body)) = split_line(input) else {
        return;
    };
    let Some((method, target)) = line.split_once(' ') else {
        return;
    };
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let Ok(found) = TRANSCODER.find(method, path) else {
        return;
    };
    reprints(&found, method);
    match TRANSCODER.request(&found, query, body) {
        Err(violations) => described(&violations, input.len()),
        Ok(decoded) => {
            let descriptor = message(&found.route.input).unwrap();
            let read = DynamicMessage::decode(descriptor, decoded.message.as_slice()).unwrap();
            // Tags, lengths and masks add a little to each value, never a multiple.
            let most = 8 * (input.len() + 64);
            assert!(
                decoded.message.len() <= most,
                "{} bytes became {}",
                input.len(),
                decoded.message.len()
            );
            if found.route.method == "GET" {
                agrees(&found, query.unwrap_or_default(), &read);
            }
        }
    }
}

/// A path that routes, written anew from its variables, routes the same way.
fn reprints(found: &Match<'_>, method: &str) {
    let mut path = found.route.template.clone();
    for (name, value) in found.variables() {
        if value.contains('%') || !path.contains('{') {
            return;
        }
        let (open, close) = (path.find('{').unwrap(), path.find('}').unwrap());
        // Only what covers whole segments can be written from its value alone; what is fixed in the middle is in the value.
        let several = path[open..close].contains('=');
        let written = if several {
            value.split('/').map(encoded).collect::<Vec<_>>().join("/")
        } else {
            encoded(&value)
        };
        assert!(!name.is_empty());
        path.replace_range(open..=close, &written);
    }
    let again = TRANSCODER
        .find(method, &path)
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(
        std::ptr::eq(again.route, found.route),
        "{path} went to {}",
        again.route.template
    );
    let values = |found: &Match<'_>| {
        found
            .variables()
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(found), "{path}");
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Every violation says something, and there are not more than anybody reads.
pub(crate) fn described(violations: &[Violation], input: usize) {
    assert!(
        (1..=MOST).contains(&violations.len()),
        "{} violations",
        violations.len()
    );
    for violation in violations {
        assert!(!violation.message.is_empty(), "{violation:?}");
        // A key is repeated once in the path and once in the words.
        assert!(
            violation.field.len() + violation.message.len() <= 4 * input + 1_000,
            "{violation:?}"
        );
    }
}

/// The message is what its variables and parameters say.
fn agrees(found: &Match<'_>, query: &str, read: &DynamicMessage) {
    let descriptor = read.descriptor();
    let mut expected = DynamicMessage::new(descriptor.clone());
    let filters = filters(&found.route.rpc);
    let mut plain = Vec::new();
    let parameters = url::form_urlencoded::parse(query.as_bytes());
    let mut given: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in parameters {
        if name.is_empty() && value.is_empty() || name.starts_with("utm_") || name.starts_with('_')
        {
            continue;
        }
        let path = proto_path(&descriptor, &name);
        let key = path.unwrap_or_else(|| camel(&name));
        match given.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value.into_owned()),
            None => given.push((key, vec![value.into_owned()])),
        }
    }
    for (name, values) in given {
        if proto_path(&descriptor, &name).is_some() {
            put(&mut expected, &name, &values);
        } else if filters.contains(&name) {
            plain.push(name);
        } else {
            assert_eq!(name, "fields", "{name} was accepted");
        }
    }
    for (name, value) in found.variables() {
        put(
            &mut expected,
            &proto_path(&descriptor, name).unwrap(),
            &[value],
        );
    }
    let mut read = read.clone();
    if !plain.is_empty() {
        let text = read
            .get_field_by_name("filter")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        let folded: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        assert!(
            plain.iter().all(|name| folded.contains_key(name)),
            "{plain:?} in {text}"
        );
        read.clear_field_by_name("filter");
        expected.clear_field_by_name("filter");
    }
    assert_eq!(read.to_string(), expected.to_string(), "{query}");
}

/// The dotted proto names of a parameter, if it names a field.
fn proto_path(descriptor: &MessageDescriptor, name: &str) -> Option<String> {
    let mut descriptor = descriptor.clone();
    let mut path = Vec::new();
    let mut parts = name.split('.').peekable();
    while let Some(part) = parts.next() {
        let field = descriptor
            .get_field_by_json_name(part)
            .or_else(|| descriptor.get_field_by_name(part))?;
        path.push(field.name().to_owned());
        if parts.peek().is_some() {
            descriptor = field.kind().as_message()?.clone();
        }
    }
    Some(path.join("."))
}

fn put(message: &mut DynamicMessage, path: &str, values: &[String]) {
    let (first, rest) = path
        .split_once('.')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let field = message.descriptor().get_field_by_name(first).unwrap();
    match rest {
        Some(rest) => put(
            message.get_field_mut(&field).as_message_mut().unwrap(),
            rest,
            values,
        ),
        None if field.is_list() => {
            let values: Vec<&str> = match values {
                [one] if one.is_empty() => Vec::new(),
                [one] => one.split(',').collect(),
                many => many.iter().map(String::as_str).collect(),
            };
            let values = values.iter().map(|text| scalar(&field, text)).collect();
            message.set_field(&field, Value::List(values));
        }
        None => {
            assert_eq!(values.len(), 1, "{first} was accepted twice");
            message.set_field(&field, scalar(&field, &values[0]));
        }
    }
}

/// The value of a text, by prost-reflect's JSON reader where the text is not the value.
fn scalar(field: &FieldDescriptor, text: &str) -> Value {
    let json = match field.kind() {
        Kind::String => return Value::String(text.to_owned()),
        Kind::Bool => return Value::Bool(text.parse().unwrap()),
        // A whole number may have a fraction of zeros or an exponent; a limit beyond every integer is the largest (CV-7).
        Kind::Int32 => {
            let number: f64 = text.parse().unwrap();
            let range = f64::from(i32::MIN)..=f64::from(i32::MAX);
            assert!(
                number.fract() == 0.0,
                "{} = {text} was accepted",
                field.name()
            );
            assert!(
                range.contains(&number) || field.name() == "limit",
                "{} = {text} was accepted",
                field.name()
            );
            return Value::I32(number as i32);
        }
        Kind::Enum(descriptor) => {
            let fold = |word: &str| word.to_lowercase().replace('-', "_");
            let found = descriptor.values().find(|value| {
                word(value)
                    .into_iter()
                    .chain(crate::printed::aliases(value))
                    .any(|word| fold(&word) == fold(text))
            });
            return Value::EnumNumber(
                found
                    .unwrap_or_else(|| panic!("{text} was accepted"))
                    .number(),
            );
        }
        _ => serde_json::Value::from(text),
    };
    let mut object = serde_json::Map::new();
    let json = if field.is_list() {
        serde_json::Value::Array(vec![json])
    } else {
        json
    };
    object.insert(field.json_name().to_owned(), json);
    let read = DynamicMessage::deserialize(
        field.parent_message().clone(),
        serde_json::Value::Object(object),
    )
    .unwrap_or_else(|error| panic!("{} = {text} was accepted: {error}", field.name()));
    let value = read.get_field(field).into_owned();
    match value {
        Value::List(mut values) => values.remove(0),
        value => value,
    }
}

fn camel(name: &str) -> String {
    let mut camel = String::new();
    for (index, part) in name.split('_').enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if index > 0 => camel.extend(first.to_uppercase().chain(letters)),
            first => camel.extend(first.into_iter().chain(letters)),
        }
    }
    camel
}

/// The filter names of an RPC.
fn filters(rpc: &str) -> Vec<String> {
    let (service, method) = rpc[1..].split_once('/').unwrap();
    let service = POOL.get_service_by_name(service).unwrap();
    let method = service
        .methods()
        .find(|each| each.name() == method)
        .unwrap();
    let option = POOL
        .get_extension_by_name("smilefactory.api.v1.rpc")
        .unwrap();
    let options = method.options();
    let rule = options.get_extension(&option);
    let list = rule
        .as_message()
        .unwrap()
        .get_field_by_name("list")
        .unwrap()
        .into_owned();
    let filters = list
        .as_message()
        .unwrap()
        .get_field_by_name("filters")
        .unwrap()
        .into_owned();
    let names = filters.as_list().unwrap().iter().map(|filter| {
        let name = filter
            .as_message()
            .unwrap()
            .get_field_by_name("name")
            .unwrap();
        name.as_str().unwrap().to_owned()
    });
    names.collect()
}
