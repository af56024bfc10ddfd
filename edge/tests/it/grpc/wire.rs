//! What gRPC and gRPC-Web look like on the wire: frames, sizes, dialects, refusals a browser can read (GW-28, N-14, T26).

use contracts::auth::v1::SendOtpResponse;
use contracts::feed::v1::{ListFeedRequest, ListFeedResponse};
use http::{Method, Request};
use http_body_util::Full;
use tonic::Code;

use crate::house::House;
use crate::rpc::{WIRES, Wire, frame};

const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const LIKE_POST: &str = "/smilefactory.feed.v1.FeedService/LikePost";
const SEND_OTP: &str = "/smilefactory.auth.v1.AuthService/SendOtp";

#[tokio::test]
async fn n_14_a_message_above_the_routes_limit_is_refused_and_one_of_it_passes() {
    let house = House::open(|_| {}).await;
    let limit = contracts::rpc(SEND_OTP).unwrap().body_limit;
    for wire in WIRES {
        let most = house
            .call_framed(wire, SEND_OTP, &[], frame(&vec![0; limit - 5]))
            .await;
        most.message::<SendOtpResponse>();
        let more = house
            .call_framed(wire, SEND_OTP, &[], frame(&vec![0; limit - 4]))
            .await;
        assert_eq!(more.code(), "PAYLOAD_TOO_LARGE");
        assert_eq!(more.status().code(), Code::InvalidArgument);
    }
    assert_eq!(house.auth.calls("SendOtp").len(), WIRES.len());
}

#[tokio::test]
async fn gw_28_what_is_not_one_plain_message_is_refused() {
    let house = House::open(|_| {}).await;
    let two = [frame(b""), frame(b"")].concat();
    for wire in WIRES {
        for body in [
            Vec::new(),
            b"\0\0\0\0\x09short".to_vec(),
            two.clone(),
            b"{}".to_vec(),
        ] {
            let refused = house.call_framed(wire, LIST_FEED, &[], body).await;
            assert_eq!(refused.code(), "VALIDATION_ERROR");
        }
        let gzip = [("grpc-encoding", "gzip")];
        let refused = house
            .call_framed(wire, LIST_FEED, &gzip, b"\x01\0\0\0\x01x".to_vec())
            .await;
        assert_eq!(refused.status().code(), Code::Unimplemented);
        assert_eq!(refused.header("grpc-accept-encoding"), Some("identity"));
        // Announced and not used is fine.
        house
            .call(wire, LIST_FEED, &gzip, &ListFeedRequest::default())
            .await
            .message::<ListFeedResponse>();
    }
    let request = Request::post(LIST_FEED)
        .header("content-type", "application/grpc-web-text")
        .body(Full::from("not base64!!"))
        .unwrap();
    let refused = house.exchange(Wire::Text, request).await.outcome().await;
    assert_eq!(refused.code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn gw_28_the_layers_own_refusals_have_our_shape() {
    let house = House::open(|_| {}).await;
    for wire in WIRES {
        for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::DELETE] {
            let mut request = Request::new(Full::default());
            *request.method_mut() = method;
            *request.uri_mut() = LIST_FEED.parse().unwrap();
            request
                .headers_mut()
                .insert("content-type", wire.content_type().parse().unwrap());
            let refused = house.exchange(wire, request).await.outcome().await;
            assert_eq!(refused.code(), "METHOD_NOT_ALLOWED");
            assert_eq!(refused.header("allow"), Some("POST"));
        }
        for odd in [
            "application/grpc+json",
            "application/grpc-web+json",
            "application/grpc-webby",
        ] {
            let refused = house
                .call(
                    wire,
                    LIST_FEED,
                    &[("content-type", odd)],
                    &ListFeedRequest::default(),
                )
                .await;
            assert_eq!(refused.code(), "UNSUPPORTED_MEDIA_TYPE");
        }
    }
    let request = Request::post(LIST_FEED)
        .header("content-type", "application/grpc")
        .body(Full::from(frame(b"")))
        .unwrap();
    let old = house.exchange(Wire::Web, request).await.outcome().await;
    assert_eq!(old.code(), "UPGRADE_REQUIRED");
    assert!(old.status().message().contains("HTTP/2"), "{old:?}");
    // Anything else is no gRPC and answered as before.
    let rest = house
        .send(
            "POST",
            LIST_FEED,
            &[("Content-Type", "application/json")],
            "{}",
        )
        .await;
    assert_eq!(rest.code(), "NOT_FOUND");
}

#[tokio::test]
async fn gw_28_a_browser_can_read_every_answer() {
    let house = House::open(|_| {}).await;
    let origin = ("origin", "http://localhost:5173");
    for wire in [Wire::Web, Wire::Text] {
        for (path, code) in [
            (LIST_FEED, Code::Ok),
            (LIKE_POST, Code::Unauthenticated),
            ("/x", Code::Unimplemented),
        ] {
            let outcome = house
                .call(wire, path, &[origin], &ListFeedRequest::default())
                .await;
            assert_eq!(outcome.status().code(), code);
            assert_eq!(
                outcome.header("access-control-allow-origin"),
                Some(origin.1)
            );
            let exposed = outcome
                .header("access-control-expose-headers")
                .unwrap()
                .to_ascii_lowercase();
            for name in [
                "grpc-status",
                "grpc-message",
                "grpc-status-details-bin",
                "x-request-id",
                "x-ratelimit-remaining",
            ] {
                assert!(exposed.contains(name), "{name} in {exposed}");
            }
        }
        let foreign = [("origin", "http://evil.example")];
        let outcome = house
            .call(wire, LIST_FEED, &foreign, &ListFeedRequest::default())
            .await;
        assert_eq!(outcome.header("access-control-allow-origin"), None);
    }
    let preflight = [
        ("Origin", origin.1),
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "content-type,x-grpc-web,grpc-timeout",
        ),
        ("Content-Type", "application/grpc-web"),
    ];
    let reply = house.send("OPTIONS", LIST_FEED, &preflight, "").await;
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .header("access-control-allow-headers")
            .unwrap()
            .contains("X-Grpc-Web")
    );
}

#[tokio::test]
async fn gw_28_text_is_answered_in_the_form_that_is_accepted() {
    let house = House::open(|_| {}).await;
    for (accept, content_type) in [
        ("*/*", "application/grpc-web-text+proto"),
        (
            "application/grpc-web-text",
            "application/grpc-web-text+proto",
        ),
        ("application/grpc-web", "application/grpc-web+proto"),
    ] {
        let opened = house
            .open_call(Wire::Text, LIST_FEED, &[("accept", accept)], frame(b""))
            .await;
        assert_eq!(
            opened.head.headers["content-type"], content_type,
            "{accept}"
        );
    }
}

#[tokio::test]
async fn t26_a_client_that_is_silent_inside_a_message_is_refused() {
    use tokio::io::AsyncWriteExt;
    let house = House::open(|config| config.limits.idle_body_ms = 300).await;
    let mut stream = house.connect().await;
    let head = format!(
        "POST {LIST_FEED} HTTP/1.1\r\nHost: door\r\nContent-Type: application/grpc-web\r\nContent-Length: 50\r\n\r\n\0\0"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = crate::house::rest(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("grpc-status: 4\r\n"), "{reply}");
    assert!(reply.contains("connection: close"), "{reply}");
}
