//! Calls over gRPC and gRPC-Web (GW-28): what passes, what is refused, and for how long.

mod gates;
mod streams;
mod wire;

use std::time::Duration;

use contracts::feed::v1::{
    GetPostRequest, LikePostRequest, ListFeedRequest, ListFeedResponse, Post,
};
use fault::{Fault, Reason};
use tonic::Code;

use crate::house::House;
use crate::rpc::{WIRES, Wire, frame};
use crate::script::Answer;

const LIST_FEED: &str = "/smilefactory.feed.v1.FeedService/ListFeed";
const GET_POST: &str = "/smilefactory.feed.v1.FeedService/GetPost";
const LIKE_POST: &str = "/smilefactory.feed.v1.FeedService/LikePost";
const UPDATE_POST: &str = "/smilefactory.feed.v1.FeedService/UpdatePost";
const UNLIKE_POST: &str = "/smilefactory.feed.v1.FeedService/UnlikePost";
const CHECK_SESSION: &str = "/smilefactory.auth.v1.AuthService/CheckSession";
const ID: &str = "018f0000-0000-7000-8000-000000000000";

fn like() -> LikePostRequest {
    LikePostRequest { id: ID.to_owned() }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn gw_28_a_call_passes_as_bytes_over_every_wire() {
    let house = House::open(|_| {}).await;
    let caller = house.rig.caller();
    let token = bearer(&house.token(&caller));
    house.feed.answer(|call| {
        // Field 1000 is in no contract: what is passed as bytes keeps it.
        assert!(
            call.message.ends_with(b"\xc2\x3e\x02hi"),
            "{:?}",
            call.message
        );
        Ok(Answer::new(&Post {
            id: ID.to_owned(),
            ..Post::default()
        })
        .with("x-sf-status", "200")
        .with("x-odd", "1")
        .with("idempotency-replayed", "true"))
    });
    for wire in WIRES {
        let mut message = prost::Message::encode_to_vec(&GetPostRequest { id: ID.to_owned() });
        message.extend_from_slice(b"\xc2\x3e\x02hi");
        let metadata = [
            ("authorization", token.as_str()),
            ("x-request-id", "from-the-client"),
        ];
        let outcome = house
            .call_framed(wire, GET_POST, &metadata, frame(&message))
            .await;
        assert_eq!(outcome.message::<Post>().id, ID);
        assert_eq!(outcome.http, 200);
        assert_eq!(
            outcome.header("content-type").unwrap().contains("web"),
            wire != Wire::Native
        );
        assert_eq!(outcome.header("x-request-id"), Some("from-the-client"));
        assert_eq!(outcome.header("cache-control"), Some("private, no-store"));
        assert!(outcome.header("x-ratelimit-limit").is_some());
        assert_eq!(outcome.header("idempotency-replayed"), Some("true"));
        let all = outcome.headers.keys().chain(outcome.trailers.keys());
        for name in all {
            assert!(
                !name.as_str().starts_with("x-sf-") && name != "x-odd",
                "{name} leaves over {wire:?}"
            );
        }
    }
    let calls = house.feed.calls("GetPost");
    assert_eq!(calls.len(), WIRES.len());
    for call in calls {
        assert_eq!(call.ctx.caller(), Some(&caller));
        assert_eq!(call.ctx.request_id(), "from-the-client");
    }
}

#[tokio::test]
async fn gw_28_a_failure_of_a_service_arrives_with_its_details() {
    let house = House::open(|_| {}).await;
    house.feed.answer(|_| {
        Err(Fault::invalid("limit", "must be at least 1")
            .with_violation("sort", "is unknown")
            .with_retry_after(Duration::from_secs(7)))
    });
    for wire in WIRES {
        let outcome = house
            .call(wire, LIST_FEED, &[], &ListFeedRequest::default())
            .await;
        let fault = outcome.fault();
        assert_eq!(outcome.status().code(), Code::InvalidArgument);
        assert_eq!(fault.reason(), Reason::ValidationError);
        let fields: Vec<_> = fault
            .get_violations()
            .iter()
            .map(|it| it.field.as_str())
            .collect();
        assert_eq!(fields, ["limit", "sort"]);
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(7)));
        assert!(outcome.messages.is_empty());
    }
}

#[tokio::test]
async fn gw_20_what_is_no_rpc_for_users_is_unimplemented_and_reaches_nobody() {
    let house = House::open(|_| {}).await;
    let before = house.auth.calls("CheckSession").len();
    for path in [
        CHECK_SESSION,
        "/smilefactory.feed.v1.FeedService/Nothing",
        "/smilefactory.nothing.v1.Nothing/ListFeed",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/api/v1/feed",
        "/health",
        "/",
    ] {
        for wire in WIRES {
            let outcome = house
                .call(wire, path, &[], &ListFeedRequest::default())
                .await;
            assert_eq!(outcome.code(), "NOT_IMPLEMENTED", "{path} over {wire:?}");
            assert_eq!(outcome.status().code(), Code::Unimplemented);
        }
    }
    assert_eq!(house.auth.calls("CheckSession").len(), before);
}

#[tokio::test]
async fn cq_2_the_version_a_client_expects_is_passed_where_it_is_compared() {
    let house = House::open(|_| {}).await;
    let token = bearer(&house.token(&house.rig.caller()));
    let expecting = |version: &'static str| {
        [
            ("authorization", token.clone()),
            ("if-match", version.to_owned()),
        ]
    };
    for wire in WIRES {
        for (path, version, code) in [
            (UPDATE_POST, "\"3-0123456789abcdef\"", "OK"),
            (UPDATE_POST, "3", "OK"),
            (UPDATE_POST, "not a tag", "VALIDATION_ERROR"),
            (UNLIKE_POST, "\"3-0123456789abcdef\"", "PRECONDITION_FAILED"),
        ] {
            let metadata = expecting(version);
            let metadata = [0, 1].map(|it| (metadata[it].0, metadata[it].1.as_str()));
            let outcome = house.call(wire, path, &metadata, &like()).await;
            match outcome.status().code() {
                Code::Ok => assert_eq!(code, "OK"),
                _ => assert_eq!(outcome.code(), code),
            }
        }
    }
    let calls = house.feed.calls("UpdatePost");
    assert_eq!(calls.len(), WIRES.len() * 2);
    assert!(calls.iter().all(|call| call.metadata["if-match"] == "3"));
    assert!(house.feed.calls("UnlikePost").is_empty());
}

#[tokio::test]
async fn sc_3_the_clients_deadline_can_only_shorten() {
    let house = House::open(|_| {}).await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default()).after(Duration::from_secs(20))));
    let begun = tokio::time::Instant::now();
    for wire in WIRES {
        let late = house
            .call(
                wire,
                LIST_FEED,
                &[("grpc-timeout", "200m")],
                &ListFeedRequest::default(),
            )
            .await;
        assert_eq!(late.code(), "GATEWAY_TIMEOUT");
        assert_eq!(late.status().code(), Code::DeadlineExceeded);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    let calls = house.feed.calls("ListFeed");
    assert!(
        calls
            .iter()
            .all(|call| call.ctx.remaining() < Duration::from_millis(200))
    );
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default())));
    house
        .call(
            Wire::Native,
            LIST_FEED,
            &[("grpc-timeout", "1H")],
            &ListFeedRequest::default(),
        )
        .await
        .message::<ListFeedResponse>();
    let last = house.feed.calls("ListFeed").pop().unwrap();
    assert!(last.ctx.remaining() <= contracts::rpc(LIST_FEED).unwrap().deadline);
    let odd = house
        .call(
            Wire::Native,
            LIST_FEED,
            &[("grpc-timeout", "soon")],
            &ListFeedRequest::default(),
        )
        .await;
    let fault = odd.fault();
    assert_eq!(fault.get_violations()[0].field, "grpc-timeout");
}
