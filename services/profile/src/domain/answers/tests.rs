//! The answers' limits, kinds and words.

use super::*;

fn parse(json: &str) -> Result<Vec<(String, AnswerChange)>, Vec<Refusal>> {
    changes(json, &Limits::default())
}

fn refused_fields(json: &str) -> Vec<String> {
    parse(json)
        .unwrap_err()
        .into_iter()
        .map(|refusal| refusal.field)
        .collect()
}

fn kept(json: &str) -> Answers {
    let mut answers = Answers::default();
    for (key, change) in parse(json).unwrap() {
        answers.apply(&key, &change);
    }
    answers
}

#[test]
fn pr_6_answers_come_back_word_for_word_and_in_order() {
    let answers = kept(
        r#"{"zeta":1.50,"alpha":1e2,"mid":["b", "a"],"yes":true,"text":"caf\u00e9 \"x\"","no":false}"#,
    );
    assert_eq!(
        answers.to_json(Class::Owner),
        r#"{"zeta":1.50,"alpha":1e2,"mid":["b", "a"],"yes":true,"text":"caf\u00e9 \"x\"","no":false}"#
    );
}

#[test]
fn pr_6_null_and_blank_delete() {
    let mut answers = kept(r#"{"a":"x","b":"y","c":1}"#);
    for (key, change) in parse(r#"{"a":null,"b":"  ","c":2}"#).unwrap() {
        assert!(answers.apply(&key, &change), "{key}");
    }
    assert_eq!(answers.to_json(Class::Owner), r#"{"c":2}"#);
    assert!(!answers.apply("gone", &AnswerChange::Delete));
}

#[test]
fn pr_6_only_texts_numbers_booleans_and_lists_of_texts_are_answers() {
    assert_eq!(
        refused_fields(r#"{"a":{"b":1},"c":["x",1],"d":[["x"]],"ok":1}"#),
        ["a", "c[1]", "d[0]"]
    );
}

#[test]
fn pr_6_every_limit_names_its_answer() {
    let long_key = "k".repeat(101);
    for (json, field) in [
        (format!(r#"{{"a":"{}"}}"#, "é".repeat(5001)), "a"),
        (format!(r#"{{"a":["x","{}"]}}"#, "é".repeat(201)), "a[1]"),
        (
            format!(r#"{{"a":[{}]}}"#, vec![r#""x""#; 51].join(",")),
            "a",
        ),
        (format!(r#"{{"{long_key}":1}}"#), long_key.as_str()),
        (r#"{"1a":1}"#.to_owned(), "1a"),
        (r#"{"a-b":1}"#.to_owned(), "a-b"),
        (r#"{"a":"\u0000"}"#.to_owned(), "a"),
        (r#"{"a":"\ud800"}"#.to_owned(), "a"),
        (r#"{"a":1,"a":2}"#.to_owned(), "a"),
    ] {
        assert_eq!(refused_fields(&json), [field]);
    }
}

#[test]
fn pr_6_values_at_their_limits_are_taken() {
    let text = format!(r#"{{"a":"{}"}}"#, "é".repeat(5000));
    let list = format!(
        r#"{{"a":[{}]}}"#,
        vec![format!(r#""{}""#, "x".repeat(200)); 50].join(",")
    );
    let key = format!(r#"{{"{}":1}}"#, "k".repeat(100));
    for json in [text, list, key] {
        assert_eq!(parse(&json).unwrap().len(), 1);
    }
}

#[test]
fn pr_6_at_most_200_answers_of_64_kib() {
    let entries: Vec<_> = (0..201).map(|n| format!(r#""k{n}":1"#)).collect();
    assert_eq!(
        refused_fields(&format!("{{{}}}", entries.join(","))),
        ["k200"]
    );

    let text = "x".repeat(4990);
    let entries: Vec<_> = (0..14).map(|n| format!(r#""k{n:03}":"{text}""#)).collect();
    let answers = kept(&format!("{{{}}}", entries.join(",")));
    assert_eq!(answers.check(&Limits::default()).unwrap_err().field, "k013");
    let fewer = kept(&format!("{{{}}}", entries[..13].join(",")));
    assert_eq!(fewer.check(&Limits::default()), Ok(()));
}

#[test]
fn pr_6_a_near_miss_of_a_field_is_an_answer() {
    assert_eq!(
        kept(r#"{"displayname":"x"}"#).to_json(Class::Public),
        r#"{"displayname":"x"}"#
    );
}

#[test]
fn cv_23_texts_are_trimmed() {
    assert_eq!(
        kept(r#"{"a":"  x\r\ny  ","b":[" z "]}"#).to_json(Class::Owner),
        r#"{"a":"x\ny","b":["z"]}"#
    );
}

#[test]
fn pr_11_classes_hide_from_the_outside_in() {
    let answers = kept(r#"{"city":"Oslo","whatsapp":"1","current_revenue":"none","address":"2"}"#);
    assert_eq!(answers.to_json(Class::Public), r#"{"city":"Oslo"}"#);
    assert_eq!(
        answers.to_json(Class::Contact),
        r#"{"city":"Oslo","whatsapp":"1","address":"2"}"#
    );
    assert_eq!(
        answers.to_json(Class::Owner),
        r#"{"city":"Oslo","whatsapp":"1","current_revenue":"none","address":"2"}"#
    );
}

#[test]
fn pr_8_a_draft_keeps_what_looks_like_an_answer() {
    let answers = draft(r#"{"step":3,"form":{"a":1},"city":"Oslo","none":null}"#);
    assert_eq!(answers.to_json(Class::Owner), r#"{"step":3,"city":"Oslo"}"#);
}
