//! Cross-origin requests over the wire (HD-4, GW-8, T21).

use crate::house::House;

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
            "content-type",
            "idempotency-key",
            "if-match",
            "x-request-id",
            "x-request-timeout",
            "x-grpc-web",
        ] {
            assert!(headers.contains(header), "{header}");
        }
    }
}

#[tokio::test]
async fn t21_replies_name_the_origin_only_when_it_is_listed() {
    let house = House::open(|_| {}).await;
    for (origin, listed) in [
        (LISTED, true),
        ("http://127.0.0.1:8080", true),
        ("http://localhost:3000", true),
        ("null", false),
        ("http://localhost:5174", false),
        ("https://localhost:5173", false),
        ("http://localhost:5173.evil.example", false),
        ("http://evil.example/http://localhost:5173", false),
        ("http://localhost:5173/", false),
        ("http://LOCALHOST:5173", false),
    ] {
        for path in ["/api/v1/feed", "/api/v1/nothing"] {
            let reply = house.get(path, &[("Origin", origin)]).await;
            assert_eq!(
                reply.header("access-control-allow-origin"),
                listed.then_some(origin),
                "{origin}"
            );
            assert!(reply.header("vary").unwrap().contains("Origin"));
            let exposed = reply
                .header("access-control-expose-headers")
                .unwrap_or_default();
            for header in [
                "X-Request-Id",
                "ETag",
                "Retry-After",
                "X-RateLimit-Policy",
                "X-Total-Count",
                "Location",
                "grpc-status",
                "grpc-message",
                "grpc-status-details-bin",
            ] {
                assert_eq!(exposed.contains(header), listed, "{header}");
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
