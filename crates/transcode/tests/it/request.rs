//! Bodies and paths bound into request messages.

use crate::protos::{bound, refused};

fn create(body: &str) -> String {
    bound("POST", "/api/v1/notes", body).unwrap()
}

fn create_refused(body: &str) -> Vec<String> {
    refused("POST", "/api/v1/notes", body)
}

fn update(body: &str) -> String {
    bound("PUT", "/api/v1/notes/n1", body).unwrap()
}

const ID: &str = "0190b6a0-0000-7000-8000-00000000000A";

#[test]
fn cv_13_an_empty_body_means_an_empty_object() {
    for body in ["", " \n", "{}"] {
        assert_eq!(create(body), "");
        assert_eq!(update(body), "id:\"n1\",update_mask{}");
    }
}

#[test]
fn tr_5_null_in_a_post_counts_as_absent() {
    assert_eq!(
        create(
            r#"{"type":null,"title":null,"tags":null,"metadata":null,"author":null,"counts":null}"#
        ),
        ""
    );
}

#[test]
fn tr_5_the_update_mask_holds_the_keys_that_were_present() {
    assert_eq!(
        update(r#"{"title":"T"}"#),
        r#"id:"n1",title:"T",update_mask{paths:["title"]}"#
    );
    assert_eq!(
        update(r#"{"tags":[],"subtitle":null}"#),
        r#"id:"n1",update_mask{paths:["tags","subtitle"]}"#
    );
    let same = bound("PATCH", "/api/v1/notes/n1", r#"{"title":"T"}"#).unwrap();
    assert_eq!(same, update(r#"{"title":"T"}"#));
    assert_eq!(
        update(r#"{"id":"n1","type":"blog"}"#),
        r#"id:"n1",update_mask{paths:["type"]},type:NOTE_TYPE_BLOG_ARTICLE"#
    );
}

#[test]
fn tr_5_an_explicit_update_mask_wins() {
    let body = r#"{"title":"T","tags":["a"],"updateMask":"title,type"}"#;
    assert_eq!(
        update(body),
        r#"id:"n1",title:"T",tags:["a"],update_mask{paths:["title","type"]}"#
    );
    let told = refused("PUT", "/api/v1/notes/n1", r#"{"updateMask":"titel"}"#);
    assert_eq!(
        told,
        ["updateMask: unknown field \"titel\"; the nearest known one is \"title\""]
    );
}

#[test]
fn tr_5_a_mask_that_is_no_list_of_names_is_refused_and_an_empty_one_means_what_is_present() {
    for mask in ["null", "[\"title\"]", "{}", "1", "\"sub_title\""] {
        let told = refused(
            "PUT",
            "/api/v1/notes/n1",
            &format!(r#"{{"title":"T","updateMask":{mask}}}"#),
        );
        assert_eq!(told.len(), 1, "{mask}: {told:?}");
        assert!(told[0].starts_with("updateMask: "), "{told:?}");
    }
    assert_eq!(
        update(r#"{"title":"T","updateMask":""}"#),
        r#"id:"n1",title:"T",update_mask{}"#
    );
}

#[test]
fn tr_5_a_body_field_masks_its_own_keys() {
    let message = bound("PATCH", "/api/v1/boards/b/notes/n", r#"{"title":"T"}"#).unwrap();
    assert_eq!(
        message,
        r#"id:"n",update_mask{paths:["title"]},note{board_id:"b",title:"T"}"#
    );
    let told = refused("PATCH", "/api/v1/boards/b/notes/n", r#"{"boardId":"c"}"#);
    assert_eq!(told, ["note.boardId: differs from the value in the path"]);
}

#[test]
fn cv_14_null_clears_only_what_may_be_cleared() {
    let told = refused(
        "PUT",
        "/api/v1/notes/n1",
        r#"{"title":null,"subtitle":null,"type":null}"#,
    );
    assert_eq!(told, ["title: must not be null", "type: must not be null"]);
}

#[test]
fn tr_6_unknown_keys_are_refused_with_the_nearest() {
    let told = create_refused(r#"{"titel":"x","author":{"name":1},"id":"mine"}"#);
    assert_eq!(
        told,
        [
            "titel: unknown field; the nearest known one is \"title\"",
            "author.name: unknown field; the nearest known one is \"displayName\"",
            "id: unknown field; the nearest known one is \"boardId\"",
        ]
    );
}

#[test]
fn tr_6_unknown_keys_go_verbatim_to_the_catch_all_field() {
    let message = update(r#"{"title":"T","goal":{"b":1.0,"a":1e2},"why":null,"answers":[1]}"#);
    let expected = r#"{"goal":{"b":1.0,"a":1e2},"why":null,"answers":[1]}"#;
    assert_eq!(
        message,
        format!(
            r#"id:"n1",title:"T",update_mask{{paths:["title","answers"]}},answers:{expected:?}"#
        )
    );
}

#[test]
fn cv_24_managed_keys_are_refused_although_others_are_caught() {
    let told = refused(
        "PUT",
        "/api/v1/notes/n1",
        r#"{"createdAt":"x","isVerified":true,"goal":1,"goal":2}"#,
    );
    assert_eq!(
        told,
        [
            "createdAt: is managed by the server",
            "isVerified: is managed by the server",
            "goal: is given twice"
        ]
    );
}

#[test]
fn tr_3_words_and_aliases_are_read_in_any_case() {
    for word in ["blog", "BLOG", "Blog-Article", "article"] {
        assert_eq!(
            create(&format!(r#"{{"type":"{word}"}}"#)),
            "type:NOTE_TYPE_BLOG_ARTICLE"
        );
    }
    for wrong in [
        r#""poem""#,
        r#""unspecified""#,
        r#""NOTE_TYPE_GENERAL""#,
        "1",
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(
            create_refused(&format!(r#"{{"type":{wrong}}}"#)),
            ["type: must be one of general, blog"],
            "{wrong}"
        );
    }
}

#[test]
fn fd_1_an_alias_of_a_field_must_agree_with_it() {
    assert_eq!(
        create(r#"{"noteType":"blog"}"#),
        "type:NOTE_TYPE_BLOG_ARTICLE"
    );
    assert_eq!(
        create(r#"{"noteType":"blog","type":"article"}"#),
        "type:NOTE_TYPE_BLOG_ARTICLE"
    );
    let told = create_refused(r#"{"noteType":"blog","type":"general"}"#);
    assert_eq!(
        told,
        ["type: is given under two names with different values"]
    );
    assert_eq!(
        create_refused(r#"{"noteType":"blog","noteType":"blog"}"#),
        ["type: is given twice"]
    );
}

#[test]
fn fd_1_agreeing_under_both_names_allows_no_third() {
    let told = create_refused(r#"{"type":"blog","noteType":"blog","noteType":"blog"}"#);
    assert_eq!(told, ["type: is given twice"]);
}

#[test]
fn tr_4_free_json_is_kept_verbatim() {
    let metadata = r#"{"z":1.00, "a":[1e200,{"k":"\u00e9"}]}"#;
    assert_eq!(
        create(&format!(r#"{{"metadata":{metadata}}}"#)),
        format!("metadata:{metadata:?}")
    );
    assert_eq!(
        create_refused(r#"{"metadata":[1]}"#),
        ["metadata: must be a JSON object"]
    );
    assert_eq!(
        create_refused(r#"{"metadata":{"a":{"b":1,"b":2}}}"#),
        ["metadata.a.b: is given twice"]
    );
    assert_eq!(
        create_refused(r#"{"metadata":{"a":["x\u0000"]}}"#),
        ["metadata.a[0]: must not hold NUL"]
    );
    assert_eq!(
        create_refused(r#"{"metadata":{"a":1e400}}"#),
        ["metadata: holds a text or number that cannot be read"]
    );
    assert_eq!(
        create_refused(r#"{"metadata":{"a":"\ud800"}}"#),
        ["metadata: holds a text or number that cannot be read"]
    );
}

#[test]
fn tr_2_wide_integers_are_read_in_both_forms() {
    for size in ["9007199254740993", "\"9007199254740993\""] {
        assert_eq!(
            create(&format!(r#"{{"size":{size}}}"#)),
            "size:9007199254740993"
        );
    }
    for wrong in [
        "1.5",
        "\"x\"",
        "9223372036854775808",
        "1e30",
        "\"\"",
        "\" 1\"",
    ] {
        assert_eq!(
            create_refused(&format!(r#"{{"size":{wrong}}}"#)).len(),
            1,
            "{wrong}"
        );
    }
}

#[test]
fn cv_3_every_violation_is_told_by_its_json_path() {
    let body = r#"{"title":1,"tags":["a",2,null],"author":[],"counts":{"a":"x","b":null},"score":"1","picture":"*","remindAt":"soon","size":{}}"#;
    assert_eq!(
        create_refused(body),
        [
            "title: must be a text",
            "tags[1]: must be a text",
            "tags[2]: must not be null",
            "author: must be an object",
            "counts.a: must be an integer",
            "counts.b: must not be null",
            "score: must be a number",
            "picture: must be a base64 text",
            "remindAt: must be a timestamp such as 2026-01-31T12:00:00Z",
            "size: must be an integer",
        ]
    );
}

#[test]
fn tr_16_malformed_json_is_told_with_line_and_column() {
    let told = create_refused("{\n  \"title\": \"x\",\n  \"tags\": [1,]\n}");
    assert_eq!(
        told.last().unwrap(),
        "tags[1]: malformed JSON at line 3, column 14"
    );
    assert_eq!(
        create_refused("{\"title\": \"x\""),
        [": the JSON ends too early at line 1, column 13"]
    );
    assert_eq!(
        create_refused("{} x"),
        [": malformed JSON at line 1, column 4"]
    );
    assert_eq!(
        create_refused("{\"title\": \"\u{1}\"}")[0],
        "title: malformed JSON at line 1, column 12"
    );
    assert_eq!(create_refused("[1]"), [": must be a JSON object"]);
    assert_eq!(create_refused("null"), [": must be a JSON object"]);
}

#[test]
fn tr_16_invalid_utf_8_and_lone_surrogates_are_refused() {
    let found = crate::protos::find("POST", "/api/v1/notes");
    for body in [
        &b"{\"title\":\"\xff\"}"[..],
        b"{\"\xc3\":1}",
        b"\xef\xbb\xbf{}",
        br#"{"title":"\ud800"}"#,
        br#"{"metadata":{"a":"\udc00"}}"#,
    ] {
        assert!(
            crate::protos::transcoder()
                .request(&found, None, body)
                .is_err(),
            "{body:?}"
        );
    }
}

#[test]
fn tr_16_duplicate_keys_are_refused_in_either_spelling() {
    assert_eq!(
        create_refused(r#"{"title":"a","title":"a"}"#),
        ["title: is given twice"]
    );
    assert_eq!(
        create_refused(r#"{"boardId":"a","board_id":"a"}"#),
        ["boardId: is given twice"]
    );
    assert_eq!(
        create_refused(r#"{"counts":{"a":1,"a":1}}"#),
        ["counts.a: is given twice"]
    );
    assert_eq!(
        create_refused(r#"{"person":"a","team":"b"}"#),
        ["team: is an alternative to another field that is given too"]
    );
}

#[test]
fn tr_16_depth_and_size_have_an_end() {
    let nested = |depth: usize| {
        format!(
            r#"{{"metadata":{}{}}}"#,
            "{\"a\":".repeat(depth - 1),
            "1".to_owned() + &"}".repeat(depth - 1)
        )
    };
    assert!(bound("POST", "/api/v1/notes", &nested(64)).is_ok());
    assert!(create_refused(&nested(65))[0].contains("nested deeper than 64 levels"));
    let unknown = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(
        create_refused(&unknown)[0].contains("nested deeper than 64 levels at line 1, column 69")
    );
    let tags = |count: usize| format!(r#"{{"tags":[{}]}}"#, vec!["\"a\""; count].join(","));
    assert!(bound("POST", "/api/v1/notes", &tags(9_999)).is_ok());
    assert!(create_refused(&tags(10_000))[0].contains("more than 10000 elements"));
    let free = format!(
        r#"{{"metadata":{{"a":[{}]}}}}"#,
        vec!["1"; 10_000].join(",")
    );
    assert!(create_refused(&free)[0].contains("more than 10000 elements"));
}

#[test]
fn tr_16_the_path_wins_and_a_body_that_differs_is_refused() {
    let path = format!("/api/v1/boards/{ID}/notes");
    assert_eq!(
        bound("POST", &path, "{}").unwrap(),
        format!("board_id:{ID:?}")
    );
    let same = format!(r#"{{"boardId":"{}"}}"#, ID.to_lowercase());
    assert!(
        bound("POST", &path, &same).is_ok(),
        "UUIDs are equal in any case"
    );
    assert_eq!(
        refused("POST", &path, r#"{"boardId":"other"}"#),
        ["boardId: differs from the value in the path"]
    );
    assert_eq!(
        refused("POST", &path, r#"{"boardId":""}"#),
        ["boardId: differs from the value in the path"]
    );
    assert_eq!(
        refused("PUT", "/api/v1/notes/n1", r#"{"id":"N1"}"#),
        ["id: differs from the value in the path"]
    );
}

#[test]
fn tr_20_get_and_delete_ignore_a_body_unless_the_route_reads_it() {
    for method in ["GET", "DELETE"] {
        assert_eq!(
            bound(method, "/api/v1/notes/n1", "{\"anything\": [").unwrap(),
            "id:\"n1\""
        );
    }
    let path = "/api/v1/notes/n1/history";
    assert_eq!(
        bound("DELETE", path, r#"{"code":"123456"}"#).unwrap(),
        r#"id:"n1",code:"123456""#
    );
    assert_eq!(
        refused("DELETE", path, r#"{"cod":"1"}"#),
        ["cod: unknown field; the nearest known one is \"code\""]
    );
    assert_eq!(refused("DELETE", &format!("{path}?code=1"), "").len(), 1);
}

#[test]
fn cv_24_a_post_without_body_fields_takes_none() {
    assert_eq!(
        bound("POST", "/api/v1/notes/n1/like", "{}").unwrap(),
        "id:\"n1\""
    );
    let told = refused(
        "POST",
        "/api/v1/notes/n1/like",
        r#"{"id":"n1","likesCount":5}"#,
    );
    assert_eq!(
        told,
        [
            "id: no body field is accepted here",
            "likesCount: no body field is accepted here"
        ]
    );
}

#[test]
fn a_repeated_field_can_be_the_whole_body() {
    assert_eq!(
        bound("PUT", "/api/v1/notes/n1/tags", r#"["a","b"]"#).unwrap(),
        r#"id:"n1",tags:["a","b"]"#
    );
    assert_eq!(
        refused("PUT", "/api/v1/notes/n1/tags", r#"{"tags":[]}"#),
        [": must be an array"]
    );
    assert_eq!(
        refused("PUT", "/api/v1/notes/n1/tags", "[1]"),
        ["[0]: must be a text"]
    );
    assert_eq!(
        refused("PUT", "/api/v1/notes/n1/tags", "null"),
        [": must not be null"]
    );
}
