//! JSON into messages: in the standard dialect as prost-reflect reads it, and in both as it prints itself again.
//!
//! Input: a line with the full name of a message, then the JSON.

use prost_reflect::{DeserializeOptions, DynamicMessage};
use serde_json::Value;
use transcode::{Dialect, Error};

use crate::pool::{TRANSCODER, message};
use crate::printed::flag;
use crate::request::described;
use crate::{Target, split_line};

pub(crate) const TARGET: Target = Target {
    name: "json",
    words: &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "null",
        "true",
        "false",
        "-0",
        "1e2",
        "1.5",
        "0.1e-5",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "2147483648",
        "\"NaN\"",
        "\"Infinity\"",
        "\"1.000s\"",
        "\"2026-01-02T03:04:05.678Z\"",
        "\"9999-12-31T23:59:60Z\"",
        "\"fooBar,x.yZ\"",
        "\"@type\"",
        "\"value\"",
        "\"type.googleapis.com/test.v1.Everything\"",
        "\"anInt32\"",
        "\"an_int64\"",
        "\"aDouble\"",
        "\"aFloat\"",
        "\"aString\"",
        "\"someBytes\"",
        "\"aColour\"",
        "\"nested\"",
        "\"children\"",
        "\"byString\"",
        "\"byInt64\"",
        "\"byBool\"",
        "\"choiceString\"",
        "\"choiceNested\"",
        "\"aTimestamp\"",
        "\"aDuration\"",
        "\"aMask\"",
        "\"aStruct\"",
        "\"aValue\"",
        "\"aList\"",
        "\"anAny\"",
        "\"int64s\"",
        "\"strings\"",
        "\"AA==\"",
        "\"_-8\"",
        " ",
        "\n",
    ],
    run,
};

fn run(input: &[u8]) {
    let Some((name, json)) = split_line(input) else {
        return;
    };
    // prost-reflect knows a message by its name with a dot before it too.
    if name.starts_with('.') || message(name).is_none() {
        return;
    }
    for dialect in [Dialect::Standard, Dialect::Api] {
        match TRANSCODER.json_to_wire(name, json, dialect) {
            Ok(wire) => {
                assert!(
                    wire.len() <= 16 * (json.len() + 16),
                    "{} bytes became {}",
                    json.len(),
                    wire.len()
                );
                if dialect == Dialect::Standard || prints(name) {
                    comes_back(name, &wire, dialect);
                }
                if dialect == Dialect::Standard {
                    agrees(name, json, &wire);
                }
            }
            Err(Error::Json(violations)) => described(&violations, input.len()),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Whether the message has a form in the API's dialect that it can be read from: a catch-all field is no key (TR-4).
fn prints(name: &str) -> bool {
    message(name).is_some_and(|message| message.fields().all(|field| !flag(&field, "catch_all")))
}

/// What was read prints, and what is printed reads back to the same bytes.
fn comes_back(name: &str, wire: &[u8], dialect: Dialect) {
    let print = |wire: &[u8]| TRANSCODER.wire_to_json(name, wire, dialect).unwrap();
    let read = |json: &[u8]| {
        let shown = String::from_utf8_lossy(json);
        TRANSCODER
            .json_to_wire(name, json, dialect)
            .unwrap_or_else(|error| panic!("{error:?} in {shown}"))
    };
    // The first bytes are in the order of the input, all later ones in the order of the fields.
    let json = print(wire);
    let again = read(&json);
    assert_eq!(print(&again), json, "{}", String::from_utf8_lossy(&json));
    assert_eq!(read(&print(&again)), again);
}

fn agrees(name: &str, json: &[u8], wire: &[u8]) {
    let ours = DynamicMessage::decode(message(name).unwrap(), wire).unwrap();
    let Some(theirs) = oracle(name, json) else {
        let value = serde_json::from_slice(json).unwrap();
        assert!(
            is_gap(&value),
            "only we accept {}",
            String::from_utf8_lossy(json)
        );
        return;
    };
    // By what prost-reflect prints: it keeps a default that is set apart from one that is not.
    assert_eq!(
        shown(&ours),
        shown(&theirs),
        "{}",
        String::from_utf8_lossy(json)
    );
}

fn oracle(name: &str, json: &[u8]) -> Option<DynamicMessage> {
    let mut source = serde_json::Deserializer::from_slice(json);
    let options = DeserializeOptions::new();
    let read =
        DynamicMessage::deserialize_with_options(message(name)?, &mut source, &options).ok()?;
    source.end().ok()?;
    Some(read)
}

fn shown(message: &DynamicMessage) -> Value {
    serde_json::to_value(message).unwrap()
}

/// What the conformance suite wants accepted and prost-reflect refuses: whole numbers in quotes with a fraction or
/// exponent, and an Any without members.
fn is_gap(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains(['.', 'e', 'E']) && text.parse::<f64>().is_ok(),
        Value::Array(items) => items.iter().any(is_gap),
        Value::Object(members) => members.is_empty() || members.values().any(is_gap),
        _ => false,
    }
}
