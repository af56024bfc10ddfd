//! The codec's corners, beyond what the conformance runner and the properties cover.

use transcode::{Dialect, Error};

use crate::protos::transcoder;

const NAME: &str = "test.v1.Everything";

fn there_and_back(json: &str, dialect: Dialect) -> Result<String, Error> {
    let wire = transcoder().json_to_wire(NAME, json.as_bytes(), dialect)?;
    let json = transcoder().wire_to_json(NAME, &wire, Dialect::Standard)?;
    Ok(String::from_utf8(json).unwrap())
}

#[test]
fn k_3_standard_json_takes_what_protojson_takes() {
    let table = [
        (
            r#"{"anInt32":"1e2","an_int64":-0.0,"aUint64":18446744073709551615}"#,
            r#"{"anInt32":100,"aUint64":"18446744073709551615"}"#,
        ),
        (
            r#"{"aDouble":"NaN","aFloat":"-Infinity"}"#,
            r#"{"aDouble":"NaN","aFloat":"-Infinity"}"#,
        ),
        (
            r#"{"aColour":"COLOUR_RED","colours":[5,77]}"#,
            r#"{"aColour":"COLOUR_RED","colours":["COLOUR_DARK_BLUE",77]}"#,
        ),
        (
            r#"{"someBytes":"-_8","maybeBytes":""}"#,
            r#"{"someBytes":"+/8=","maybeBytes":""}"#,
        ),
        (r#"{"aValue":null,"aListNot":1}"#, ""),
        (
            r#"{"aValue":null,"aStringValue":null}"#,
            r#"{"aValue":null}"#,
        ),
        (r#"{"anAny":{}}"#, r#"{"anAny":{}}"#),
        (
            r#"{"anAny":{"value":"1.5s","@type":"x/google.protobuf.Duration"}}"#,
            r#"{"anAny":{"@type":"x/google.protobuf.Duration","value":"1.500s"}}"#,
        ),
        (
            r#"{"anAny":{"aString":"s","@type":"x/test.v1.Everything"}}"#,
            r#"{"anAny":{"@type":"x/test.v1.Everything","aString":"s"}}"#,
        ),
    ];
    for (json, expected) in table {
        match there_and_back(json, Dialect::Standard) {
            Ok(printed) => assert_eq!(printed, expected, "{json}"),
            Err(_) => assert_eq!(expected, "", "{json} was refused"),
        }
    }
}

#[test]
fn k_3_the_apis_dialect_is_stricter() {
    for json in [
        r#"{"anInt32":"1"}"#,
        r#"{"aDouble":"NaN"}"#,
        r#"{"aDouble":"1"}"#,
        r#"{"aColour":1}"#,
        r#"{"aColour":"COLOUR_RED"}"#,
        r#"{"aFloat":1e39}"#,
        r#"{"anInt32":2147483648}"#,
        r#"{"aDouble":1e999}"#,
        r#"{"anAny":{"@type":"x/unknown.Type"}}"#,
        r#"{"anAny":{"aString":"x"}}"#,
    ] {
        assert!(
            there_and_back(json, Dialect::Api).is_err(),
            "{json} was accepted"
        );
    }
    assert_eq!(
        there_and_back(r#"{"aColour":"dark-blue","anInt32":5.0}"#, Dialect::Api).unwrap(),
        r#"{"anInt32":5,"aColour":"COLOUR_DARK_BLUE"}"#
    );
}

#[test]
fn unknown_fields_and_words_are_passed_over_only_on_request() {
    let json = br#"{"nothing":{"a":[1]},"aColour":"COLOUR_NEW","colours":["COLOUR_NEW","COLOUR_RED"],"byInt64":{"1":"COLOUR_NEW"}}"#;
    assert!(
        transcoder()
            .json_to_wire(NAME, json, Dialect::Standard)
            .is_err()
    );
    let wire = transcoder()
        .json_to_wire_ignoring_unknown(NAME, json)
        .unwrap();
    let printed = transcoder()
        .wire_to_json(NAME, &wire, Dialect::Standard)
        .unwrap();
    assert_eq!(printed, br#"{"colours":["COLOUR_RED"]}"#);
}

#[test]
fn many_map_entries_are_still_distinct() {
    let entries: Vec<String> = (0..100).map(|key| format!("\"k{key}\":\"v\"")).collect();
    let json = format!("{{\"byString\":{{{}}}}}", entries.join(","));
    assert_eq!(there_and_back(&json, Dialect::Standard).unwrap(), json);
    let twice = format!("{{\"byString\":{{{},\"k7\":\"w\"}}}}", entries.join(","));
    assert!(there_and_back(&twice, Dialect::Standard).is_err());
    // On the wire a later entry wins; the message takes the slow path.
    let mut wire = transcoder()
        .json_to_wire(NAME, json.as_bytes(), Dialect::Standard)
        .unwrap();
    wire.extend(
        transcoder()
            .json_to_wire(NAME, br#"{"byString":{"k7":"w"}}"#, Dialect::Standard)
            .unwrap(),
    );
    let printed = transcoder()
        .wire_to_json(NAME, &wire, Dialect::Standard)
        .unwrap();
    assert_eq!(
        String::from_utf8(printed)
            .unwrap()
            .matches("\"k7\":\"w\"")
            .count(),
        1
    );
}

#[test]
fn values_without_a_json_form_are_told_apart_from_malformed_bytes() {
    let far = transcoder()
        .json_to_wire(
            NAME,
            br#"{"aTimestamp":"9999-12-31T23:59:59Z"}"#,
            Dialect::Standard,
        )
        .unwrap();
    assert!(
        transcoder()
            .wire_to_json(NAME, &far, Dialect::Standard)
            .is_ok()
    );
    // Field 71 (Timestamp), seconds = 253402300800: one second too late.
    let late = [0xba, 0x04, 0x07, 0x08, 0x80, 0xc1, 0x8d, 0x8f, 0xb0, 0x07];
    assert!(matches!(
        transcoder().wire_to_json(NAME, &late, Dialect::Standard),
        Err(Error::Unprintable(_) | Error::Wire(_))
    ));
    assert!(matches!(
        transcoder().wire_to_json(NAME, &[0x0a], Dialect::Standard),
        Err(Error::Wire(_))
    ));
    assert!(matches!(
        transcoder().wire_to_json("no.Such", &[], Dialect::Standard),
        Err(Error::UnknownMessage(_))
    ));
}

#[test]
fn messages_nested_beyond_the_limit_are_refused_and_not_followed() {
    let mut wire = Vec::new();
    for _ in 0..300 {
        let mut outer = vec![0x8a, 0x01];
        prost::encoding::encode_varint(wire.len() as u64, &mut outer);
        outer.extend(&wire);
        wire = outer;
    }
    assert!(matches!(
        transcoder().wire_to_json(NAME, &wire, Dialect::Api),
        Err(Error::Wire(_))
    ));
    let json = format!(
        "{}{}",
        "{\"nested\":".repeat(150),
        "{}".to_owned() + &"}".repeat(150)
    );
    assert!(there_and_back(&json, Dialect::Standard).is_err());
}

#[test]
fn anys_out_of_order_inside_each_other_end_in_linear_time() {
    let nested = |levels: usize| {
        let mut wire = vec![0x70, 1];
        for _ in 0..levels {
            let mut any = vec![0x0a, 20];
            any.extend_from_slice(b"x/test.v1.Everything");
            any.push(0x12);
            prost::encoding::encode_varint(wire.len() as u64, &mut any);
            any.extend(&wire);
            wire = vec![0xea, 0x04];
            prost::encoding::encode_varint(any.len() as u64, &mut wire);
            wire.extend(&any);
            // Field 3 after field 77.
            wire.extend([0x18, 7]);
        }
        wire
    };
    let print = |levels| transcoder().wire_to_json(NAME, &nested(levels), Dialect::Standard);
    let printed = String::from_utf8(print(3).unwrap()).unwrap();
    assert_eq!(printed.matches("\"anInt32\":7").count(), 3, "{printed}");
    // Twice the work a level would be 2^45 of it.
    assert!(matches!(print(45), Err(Error::Wire(_))));
}

#[test]
fn a_field_of_another_wire_type_counts_as_unknown() {
    // Field 3 (int32) as a chunk, then as it should be.
    let wire = [0x1a, 0x01, 0x41, 0x18, 0x07];
    assert_eq!(
        transcoder()
            .wire_to_json(NAME, &wire, Dialect::Standard)
            .unwrap(),
        br#"{"anInt32":7}"#
    );
}
