//! Cross-origin requests over the wire (HD-4, GW-8, T21).

use contracts::common::v1::Pagination;
use contracts::feed::v1::ListFeedResponse;

use crate::house::{House, Reply, without_limits};
use crate::rpc::{Wire, frame};
use crate::script::Answer;

const LISTED: &str = "http://localhost:5173";

#[tokio::test]
async fn hd_4_a_preflight_is_answered_for_every_path_without_auth_or_limit() {
    let house = House::open(|config| {
        let figures = edge::Figures {
            limit: 1,
            window_seconds: 60,
            redis_down: edge::RedisDown::Open,
        };
        config.buckets.insert("ip".to_owned(), figures);
    })
    .await;
    for path in [
        "/api/v1/feed",
        "/api/v1/auth/logout",
        "/nowhere/at/all",
        "/api/v1/%zz",
        "/livez",
    ] {
        let headers = [
            ("Origin", LISTED),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "authorization"),
        ];
        let reply = house.send("OPTIONS", path, &headers, "").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(LISTED));
        assert_eq!(
            reply.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(reply.header("access-control-max-age"), Some("7200"));
        let methods = reply.header("access-control-allow-methods").unwrap();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert!(methods.contains(method));
        }
        let headers = reply
            .header("access-control-allow-headers")
            .unwrap()
            .to_lowercase();
        for header in [
            "authorization",
            "accept",
            "accept-encoding",
            "content-type",
            "content-encoding",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "last-event-id",
            "traceparent",
            "x-request-id",
            "x-request-timeout",
            "x-grpc-web",
            "x-user-agent",
            "grpc-timeout",
        ] {
            assert!(
                headers.split(", ").any(|it| it == header),
                "{header} is not allowed"
            );
        }
    }
}

/// Origins, and whether the default list holds them: it is compared byte for byte.
const ORIGINS: &[(&str, bool)] = &[
    (LISTED, true),
    ("http://localhost:8080", true),
    ("http://localhost:3000", true),
    ("http://127.0.0.1:8080", true),
    ("http://127.0.0.1:5173", true),
    ("http://127.0.0.1:3000", true),
    ("null", false),
    ("*", false),
    ("", false),
    ("http://localhost", false),
    ("http://localhost:5174", false),
    ("http://localhost:51730", false),
    ("https://localhost:5173", false),
    ("http://localhost:5173/", false),
    ("http://LOCALHOST:5173", false),
    ("HTTP://localhost:5173", false),
    ("http://localhost:5173.evil.example", false),
    ("http://evil.localhost:5173", false),
    ("http://localhost:5173@evil.example", false),
    ("http://evil.example/http://localhost:5173", false),
    ("http://localhost:5173, http://evil.example", false),
    ("http://localhost%3A5173", false),
    ("http://[::1]:5173", false),
    ("http://2130706433:5173", false),
    ("file://", false),
    ("chrome-extension://localhost:5173", false),
];

/// What a listed page may read.
const EXPOSED: [&str; 9] = [
    "X-Request-Id",
    "ETag",
    "Retry-After",
    "X-RateLimit-Policy",
    "X-Total-Count",
    "Location",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
];

#[tokio::test]
async fn t21_replies_name_the_origin_only_when_it_is_listed() {
    let house = House::open(without_limits).await;
    for (origin, listed) in ORIGINS {
        for path in ["/api/v1/feed", "/api/v1/nothing", "/api/v1/auth/me"] {
            let reply = house.get(path, &[("Origin", origin)]).await;
            let allowed = |name: &str| reply.header(&format!("access-control-{name}"));
            assert_eq!(
                allowed("allow-origin"),
                listed.then_some(*origin),
                "{origin}"
            );
            assert_eq!(
                allowed("allow-credentials"),
                listed.then_some("true"),
                "{origin}"
            );
            assert!(reply.header("vary").unwrap().contains("Origin"));
            let exposed = allowed("expose-headers").unwrap_or_default();
            for header in EXPOSED {
                assert_eq!(exposed.contains(header), *listed, "{header} for {origin}");
            }
        }
        let asked = [
            ("Origin", *origin),
            ("Access-Control-Request-Method", "DELETE"),
        ];
        let preflight = house.send("OPTIONS", "/api/v1/posts/1", &asked, "").await;
        assert_eq!(preflight.status, 200, "{origin}");
        let methods = preflight.header("access-control-allow-methods");
        assert_eq!(
            methods.is_some_and(|it| it.contains("DELETE")),
            *listed,
            "{origin}"
        );
        for wire in [Wire::Web, Wire::Text, Wire::WebOverHttp2] {
            // A success, and a refusal whose status stands in the headers.
            for rpc in ["feed.v1.FeedService/ListFeed", "auth.v1.AuthService/GetMe"] {
                let path = format!("/smilefactory.{rpc}");
                let outcome = house
                    .call_framed(wire, &path, &[("origin", origin)], frame(&[]))
                    .await;
                let allowed = outcome.header("access-control-allow-origin");
                assert_eq!(allowed, listed.then_some(*origin), "{rpc} over {wire:?}");
                let exposed = outcome.header("access-control-expose-headers");
                for header in EXPOSED {
                    let readable = exposed.is_some_and(|it| it.contains(header));
                    assert_eq!(readable, *listed, "{header} for {origin} over {wire:?}");
                }
            }
        }
    }
    let twice = house
        .get(
            "/api/v1/feed",
            &[("Origin", LISTED), ("Origin", "http://evil.example")],
        )
        .await;
    assert_eq!(twice.header("access-control-allow-origin"), None);
}

/// Headers of replies that a page of another origin reads anyway, and those it has no use for.
const NOT_EXPOSED: [&str; 15] = [
    // Safelisted (Fetch standard).
    "cache-control",
    "content-length",
    "content-type",
    // Of the connection and of the browser.
    "connection",
    "date",
    "transfer-encoding",
    "vary",
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
];

/// Returns the headers of a reply for its page, having checked that the page may read them.
#[track_caller]
fn for_pages(reply: &Reply) -> Vec<&str> {
    let exposed = reply.header("access-control-expose-headers").unwrap();
    let exposed = exposed.to_lowercase();
    let names = reply.headers.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.filter(|name| !NOT_EXPOSED.contains(name)).collect();
    for name in &names {
        assert!(
            exposed.split(", ").any(|it| it == *name),
            "{name} of {reply:?}"
        );
    }
    names
}

#[tokio::test]
async fn hd_2_hd_4_every_header_a_reply_says_something_with_is_exposed_in_every_protocol() {
    let house = House::open(|config| {
        let figures = edge::Figures {
            limit: 5,
            window_seconds: 60,
            redis_down: edge::RedisDown::Closed,
        };
        config.buckets.insert("ip".to_owned(), figures);
    })
    .await;
    house.feed.answer(|_| {
        Ok(Answer::new(&ListFeedResponse {
            pagination: Some(Pagination {
                page: Some(1),
                limit: 20,
                total: Some(0),
                ..Pagination::default()
            }),
            ..ListFeedResponse::default()
        }))
    });
    let origin = ("Origin", LISTED);
    let coded = ("Content-Encoding", "deflate");
    let web = ("Content-Type", "application/grpc-web-text+proto");
    let call = "/smilefactory.feed.v1.FeedService/ListFeed";
    const STANDING: [&str; 4] = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-policy",
    ];
    let expect = |reply: &Reply, more: &[&str]| {
        let names = for_pages(reply);
        for name in STANDING.iter().chain(&["x-request-id"]).chain(more) {
            assert!(names.contains(name), "{name} is not in {reply:?}");
        }
    };
    // HEAD, whose reply has the headers of GET and no bytes that are no text.
    let only_zstd = ("Accept-Encoding", "zstd, *;q=0");
    let page = house
        .send("HEAD", "/api/v1/feed", &[origin, only_zstd], "")
        .await;
    let paging = ["x-total-count", "x-page", "x-page-size"];
    expect(&page, &paging);
    expect(&page, &["content-encoding", "etag"]);
    let no_method = house.send("PATCH", "/api/v1/feed", &[origin], "").await;
    expect(&no_method, &["allow"]);
    let otp = "/api/v1/auth/send-otp";
    let no_coding = house.send("POST", otp, &[origin, coded], "{}").await;
    expect(&no_coding, &["accept-encoding"]);
    for _ in 0..2 {
        let called = house.send("POST", call, &[origin, web], "AAAAAAA=").await;
        expect(&called, &[]);
    }
    let refused = house.get("/api/v1/feed", &[origin]).await;
    expect(&refused, &["retry-after"]);
    let refused = house.send("POST", call, &[origin, web], "AAAAAAA=").await;
    expect(&refused, &["retry-after", "grpc-status", "grpc-message"]);
}
