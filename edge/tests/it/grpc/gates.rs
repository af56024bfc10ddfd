//! The gates stand in the way of calls over gRPC as they do over REST (GW-2, GW-3, GW-7).

use contracts::auth::v1::{RevocationKind, SendOtpRequest};
use contracts::feed::v1::{LikeState, ListFeedRequest, ListFeedResponse};
use edge::{Figures, RedisDown};
use fault::Reason;
use identity::clock;
use tonic::Code;

use super::{ID, LIKE_POST, LIST_FEED, bearer, like};
use crate::house::House;
use crate::rpc::{WIRES, Wire};
use crate::script::Answer;

#[tokio::test]
async fn gw_2_tokens_are_asked_for_as_over_rest() {
    let house = House::open(|_| {}).await;
    let caller = house.rig.caller();
    let good = bearer(&house.token(&caller));
    house
        .feed
        .answer(|_| Ok(Answer::new(&LikeState::default())));
    for wire in WIRES {
        assert_eq!(
            house.call(wire, LIKE_POST, &[], &like()).await.code(),
            "UNAUTHORIZED"
        );
        for bad in ["Bearer nonsense", "Basic dXNlcjpwYXNz", ""] {
            let refused = house
                .call(wire, LIKE_POST, &[("authorization", bad)], &like())
                .await;
            assert_eq!(refused.code(), "UNAUTHORIZED", "{bad:?}");
            assert_eq!(refused.status().code(), Code::Unauthenticated);
            // An optional token must be right too.
            let refused = house
                .call(
                    wire,
                    LIST_FEED,
                    &[("authorization", bad)],
                    &ListFeedRequest::default(),
                )
                .await;
            assert_eq!(refused.code(), "UNAUTHORIZED", "{bad:?}");
        }
        let twice = [
            ("authorization", good.as_str()),
            ("authorization", good.as_str()),
        ];
        assert_eq!(
            house.call(wire, LIKE_POST, &twice, &like()).await.code(),
            "VALIDATION_ERROR"
        );
        let liked = house
            .call(wire, LIKE_POST, &[("authorization", &good)], &like())
            .await;
        liked.message::<LikeState>();
    }
    assert_eq!(house.feed.calls("LikePost").len(), WIRES.len());
    house.revoke(RevocationKind::Session, caller.session_id, clock::unix());
    house
        .rig
        .eventually(|| async {
            let refused = house
                .call(
                    Wire::Native,
                    LIKE_POST,
                    &[("authorization", &good)],
                    &like(),
                )
                .await;
            refused.status().code() != Code::Ok
        })
        .await;
    for wire in WIRES {
        let refused = house
            .call(wire, LIKE_POST, &[("authorization", &good)], &like())
            .await;
        assert_eq!(refused.code(), "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn gw_3_calls_are_counted_in_the_same_buckets_by_what_they_do() {
    let figures = |limit| Figures {
        limit,
        window_seconds: 60,
        redis_down: RedisDown::Open,
    };
    let house = House::open(|config| {
        config.buckets.insert("anon-read".to_owned(), figures(3));
        config.buckets.insert("write".to_owned(), figures(2));
    })
    .await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&ListFeedResponse::default())));
    // Reads: one bucket for REST, gRPC and gRPC-Web.
    assert_eq!(house.get("/api/v1/feed", &[]).await.status, 200);
    for wire in [Wire::Native, Wire::Text] {
        let listed = house
            .call(wire, LIST_FEED, &[], &ListFeedRequest::default())
            .await;
        assert_eq!(
            listed.header("x-ratelimit-policy"),
            Some("anon-read;q=3;w=60")
        );
        listed.message::<ListFeedResponse>();
    }
    for wire in WIRES {
        let refused = house
            .call(wire, LIST_FEED, &[], &ListFeedRequest::default())
            .await;
        let fault = refused.fault();
        assert_eq!(fault.reason(), Reason::RateLimitExceeded);
        assert_eq!(refused.status().code(), Code::ResourceExhausted);
        let after = fault.retry_after().unwrap().as_secs();
        assert!((1..=60).contains(&after), "{after}");
        assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(
            refused.header("x-ratelimit-reset"),
            Some(after.to_string().as_str())
        );
    }
    assert_eq!(house.feed.calls("ListFeed").len(), 3);
    // Writes: another.
    let token = bearer(&house.token(&house.rig.caller()));
    for left in ["1", "0"] {
        let liked = house
            .call(
                Wire::Native,
                LIKE_POST,
                &[("authorization", &token)],
                &like(),
            )
            .await;
        assert_eq!(liked.header("x-ratelimit-remaining"), Some(left));
    }
    let refused = house
        .call(Wire::Web, LIKE_POST, &[("authorization", &token)], &like())
        .await;
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-policy"), Some("write;q=2;w=60"));
}

#[tokio::test]
async fn gw_3_wrong_codes_are_counted_over_grpc_too() {
    let house = House::open(|config| {
        let figures = Figures {
            limit: 1,
            window_seconds: 3600,
            redis_down: RedisDown::Closed,
        };
        config
            .buckets
            .insert("otp-verify-wrong".to_owned(), figures);
    })
    .await;
    const VERIFY_OTP: &str = "/smilefactory.auth.v1.AuthService/VerifyOtp";
    let wrong = SendOtpRequest::default();
    let first = house.call(Wire::Native, VERIFY_OTP, &[], &wrong).await;
    assert_eq!(first.code(), "INVALID_OTP");
    let second = house.call(Wire::Web, VERIFY_OTP, &[], &wrong).await;
    assert_eq!(second.code(), "RATE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn t15_metadata_that_claims_an_identity_has_no_effect() {
    let house = House::open(|_| {}).await;
    let spoofed: Vec<(&str, &str)> = [
        "x-sf-identity",
        "x-sf-identity-bin",
        "x-sf-service",
        "x-sf-user-agent",
        "x-sf-status",
        "x-account-id",
        "x-profile-id",
        "grpc-metadata-x-sf-identity",
        "x-forwarded-for",
        "forwarded",
        "grpc-trace-bin",
        "x-http-method-override",
    ]
    .map(|name| (name, ID))
    .into();
    let kept = [("idempotency-key", "a-key")];
    for wire in WIRES {
        let metadata = [&spoofed[..], &kept].concat();
        let listed = house
            .call(wire, LIST_FEED, &metadata, &ListFeedRequest::default())
            .await;
        listed.message::<ListFeedResponse>();
    }
    let calls = house.feed.calls("ListFeed");
    assert_eq!(calls.len(), WIRES.len());
    for call in calls {
        assert_eq!(call.ctx.caller(), None);
        assert_eq!(call.ctx.ip(), Some([127, 0, 0, 1].into()));
        assert_eq!(call.ctx.peer(), "edge");
        assert_eq!(call.ctx.user_agent(), None);
        for (name, value) in &kept {
            assert_eq!(call.metadata[*name], value);
        }
        for (name, value) in &call.metadata {
            assert!(value != ID, "{name} passed");
        }
    }
}
