//! What holds for every kind of reply and in every protocol: the headers of requests and replies (HD-1..HD-3, GW-12, K-5).

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::feed::v1::{GetPostRequest, ListFeedRequest, Post};
use http::HeaderMap;

use crate::house::{House, without_limits};
use crate::rpc::{WIRES, frame};
use crate::script::Answer;

const ID: &str = "018f0000-0000-7000-8000-000000000001";
const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const LIKE_POST: &str = "/smilefactory.feed.v1.FeedService/LikePost";
const STREAM_FEED: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const GET_POST: &str = "/smilefactory.feed.v1.FeedService/GetPost";

const REQUEST_ID: (&str, &str) = ("X-Request-Id", "everywhere-the-same");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SECURITY: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
];
const STANDING: [&str; 4] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-policy",
];

/// Returns what is missing among the headers of a reply to a request with [`REQUEST_ID`].
fn missing(header: impl Fn(&str) -> Option<String>, counted: bool) -> Vec<String> {
    let mut missing = Vec::new();
    let mut is = |name: &str, right: bool| {
        if !right {
            missing.push(format!("{name}: {:?}", header(name)));
        }
    };
    is(
        "x-request-id",
        header("x-request-id").as_deref() == Some(REQUEST_ID.1),
    );
    for (name, value) in SECURITY {
        is(name, header(name).as_deref() == Some(value));
    }
    let policy = header("content-security-policy").unwrap_or_default();
    let closed =
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'");
    is("content-security-policy", closed);
    let vary = header("vary").unwrap_or_default();
    is("vary", vary.ends_with("Accept, Accept-Encoding, Origin"));
    is("cache-control", header("cache-control").is_some());
    for name in STANDING {
        is(name, header(name).is_some() == counted);
    }
    missing
}

#[tokio::test]
async fn hd_2_hd_3_gw_12_every_kind_of_reply_has_the_headers_of_every_reply() {
    let house = House::open(|_| {}).await;
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let tag = house.get("/api/v1/feed", &[]).await;
    let tag = tag.header("etag").unwrap().to_owned();
    let token = ("Authorization", bearer.as_str());
    let array = ("Accept", "application/json");
    let preflight = ("Access-Control-Request-Method", "POST");
    let post = format!("/api/v1/posts/{ID}");
    let one = "/api/v1/feed/stream?maxItems=1&waitSeconds=1";
    for (method, path, headers, status, counted) in [
        ("GET", "/api/v1/feed", vec![], 200, true),
        ("GET", "/api/v1/feed", vec![token], 200, true),
        (
            "GET",
            "/api/v1/feed",
            vec![("If-None-Match", tag.as_str())],
            304,
            true,
        ),
        ("HEAD", "/api/v1/feed", vec![], 200, true),
        (
            "HEAD",
            "/api/v1/feed",
            vec![("If-None-Match", tag.as_str())],
            304,
            true,
        ),
        (
            "GET",
            post.as_str(),
            vec![("Accept", "text/html")],
            406,
            true,
        ),
        ("GET", "/api/v1/feed?limit=many", vec![], 400, true),
        ("GET", "/api/v1/auth/me", vec![], 401, true),
        ("GET", "/api/v1/auth/me", vec![token], 501, true),
        ("GET", "/api/v1/profiles", vec![token], 503, true),
        ("GET", "/nothing", vec![], 404, true),
        ("HEAD", "/nothing", vec![], 404, true),
        ("PATCH", "/api/v1/feed", vec![], 405, true),
        ("OPTIONS", "/api/v1/feed", vec![], 200, true),
        ("GET", one, vec![token, array], 200, true),
        ("GET", "/.well-known/jwks.json", vec![], 200, true),
        ("GET", "/api/docs", vec![], 200, true),
        ("GET", "/api/docs/openapi.json", vec![], 200, true),
        ("GET", "/dev/inbox", vec![], 200, true),
        ("GET", "/dev/inbox.json", vec![], 200, true),
        // Probes and preflights are not counted (HD-4).
        ("GET", "/livez", vec![], 200, false),
        ("HEAD", "/readyz", vec![], 200, false),
        ("GET", "/health", vec![], 503, false),
        ("OPTIONS", "/api/v1/feed", vec![preflight], 200, false),
    ] {
        let headers = [&headers[..], &[REQUEST_ID]].concat();
        let reply = house.send(method, path, &headers, "").await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        let missing = missing(|name| reply.header(name).map(str::to_owned), counted);
        assert!(missing.is_empty(), "{method} {path} {status}: {missing:?}");
    }
    for wire in WIRES {
        for (path, more) in [(LIST_FEED, vec![]), (LIKE_POST, vec![]), ("/a.B/C", vec![])] {
            let metadata = [&more[..], &[REQUEST_ID]].concat();
            let outcome = house
                .call(wire, path, &metadata, &ListFeedRequest::default())
                .await;
            let missing = missing(|name| outcome.header(name).map(str::to_owned), true);
            assert!(missing.is_empty(), "{path} over {wire:?}: {missing:?}");
        }
    }
}

#[tokio::test]
async fn hd_1_gw_12_id_trace_and_time_of_a_request_mean_the_same_over_every_protocol() {
    let house = House::open(without_limits).await;
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let token = ("Authorization", bearer.as_str());
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [
        REQUEST_ID,
        ("traceparent", parent.as_str()),
        ("X-Request-Timeout", "700"),
    ];
    // What readers without a token share has the route's own time.
    house
        .get("/api/v1/feed", &[&headers[..], &[token]].concat())
        .await;
    for wire in WIRES {
        house
            .call(wire, LIST_FEED, &headers, &ListFeedRequest::default())
            .await;
    }
    let calls = house.feed.calls("ListFeed");
    assert_eq!(calls.len(), 1 + WIRES.len());
    let mut spans = BTreeSet::new();
    for call in calls.iter().map(|call| &call.ctx) {
        assert_eq!(call.request_id(), REQUEST_ID.1);
        let trace = call.trace().unwrap().to_owned();
        assert!(trace.starts_with(&format!("00-{TRACE}-")), "{trace}");
        assert!(trace.ends_with("-01"), "{trace}: the sampling flag is kept");
        assert!(
            !trace.contains("b7ad6b7169203331"),
            "{trace}: a span of its own"
        );
        spans.insert(trace);
        assert!(call.remaining() <= Duration::from_millis(700));
    }
    assert_eq!(
        spans.len(),
        1 + WIRES.len(),
        "each request has a span of its own"
    );

    // However much time is asked for, the route's is the most; and a time is one number.
    let longest = contracts::rpc(LIST_FEED).unwrap().deadline;
    let post = GetPostRequest { id: ID.to_owned() };
    let patient = [("X-Request-Timeout", "30000")];
    house.feed.take();
    house.get(&format!("/api/v1/posts/{ID}"), &patient).await;
    for wire in WIRES {
        house.call(wire, GET_POST, &patient, &post).await;
    }
    let calls = house.feed.take();
    assert_eq!(calls.len(), 1 + WIRES.len());
    assert!(calls.iter().all(|call| call.ctx.remaining() <= longest));
    let twice = [patient[0], ("X-Request-Timeout", "100")];
    for bad in [&[("X-Request-Timeout", "+100")][..], &twice] {
        let reply = house.get("/api/v1/feed", bad).await;
        assert_eq!(reply.code(), "VALIDATION_ERROR", "{bad:?}");
        for wire in WIRES {
            for path in [LIST_FEED, STREAM_FEED] {
                let metadata = [bad, &[token]].concat();
                let refused = house.call_framed(wire, path, &metadata, frame(&[])).await;
                let fault = refused.fault();
                assert_eq!(fault.get_violations()[0].field, "X-Request-Timeout");
            }
        }
    }
    assert!(house.feed.take().is_empty());
}

#[tokio::test]
async fn hd_1_an_odd_traceparent_begins_a_trace_and_harms_nobody() {
    let house = House::open(without_limits).await;
    for odd in [
        "",
        "00",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01",
    ] {
        let reply = house.get("/api/v1/feed", &[("traceparent", odd)]).await;
        assert_eq!(reply.status, 200, "{odd}");
    }
    for call in house.feed.calls("ListFeed") {
        let trace = call.ctx.trace().unwrap().to_owned();
        let parts: Vec<&str> = trace.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [2, 32, 16, 2]
        );
        assert_ne!(parts[1], TRACE, "{trace}");
        assert_ne!(parts[1], "0".repeat(32), "{trace}");
    }
}

#[tokio::test]
async fn k_5_gw_28_of_what_a_service_says_beside_its_message_only_the_list_leaves() {
    const INSIDE: [(&str, &str); 13] = [
        ("x-sf-status", "418"),
        ("x-sf-identity", "secret"),
        ("x-sf-anything", "secret"),
        ("set-cookie", "session=1"),
        ("server", "inside"),
        ("x-powered-by", "inside"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("x-request-id", "another-request"),
        ("x-ratelimit-limit", "1"),
        ("x-total-count", "7"),
        ("warning", "110 inside"),
        ("x-debug-bin", "c2VjcmV0"),
    ];
    let house = House::open(without_limits).await;
    house.feed.answer(|_| {
        let post = Post {
            id: ID.to_owned(),
            metadata: "{}".to_owned(),
            ..Post::default()
        };
        let allowed = [
            ("cache-control", "public, max-age=7"),
            ("content-disposition", "attachment"),
            ("location", "/api/v1/posts/there"),
            ("idempotency-replayed", "true"),
        ];
        let all = INSIDE.into_iter().chain(allowed);
        Ok(all.fold(Answer::new(&post), |answer, (name, value)| {
            answer.with(name, value)
        }))
    });
    let path = format!("/api/v1/posts/{ID}");
    let bare = house.get("/livez", &[]).await;
    let reply = house.get(&path, &[REQUEST_ID]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    for (name, _) in INSIDE
        .into_iter()
        .filter(|(name, _)| *name != "x-request-id")
    {
        assert!(
            reply.header(name).is_none() || name.starts_with("x-ratelimit"),
            "{name}: {bare:?} {reply:?}"
        );
    }
    assert_ne!(reply.header("x-ratelimit-limit"), Some("1"));
    assert_eq!(reply.header("x-request-id"), Some(REQUEST_ID.1));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=7"));
    assert_eq!(reply.header("content-disposition"), Some("attachment"));
    assert_eq!(reply.header("location"), Some("/api/v1/posts/there"));
    assert_eq!(reply.header("idempotency-replayed"), Some("true"));
    let post = GetPostRequest { id: ID.to_owned() };
    for wire in WIRES {
        let outcome = house.call(wire, GET_POST, &[REQUEST_ID], &post).await;
        outcome.message::<Post>();
        assert_eq!(outcome.header("x-request-id"), Some(REQUEST_ID.1));
        assert_eq!(outcome.header("idempotency-replayed"), Some("true"));
        let said = |headers: &HeaderMap| format!("{headers:?}");
        let said = said(&outcome.headers) + &said(&outcome.trailers);
        for inside in [
            "x-sf-",
            "secret",
            "inside",
            "cookie",
            "evil",
            "another-request",
            "debug",
        ] {
            assert!(!said.contains(inside), "{inside} over {wire:?}: {said}");
        }
    }
}
