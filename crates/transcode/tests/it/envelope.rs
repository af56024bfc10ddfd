//! Replies.

use prost::Message as _;
use prost_reflect::DynamicMessage;
use transcode::{Error, Item, Kept, Match, Page, Reply, ReplyMeta};

use crate::protos::{META, find, message, transcoder};

const TAIL: &str =
    r#""meta":{"timestamp":"2026-01-02T03:04:05.678Z","version":"1.0","requestId":"r-1""#;

fn encoded(name: &str, text: &str) -> Vec<u8> {
    DynamicMessage::parse_text_format(message(name), text)
        .unwrap()
        .encode_to_vec()
}

fn replied(method: &str, target: &str, text: &str) -> Result<Reply, Error> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let found = find(method, path);
    let decoded = transcoder().request(&found, query, b"").unwrap();
    transcoder().reply(
        found.route,
        &encoded(&found.route.output, text),
        &META,
        decoded.fields.as_ref(),
    )
}

fn body(method: &str, target: &str, text: &str) -> String {
    String::from_utf8(replied(method, target, text).unwrap().body).unwrap()
}

const NOTE: &str = r#"{"id":"n","type":null,"title":"","subtitle":null,"tags":[],"author":null,"views":0,"size":0,"createdAt":null,"metadata":null,"answers":{},"version":0,"pinned":false,"counts":{},"boardId":"","score":null,"rank":null}"#;

#[test]
fn cv_2_the_message_is_data_and_tr_1_every_field_is_there() {
    assert_eq!(
        body("GET", "/api/v1/notes/n", "id: 'n'"),
        format!(r#"{{"success":true,"data":{NOTE},{TAIL}}}}}"#)
    );
}

#[test]
fn tr_10_a_reply_without_fields_prints_an_empty_object() {
    assert_eq!(
        body("DELETE", "/api/v1/notes/n", ""),
        format!(r#"{{"success":true,"data":{{}},{TAIL}}}}}"#)
    );
}

#[test]
fn tr_2_tr_3_tr_4_values_print_in_the_apis_form() {
    let text = r#"type: NOTE_TYPE_BLOG_ARTICLE views: 9007199254740992 size: 9007199254740991 score: nan
        created_at { seconds: 1767323045 nanos: 678999999 } metadata: '{"b":1.0, "a":1e2}' answers: '{"x":1}'
        subtitle: '' rank {} author { display_name: 'A"\n' }"#;
    let body = body("GET", "/api/v1/notes/n", text);
    for part in [
        r#""type":"blog""#,
        r#""views":"9007199254740992","size":9007199254740991"#,
        r#""createdAt":"2026-01-02T03:04:05.678Z""#,
        r#""metadata":{"b":1.0, "a":1e2},"answers":{"x":1}"#,
        r#""subtitle":"""#,
        r#""score":null,"rank":0"#,
        r#""author":{"id":"","displayName":"A\"\n"}"#,
    ] {
        assert!(body.contains(part), "{part} is missing in {body}");
    }
}

#[test]
fn tr_4_malformed_free_json_is_a_failure_and_not_a_broken_envelope() {
    let failed = replied("GET", "/api/v1/notes/n", "metadata: '{\"a\":'");
    assert!(matches!(failed, Err(Error::Unprintable(_))), "{failed:?}");
}

#[test]
fn a_value_without_a_json_form_does_not_count_when_another_follows() {
    let mut wire = encoded("test.v1.Note", "metadata: '{\"a\":'");
    wire.extend(encoded("test.v1.Note", "metadata: '{\"a\":1}'"));
    let route = find("GET", "/api/v1/notes/n").route;
    let reply = transcoder().reply(route, &wire, &META, None).unwrap();
    assert!(
        String::from_utf8(reply.body)
            .unwrap()
            .contains(r#""metadata":{"a":1}"#)
    );
    // In a list, the same: its messages stand side by side.
    let mut list = encoded("test.v1.ListNotesResponse", "pagination { limit: 1 }");
    list.extend_from_slice(&[0x0a, u8::try_from(wire.len()).unwrap()]);
    list.extend(wire);
    let route = find("GET", "/api/v1/notes").route;
    let reply = transcoder().reply(route, &list, &META, None).unwrap();
    assert!(
        String::from_utf8(reply.body)
            .unwrap()
            .contains(r#""metadata":{"a":1}"#)
    );
}

#[test]
fn tr_12_items_are_data_and_the_rest_is_lifted() {
    let text = "items { id: 'n' } pagination { page: 2 limit: 20 total: 21 } unread_count: 3 partial: 'stats'";
    let pagination = r#"{"page":2,"limit":20,"total":21,"nextCursor":null}"#;
    assert_eq!(
        body("GET", "/api/v1/notes", text),
        format!(
            r#"{{"success":true,"data":[{NOTE}],"pagination":{pagination},{TAIL},"unreadCount":3,"partial":["stats"]}}}}"#
        )
    );
    let reply = replied("GET", "/api/v1/notes", text).unwrap();
    assert_eq!(
        reply.page,
        Some(Page {
            page: Some(2),
            limit: Some(20),
            total: Some(21)
        })
    );
    assert!(reply.partial);
}

#[test]
fn tr_12_an_empty_list_is_an_empty_array() {
    let body = body("GET", "/api/v1/notes", "pagination { limit: 20 }");
    assert!(body.starts_with(r#"{"success":true,"data":[],"pagination":{"page":null,"limit":20,"total":null,"nextCursor":null},"#));
    assert!(body.ends_with(r#","unreadCount":0,"partial":[]}}"#));
}

#[test]
fn tr_12_items_without_pagination_are_a_bare_array_and_groups_take_their_place() {
    let bare = body(
        "GET",
        "/api/v1/notes/search",
        "items { id: 'n' } took_ms: 4",
    );
    assert_eq!(
        bare,
        format!(r#"{{"success":true,"data":[{NOTE}],{TAIL},"tookMs":4}}}}"#)
    );
    let grouped = body(
        "GET",
        "/api/v1/notes/search",
        "items { id: 'n' } groups { key: 'a' value { id: 'x' } }",
    );
    assert!(
        grouped.starts_with(r#"{"success":true,"data":{"a":{"id":"x","displayName":""}},"meta":"#),
        "{grouped}"
    );
    assert!(!grouped.contains("groups") && !grouped.contains("items"));
}

#[test]
fn fl_4_only_the_fields_asked_for_are_printed_with_the_id() {
    let text =
        "items { id: 'n' title: 'T' tags: 'a' author { id: 'x' } } items { id: 'm' tags: 'b' }";
    let list = body("GET", "/api/v1/notes?fields=title,author", text);
    let expected = r#"[{"id":"n","title":"T","author":{"id":"x","displayName":""}},{"id":"m","title":"","author":null}]"#;
    assert!(list.contains(&format!("\"data\":{expected}")), "{list}");
    assert!(list.contains("unreadCount"), "only items are cut");
    let single = body(
        "GET",
        "/api/v1/notes/n?fields=tags",
        "id: 'n' title: 'T' tags: ['a', 'b']",
    );
    assert!(
        single.contains(r#""data":{"id":"n","tags":["a","b"]}"#),
        "{single}"
    );
}

#[test]
fn tr_13_raw_replies_pass_as_they_are() {
    let reply = replied("GET", "/files/x", "content_type: 'text/csv' data: 'a,b\\n'").unwrap();
    assert_eq!(
        (reply.body.as_slice(), reply.raw_content_type.as_deref()),
        (&b"a,b\n"[..], Some("text/csv"))
    );
    assert_eq!(reply.tagged()[0], b"a,b\n");
}

#[test]
fn response_body_prints_one_field_as_data() {
    assert_eq!(
        body("GET", "/api/v1/notes/n/title", "title: 'T'"),
        format!(r#"{{"success":true,"data":"T",{TAIL}}}}}"#)
    );
    let author = body(
        "GET",
        "/api/v1/notes/n/author?fields=displayName",
        "author { id: 'x' display_name: 'A' }",
    );
    assert!(
        author.contains(r#""data":{"id":"x","displayName":"A"},"#),
        "{author}"
    );
    assert!(body("GET", "/api/v1/notes/n/author", "").contains(r#""data":null,"#));
}

#[test]
fn cq_1_version_and_id_are_read_from_single_resources() {
    let reply = replied("GET", "/api/v1/notes/n", "id: 'n' version: 7").unwrap();
    assert_eq!((reply.version, reply.id.as_deref()), (Some(7), Some("n")));
    let none = replied("DELETE", "/api/v1/notes/n", "").unwrap();
    assert_eq!((none.version, none.id), (None, None));
}

#[test]
fn k_4_the_tagged_parts_leave_timestamp_and_request_id_out() {
    let text = "items { id: 'n' } pagination { limit: 20 } unread_count: 3";
    let reply = replied("GET", "/api/v1/notes", text).unwrap();
    let tagged = reply
        .tagged()
        .map(|part| std::str::from_utf8(part).unwrap());
    assert_eq!(tagged[0], format!("[{NOTE}]"));
    assert_eq!(
        tagged[1],
        r#"{"page":null,"limit":20,"total":null,"nextCursor":null}"#
    );
    assert_eq!(tagged[2], r#","unreadCount":3,"partial":[]"#);
    assert!(!reply.partial);
}

/// What is kept of a reply printed under other words, under these.
fn sent_again(found: &Match<'_>, wire: &[u8], meta: &ReplyMeta<'_>) -> (Vec<u8>, usize) {
    let first = ReplyMeta {
        request_id: "somebody \"else's\"",
        timestamp: "1999-12-31T23:59:59.999Z",
        stale: !meta.stale,
    };
    let printed = transcoder().reply(found.route, wire, &first, None).unwrap();
    let kept = Kept::from(printed);
    (kept.body(meta).concat(), kept.size())
}

#[test]
fn gw_18_what_is_kept_of_a_reply_is_all_but_what_meta_says_of_it_alone() {
    let list = "items { id: 'n' } pagination { limit: 20 } unread_count: 3 partial: 'stats'";
    let stale = ReplyMeta {
        stale: true,
        ..META
    };
    for (path, text) in [
        ("/api/v1/notes/n", "id: 'n' title: '\"meta\":{' version: 7"),
        ("/api/v1/notes", list),
        ("/api/v1/notes", ""),
        ("/api/v1/notes/search", "items { id: 'n' } took_ms: 4"),
        ("/api/v1/notes/n/title", "title: 'T'"),
        ("/api/v1/notes/n/author", ""),
        ("/files/x", "content_type: 'text/csv' data: 'a,b\\n'"),
        ("/files/x", "content_type: 'text/csv'"),
    ] {
        let found = find("GET", path);
        let wire = encoded(&found.route.output, text);
        for meta in [META, stale] {
            let at_once = transcoder().reply(found.route, &wire, &meta, None).unwrap();
            let (again, size) = sent_again(&found, &wire, &meta);
            assert!(again == at_once.body, "{path} {text}");
            let enveloped = at_once.raw_content_type.is_none();
            assert_eq!(size < again.len(), enveloped, "{path} {text}");
        }
    }
}

#[test]
fn a_match_says_where_its_route_is() {
    for path in ["/api/v1/notes", "/api/v1/notes/n", "/files/x"] {
        let found = find("GET", path);
        let route = &transcoder().routes()[found.place];
        assert_eq!(
            (&route.rpc, &route.template),
            (&found.route.rpc, &found.route.template)
        );
    }
}

#[test]
fn a_reply_that_does_not_decode_is_a_failure() {
    let found = find("GET", "/api/v1/notes/n");
    for wire in [&b"\x0a\x05ab"[..], b"\x0a\x01\xff", b"\xff", b"\x0b"] {
        assert!(
            matches!(
                transcoder().reply(found.route, wire, &META, None),
                Err(Error::Wire(_))
            ),
            "{wire:?}"
        );
    }
}

#[test]
fn split_and_repeated_fields_print_merged() {
    let found = find("GET", "/api/v1/notes");
    let mut wire = encoded(&found.route.output, "unread_count: 1 items { id: 'a' }");
    wire.extend(encoded(
        &found.route.output,
        "unread_count: 2 items { id: 'b' } pagination { limit: 5 }",
    ));
    wire.extend(encoded(&found.route.output, "pagination { page: 1 }"));
    let reply = transcoder().reply(found.route, &wire, &META, None).unwrap();
    let body = String::from_utf8(reply.body).unwrap();
    assert!(
        body.contains(r#""id":"a""#)
            && body.contains(r#""id":"b""#)
            && body.contains(r#""unreadCount":2"#)
    );
    assert!(
        body.contains(r#""pagination":{"page":1,"limit":5,"#),
        "{body}"
    );
}

fn item(target: &str, text: &str) -> Item {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let found = find("GET", path);
    let decoded = transcoder().request(&found, query, b"").unwrap();
    let message = encoded(&found.route.output, text);
    transcoder()
        .items(found.route, decoded.fields)
        .print(&message)
        .unwrap()
}

#[test]
fn st_2_an_item_of_a_stream_is_its_bare_message() {
    let item = item(
        "/api/v1/notes/stream",
        "cursor: 'c-1' event: 'note:new' items: 'a'",
    );
    assert_eq!(
        String::from_utf8(item.json).unwrap(),
        r#"{"cursor":"c-1","event":"note:new","note":null,"items":["a"]}"#
    );
}

#[test]
fn st_3_the_cursor_of_an_item_is_read_and_an_empty_one_is_none() {
    let cursor = |text| item("/api/v1/notes/stream", text).cursor;
    assert_eq!(cursor("cursor: 'c-1'").as_deref(), Some("c-1"));
    assert_eq!(cursor("event: 'resync'"), None);
}

#[test]
fn fl_4_fields_of_a_stream_name_fields_of_its_items() {
    let item = item(
        "/api/v1/notes/stream?fields=event",
        "cursor: 'c-1' event: 'e'",
    );
    assert_eq!(String::from_utf8(item.json).unwrap(), r#"{"event":"e"}"#);
    assert_eq!(item.cursor.as_deref(), Some("c-1"));
}

#[test]
fn an_item_that_does_not_decode_is_an_error() {
    let found = find("GET", "/api/v1/notes/stream");
    let refused = transcoder().items(found.route, None).print(b"\x0a\x05ab");
    assert!(matches!(refused, Err(Error::Wire(_))));
}
