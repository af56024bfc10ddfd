//! Entity tags and the two conditions: CQ-1, CQ-2, CQ-4, K-4, RFC 9110 §13.

use contracts::common::v1::Message as Said;
use contracts::feed::v1::{ListFeedResponse, Post, PostCard};
use fault::{Fault, Reason};

use crate::house::{House, Reply};
use crate::script::Answer;

const ID: &str = "018f0000-0000-7000-8000-000000000001";
const POST: &str = "/api/v1/posts/018f0000-0000-7000-8000-000000000001";

fn post(content: &str, version: i32) -> Post {
    Post {
        id: ID.to_owned(),
        content: content.to_owned(),
        metadata: "{}".to_owned(),
        version,
        ..Post::default()
    }
}

/// A feed whose only post is this one, with as many views as it was asked for.
async fn house_of(content: &'static str, version: i32) -> House {
    let house = House::open(|_| {}).await;
    house.feed.answer(move |call| {
        Ok(match call.rpc.as_str() {
            "DeletePost" | "UnlikePost" => Answer::new(&Said::default()),
            _ => Answer::new(&post(content, version)),
        })
    });
    house
}

fn tag(reply: &Reply) -> &str {
    reply.header("etag").unwrap_or_else(|| panic!("{reply:?}"))
}

fn bearer(house: &House) -> String {
    format!("Bearer {}", house.token(&house.rig.caller()))
}

#[tokio::test]
async fn cq_1_a_resource_is_tagged_by_version_and_content() {
    let house = house_of("one", 7).await;
    let first = house.get(POST, &[]).await;
    assert!(
        tag(&first).starts_with("\"7-") && tag(&first).len() == 2 + 2 + 16,
        "{first:?}"
    );
    let again = house.get(POST, &[]).await;
    assert_eq!(
        tag(&again),
        tag(&first),
        "neither time nor request id counts"
    );
    let head = house.send("HEAD", POST, &[], "").await;
    assert_eq!(tag(&head), tag(&first));
    house.feed.answer(|_| Ok(Answer::new(&post("two", 7))));
    let other = house.get(POST, &[]).await;
    assert!(tag(&other).starts_with("\"7-") && tag(&other) != tag(&first));
}

#[tokio::test]
async fn cq_1_anything_else_that_may_be_kept_is_tagged_0() {
    let house = House::open(|_| {}).await;
    for path in [
        "/api/v1/feed",
        "/.well-known/jwks.json",
        "/api/docs",
        "/api/docs/swagger-ui.css",
        "/api/docs/openapi.json",
    ] {
        let reply = house.get(path, &[]).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            tag(&reply).starts_with("\"0-") && tag(&reply).len() == 20,
            "{path}"
        );
        let again = house.get(path, &[("If-None-Match", tag(&reply))]).await;
        assert_eq!(again.status, 304, "{path}");
    }
    for path in ["/health", "/livez", "/readyz", "/api/v1/nothing"] {
        assert_eq!(house.get(path, &[]).await.header("etag"), None, "{path}");
    }
}

#[tokio::test]
async fn cq_1_a_known_tag_is_answered_304_without_a_body() {
    let house = house_of("one", 7).await;
    let full = house.get(POST, &[]).await;
    let tag = tag(&full);
    let weak = format!("W/{tag}");
    let list = format!("\"other\", W/\"3-x\", {tag}");
    for method in ["GET", "HEAD"] {
        for known in [tag, &weak, &list, "*"] {
            let reply = house
                .send(method, POST, &[("If-None-Match", known)], "")
                .await;
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (304, ""),
                "{method} {known}"
            );
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(
                    reply.header(name),
                    full.header(name),
                    "{method} {known} {name}"
                );
            }
            for name in ["content-type", "content-length", "transfer-encoding"] {
                assert_eq!(reply.header(name), None, "{method} {known} {name}");
            }
            for name in ["date", "x-request-id", "x-ratelimit-remaining"] {
                assert!(reply.header(name).is_some(), "{method} {known} {name}");
            }
        }
    }
    for unknown in ["\"7-0000000000000000\"", "7", tag.trim_matches('"'), ""] {
        let reply = house.get(POST, &[("If-None-Match", unknown)]).await;
        assert_eq!(reply.status, 200, "{unknown:?}");
    }
    house.feed.answer(|_| Err(Fault::of(Reason::NotFound)));
    let missing = house.get(POST, &[("If-None-Match", "*")]).await;
    assert_eq!(
        missing.status, 404,
        "only what would be a 200 becomes a 304"
    );
}

#[tokio::test]
async fn cq_1_a_page_of_the_door_keeps_its_policy_when_it_is_revalidated() {
    let house = House::open(|_| {}).await;
    let page = house.get("/api/docs", &[]).await;
    let known = house
        .get("/api/docs", &[("If-None-Match", tag(&page))])
        .await;
    assert_eq!(known.status, 304);
    let policy = "content-security-policy";
    assert_eq!(known.header(policy), page.header(policy));
}

#[tokio::test]
async fn cq_4_a_reply_to_a_token_has_a_tag_and_is_kept_by_nobody() {
    let house = house_of("one", 7).await;
    let token = bearer(&house);
    let mine = house.get(POST, &[("Authorization", &token)]).await;
    assert_eq!(mine.header("cache-control"), Some("private, no-store"));
    assert!(mine.header("vary").unwrap().contains("Authorization"));
    let headers = [("Authorization", &*token), ("If-None-Match", tag(&mine))];
    let known = house.get(POST, &headers).await;
    assert_eq!(known.status, 304);
    assert_eq!(known.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn k_4_a_list_is_tagged_by_items_pages_and_lifted_facts() {
    let house = House::open(|_| {}).await;
    let item = PostCard {
        id: ID.to_owned(),
        metadata: "{}".to_owned(),
        ..PostCard::default()
    };
    let mut tags = Vec::new();
    for (items, total) in [(vec![], 0), (vec![item.clone()], 1), (vec![item], 2)] {
        house.feed.answer(move |_| {
            let pagination = contracts::common::v1::Pagination {
                total: Some(total),
                ..Default::default()
            };
            Ok(Answer::new(&ListFeedResponse {
                items: items.clone(),
                pagination: Some(pagination),
                ..Default::default()
            }))
        });
        // Each time another path, so that no reply kept for another stands in for it.
        let reply = house
            .get(&format!("/api/v1/feed?limit={}", 10 + total), &[])
            .await;
        tags.push(tag(&reply).to_owned());
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");
}

#[tokio::test]
async fn cq_1_what_was_made_or_changed_comes_with_its_new_tag() {
    let house = house_of("one", 8).await;
    let token = bearer(&house);
    let headers = [("Authorization", &*token)];
    let body = "{\"content\":\"one\"}";
    for (method, path, body, status, tagged) in [
        ("PUT", POST, body, 200, true),
        ("PATCH", POST, body, 200, true),
        (
            "POST",
            "/api/v1/posts",
            "{\"type\":\"general\",\"content\":\"one\"}",
            201,
            true,
        ),
        ("DELETE", POST, "", 200, false),
    ] {
        let reply = house.send(method, path, &headers, body).await;
        assert_eq!(reply.status, status, "{method}: {reply:?}");
        let etag = reply.header("etag");
        assert_eq!(
            etag.is_some_and(|tag| tag.starts_with("\"8-")),
            tagged,
            "{method}"
        );
    }
}

#[tokio::test]
async fn k_4_only_the_version_travels_to_the_service() {
    let house = house_of("one", 7).await;
    let token = bearer(&house);
    for (given, sent) in [
        (vec!["\"7-0123456789abcdef\""], Some("7")),
        (
            vec!["\"7-0123456789abcdef\", \"9-0123456789abcdef\""],
            Some("7,9"),
        ),
        (
            vec!["\"7-0123456789abcdef\"", "\"9-0123456789abcdef\""],
            Some("7,9"),
        ),
        (vec!["*"], Some("*")),
        (vec!["\"0-0123456789abcdef\""], Some("0")),
        (vec!["W/\"7-0123456789abcdef\""], Some("0")),
        (vec![], None),
    ] {
        let mut headers = vec![("Authorization", &*token)];
        headers.extend(given.iter().map(|value| ("If-Match", *value)));
        for (method, rpc, body) in [
            ("PUT", "UpdatePost", "{\"content\":\"one\"}"),
            ("PATCH", "UpdatePost", "{\"content\":\"one\"}"),
            ("DELETE", "DeletePost", ""),
        ] {
            let reply = house.send(method, POST, &headers, body).await;
            assert_eq!(reply.status, 200, "{method} {given:?}: {reply:?}");
            let calls = house.feed.calls(rpc);
            let seen = calls.last().unwrap().metadata.get("if-match");
            assert_eq!(
                seen.map(|value| value.to_str().unwrap()),
                sent,
                "{method} {given:?}"
            );
        }
    }
}

#[tokio::test]
async fn cq_2_another_version_is_412_with_the_error_body() {
    let house = house_of("one", 7).await;
    house
        .feed
        .answer(|_| Err(Fault::of(Reason::PreconditionFailed)));
    let token = bearer(&house);
    let headers = [
        ("Authorization", &*token),
        ("If-Match", "\"6-0123456789abcdef\""),
    ];
    let reply = house
        .send("PUT", POST, &headers, "{\"content\":\"x\"}")
        .await;
    assert_eq!(reply.status, 412);
    assert_eq!(reply.json()["error"]["code"], "PRECONDITION_FAILED");
    assert_eq!(reply.json()["statusCode"], 412);
}

#[tokio::test]
async fn cq_2_a_malformed_condition_is_400_by_its_name_and_changes_nothing() {
    let house = house_of("one", 7).await;
    let token = bearer(&house);
    for malformed in [
        "7",
        "7-0123456789abcdef",
        "\"7",
        "",
        "*, \"7-a\"",
        "\"a\" \"b\"",
    ] {
        let headers = [("Authorization", &*token), ("If-Match", malformed)];
        let reply = house.send("DELETE", POST, &headers, "").await;
        assert_eq!(reply.status, 400, "{malformed:?}");
        assert_eq!(reply.json()["error"]["details"][0]["field"], "If-Match");
    }
    assert!(house.feed.calls("DeletePost").is_empty());
}

#[tokio::test]
async fn cq_2_where_no_version_is_compared_a_named_one_is_412() {
    let house = house_of("one", 7).await;
    let token = bearer(&house);
    let like = format!("{POST}/like");
    for (condition, status, calls) in [("\"7-0123456789abcdef\"", 412, 0), ("*", 200, 1)] {
        let headers = [("Authorization", &*token), ("If-Match", condition)];
        let reply = house.send("DELETE", &like, &headers, "").await;
        assert_eq!(reply.status, status, "{condition}");
        assert_eq!(house.feed.calls("UnlikePost").len(), calls, "{condition}");
    }
    // A POST and a GET change nothing that has a version.
    let headers = [
        ("Authorization", &*token),
        ("If-Match", "\"1-0123456789abcdef\""),
    ];
    assert_eq!(house.get(POST, &headers).await.status, 200);
    assert_eq!(house.send("POST", &like, &headers, "{}").await.status, 200);
    let call = &house.feed.calls("LikePost")[0];
    assert!(!call.metadata.contains_key("if-match"));
}
