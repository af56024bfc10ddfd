//! What is sent: the three forms, their choice, resuming, heartbeats, and what is refused before anything is sent.

use std::time::Duration;

use fault::{Fault, Reason};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{ARRAY, EVENTS, LINES, PATH, Reader, Source, asked, json};
use crate::house::House;
use crate::script::Answer;

#[tokio::test]
async fn st_1_st_3_events_have_their_cursor_as_id_and_the_item_as_data() {
    let house = House::open(|_| {}).await;
    let source = Source::of(&house);
    source.send("c-1");
    let (head, mut reader) = Reader::open(&house, PATH, EVENTS).await;
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some(EVENTS))
    );
    assert_eq!(head.header("cache-control"), Some("private, no-store"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert!(head.header("x-request-id").is_some() && head.header("content-length").is_none());
    assert!(head.header("x-ratelimit-limit").is_some());
    let expected = |cursor: &str| format!("id: {cursor}\ndata: {}\n\n", json(cursor));
    assert_eq!(reader.chunk().await, Ok(Some(expected("c-1"))));
    source.send("c-2");
    assert_eq!(reader.chunk().await, Ok(Some(expected("c-2"))));
    drop(source);
    assert_eq!(
        reader.chunk().await,
        Ok(None),
        "what the service ends is complete"
    );
}

#[tokio::test]
async fn st_1_lines_are_one_item_each() {
    let house = House::open(|_| {}).await;
    let source = Source::of(&house);
    let (head, mut reader) = Reader::open(&house, PATH, LINES).await;
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some(LINES))
    );
    for cursor in ["a", "b"] {
        source.send(cursor);
        assert_eq!(reader.chunk().await, Ok(Some(json(cursor) + "\n")));
    }
    drop(source);
    assert_eq!(reader.rest().await, (String::new(), Ok(())));
}

#[tokio::test]
async fn st_4_an_array_ends_after_its_items_and_the_call_with_it() {
    let house = House::open(|_| {}).await;
    for accept in [ARRAY, "*/*"] {
        let source = Source::of(&house);
        for cursor in ["a", "b", "c"] {
            source.send(cursor);
        }
        let target = format!("{PATH}?maxItems=2&waitSeconds=60");
        let (head, mut reader) = Reader::open(&house, &target, accept).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some(ARRAY))
        );
        let (body, end) = reader.rest().await;
        assert_eq!(
            (body, end),
            (format!("[{},{}]", json("a"), json("b")), Ok(()))
        );
        source.dropped().await;
    }
}

#[tokio::test]
async fn st_4_an_array_ends_after_its_time_and_may_be_empty() {
    let house = House::open(|_| {}).await;
    let source = Source::of(&house);
    let began = std::time::Instant::now();
    let (_, mut reader) = Reader::open(&house, &format!("{PATH}?waitSeconds=1"), ARRAY).await;
    assert_eq!(reader.rest().await, ("[]".to_owned(), Ok(())));
    assert!(began.elapsed() >= Duration::from_secs(1));
    source.dropped().await;
    // The connection is whole: the next poll uses it.
    let source = Source::of(&house);
    source.send("a");
    drop(source);
    let token = house.token(&house.rig.caller());
    let next = format!("{PATH}?max_items=1000");
    assert_eq!(reader.ask(&next, &[], &token).await.status, 200);
    assert_eq!(reader.rest().await, (format!("[{}]", json("a")), Ok(())));
}

#[tokio::test]
async fn st_1_another_form_is_406() {
    let house = House::open(|_| {}).await;
    for accept in ["text/html", "application/json;q=0", "text/plain, image/*"] {
        let token = format!("Bearer {}", house.token(&house.rig.caller()));
        let headers = [("Accept", accept), ("Authorization", token.as_str())];
        let refused = house.get(PATH, &headers).await;
        assert_eq!(
            (refused.status, refused.code()),
            (406, "NOT_ACCEPTABLE".to_owned())
        );
    }
    assert!(house.feed.calls("StreamFeed").is_empty());
}

#[tokio::test]
async fn st_4_cv_7_bounds_out_of_range_or_of_another_form_are_400_by_name() {
    let house = House::open(|_| {}).await;
    let rows = [
        (
            ARRAY,
            "maxItems=0&waitSeconds=61",
            vec!["maxItems", "waitSeconds"],
        ),
        (ARRAY, "maxItems=1001&typ=a", vec!["maxItems", "typ"]),
        (ARRAY, "waitSeconds=1&waitSeconds=2", vec!["waitSeconds"]),
        (EVENTS, "maxItems=5", vec!["maxItems"]),
        (LINES, "waitSeconds=5", vec!["waitSeconds"]),
        (EVENTS, "nothing=5", vec!["nothing"]),
    ];
    for (accept, query, names) in rows {
        let token = format!("Bearer {}", house.token(&house.rig.caller()));
        let headers = [("Accept", accept), ("Authorization", token.as_str())];
        let refused = house.get(&format!("{PATH}?{query}"), &headers).await;
        assert_eq!(refused.code(), "VALIDATION_ERROR", "{query}");
        let details = refused.json()["error"]["details"].clone();
        let details = details.as_array().unwrap().iter();
        let named: Vec<&str> = details.map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(named, names, "{query}");
    }
    assert!(house.feed.calls("StreamFeed").is_empty());
}

#[tokio::test]
async fn st_3_every_form_goes_on_after_a_cursor_and_events_after_the_last_event_id() {
    let house = House::open(|_| {}).await;
    let after = async |target: &str, accept: &str, last: Option<&str>| {
        let _source = Source::of(&house);
        let mut headers = vec![("Accept", accept)];
        headers.extend(last.map(|last| ("Last-Event-ID", last)));
        let token = house.token(&house.rig.caller());
        let (head, _) = Reader::open_with(&house, target, &headers, &token).await;
        assert_eq!(head.status, 200);
        asked(&house).1
    };
    let from = format!("{PATH}?after=c-1&type=general");
    for accept in [EVENTS, LINES, ARRAY] {
        assert_eq!(after(&from, accept, None).await.after, "c-1");
    }
    let both = after(&from, EVENTS, Some("c+/=2 é")).await;
    assert_eq!(
        both.after, "c+/=2 é",
        "what came last goes before what the query began with"
    );
    assert_ne!(both.r#type, 0, "the rest of the query stays");
    assert_eq!(after(PATH, EVENTS, Some("c-3")).await.after, "c-3");
    assert_eq!(after(&from, EVENTS, Some("")).await.after, "c-1");
    assert_eq!(after(&from, LINES, Some("c-2")).await.after, "c-1");
    assert_eq!(after(PATH, EVENTS, None).await.after, "");
}

#[tokio::test]
async fn st_4_a_silent_stream_says_that_it_is_alive() {
    let house = House::open(|config| config.limits.stream_heartbeat_ms = 40).await;
    for (accept, heartbeat) in [(EVENTS, ":\n\n"), (LINES, "\n"), (ARRAY, "\n")] {
        let source = Source::of(&house);
        let (_, mut reader) = Reader::open(&house, PATH, accept).await;
        if accept == ARRAY {
            assert_eq!(reader.chunk().await, Ok(Some("[".to_owned())));
        }
        for _ in 0..3 {
            assert_eq!(reader.chunk().await, Ok(Some(heartbeat.to_owned())));
        }
        source.send("a");
        let chunk = reader.next().await.unwrap().unwrap();
        assert!(chunk.contains(&json("a")), "{chunk}");
        drop(source);
        let (rest, end) = reader.rest().await;
        assert_eq!(
            (rest.trim_start_matches(heartbeat).len(), end),
            (usize::from(accept == ARRAY), Ok(()))
        );
    }
}

#[tokio::test]
async fn st_2_an_error_before_the_first_item_is_a_plain_refusal() {
    let house = House::open(|_| {}).await;
    for accept in [EVENTS, LINES, ARRAY] {
        let token = format!("Bearer {}", house.token(&house.rig.caller()));
        let headers = [("Accept", accept), ("Authorization", token.as_str())];
        house.feed.answer(|_| Err(Fault::of(Reason::Conflict)));
        let refused = house.get(PATH, &headers).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "CONFLICT".to_owned())
        );
        // The same when the service only says so after its head.
        let source = Source::of(&house);
        source.fail(Fault::invalid("after", "is not a cursor"));
        let refused = house.get(PATH, &headers).await;
        assert_eq!(refused.code(), "VALIDATION_ERROR");
        assert_eq!(refused.json()["error"]["details"][0]["field"], "after");
    }
}

#[tokio::test]
async fn gw_2_a_stream_asks_for_its_token_like_any_route() {
    let house = House::open(|_| {}).await;
    let refused = house.get(PATH, &[("Accept", EVENTS)]).await;
    assert_eq!(
        (refused.status, refused.code()),
        (401, "UNAUTHORIZED".to_owned())
    );
    let refused = house.get(PATH, &[("Authorization", "Bearer x")]).await;
    assert_eq!(refused.status, 401);
    assert!(house.feed.calls("StreamFeed").is_empty());
}

#[tokio::test]
async fn sc_3_a_streams_deadline_is_its_tokens_and_its_opening_has_the_routes() {
    let house = House::open(|_| {}).await;
    let _source = Source::of(&house);
    let caller = house.rig.caller();
    let issued = identity::clock::unix() - 600;
    let token = house.token_of(&caller, issued);
    let (head, _reader) = Reader::open_with(&house, PATH, &[("Accept", EVENTS)], &token).await;
    assert_eq!(head.status, 200);
    let (call, _) = asked(&house);
    let left = call.ctx.remaining().as_secs();
    assert!(
        (2990..=3060).contains(&left),
        "{left} s of a token's 3000 s and leeway"
    );
    assert_eq!(call.ctx.require_caller().unwrap(), &caller);
    // A service that does not even begin is waited for as long as any.
    house
        .feed
        .answer(|_| Ok(Answer::stream(stream::pending().boxed()).after(Duration::from_secs(60))));
    let token = format!("Bearer {}", house.token(&caller));
    let headers = [
        ("Authorization", token.as_str()),
        ("X-Request-Timeout", "100"),
    ];
    assert_eq!(house.get(PATH, &headers).await.code(), "GATEWAY_TIMEOUT");
}

#[tokio::test]
async fn tr_19_head_of_a_stream_is_its_head() {
    let house = House::open(|_| {}).await;
    let source = Source::of(&house);
    let token = format!("Bearer {}", house.token(&house.rig.caller()));
    let headers = [("Accept", EVENTS), ("Authorization", token.as_str())];
    let head = house.send("HEAD", PATH, &headers, "").await;
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some(EVENTS))
    );
    assert_eq!(
        (head.header("content-length"), head.body.as_str()),
        (None, "")
    );
    source.dropped().await;
}

#[tokio::test]
async fn st_2_later_errors_are_the_last_item_and_the_connection_breaks() {
    let house = House::open(|_| {}).await;
    for accept in [EVENTS, LINES, ARRAY] {
        let source = Source::of(&house);
        source.send("a");
        let (head, mut reader) = Reader::open(&house, PATH, accept).await;
        assert_eq!(head.status, 200);
        source.fail(Fault::of(Reason::ServiceUnavailable));
        let (body, end) = reader.rest().await;
        assert!(end.is_err(), "{accept}: the connection breaks");
        let last = match accept {
            EVENTS => {
                let (_, last) = body
                    .split_once("\n\nevent: error\ndata: ")
                    .expect("an error");
                serde_json::from_str::<Value>(last.strip_suffix("\n\n").unwrap()).unwrap()
            }
            LINES => serde_json::from_str(body.lines().last().unwrap()).unwrap(),
            _ => {
                let all: Vec<Value> = serde_json::from_str(&body).expect("a whole array");
                assert_eq!(all.len(), 2);
                all[1].clone()
            }
        };
        assert_eq!(last["success"], false, "{body}");
        assert_eq!(last["error"]["code"], "SERVICE_UNAVAILABLE");
        assert_eq!(
            last["meta"]["requestId"].as_str(),
            head.header("x-request-id")
        );
    }
}

#[tokio::test]
async fn k_10_streams_are_not_compressed() {
    let house = House::open(|config| config.limits.compress_bytes = 1).await;
    for accept in [EVENTS, LINES, ARRAY] {
        let source = Source::of(&house);
        source.send("a");
        let headers = [("Accept", accept), ("Accept-Encoding", "gzip, br, zstd")];
        let token = house.token(&house.rig.caller());
        let (head, mut reader) = Reader::open_with(&house, PATH, &headers, &token).await;
        assert_eq!(head.header("content-encoding"), None, "{accept}");
        drop(source);
        assert!(reader.rest().await.0.contains(&json("a")), "{accept}");
    }
}
