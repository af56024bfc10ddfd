//! Free JSON.

use super::*;

#[test]
fn tr_4_free_json_stays_verbatim() {
    let text = "{ \"b\": 1.0, \"a\": [1e2, \"\\u0041\", {\"b\": null}] }";
    let mut request = CreateProfileRequest {
        draft_data: Some(text.into()),
        ..profile()
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.draft_data.as_deref(), Some(text));
}

#[test]
fn tr_4_free_json_is_one_whole_value_without_repeated_keys() {
    let object = TextRule {
        json: Json::Object,
        ..LINE
    };
    let any = TextRule {
        json: Json::Any,
        ..LINE
    };
    for text in [
        "{",
        "{}}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{'a':1}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":01}",
    ] {
        assert!(
            read(&object, text)
                .unwrap_err()
                .starts_with("must be valid JSON"),
            "{text}"
        );
    }
    for text in ["[]", "1", "null", "\"a\""] {
        assert_eq!(
            read(&object, text).unwrap_err(),
            "must be a JSON object",
            "{text}"
        );
        assert!(read(&any, text).is_ok(), "{text}");
    }
    assert_eq!(
        read(&any, "[{\"a\":{\"b\":1,\"b\":2}}]").unwrap_err(),
        "must not contain the key \"b\" twice"
    );
    assert_eq!(
        read(&any, "{\"a\":\"\\u0000\"}").unwrap_err(),
        "must not contain NUL"
    );
    assert!(read(&any, "1\n2").unwrap_err().contains("line 2 column 1"));
}

#[test]
fn n_15_free_json_is_at_most_64_deep_and_has_10_000_values() {
    let any = TextRule {
        json: Json::Any,
        ..LINE
    };
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&any, &nested(64)).is_ok());
    assert_eq!(
        read(&any, &nested(65)).unwrap_err(),
        "must be nested at most 64 levels deep"
    );
    assert!(read(&any, &nested(100_000)).is_err());
    let wide = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert!(read(&any, &wide(9_999)).is_ok());
    assert_eq!(
        read(&any, &wide(10_000)).unwrap_err(),
        "must have at most 10000 values"
    );
}
