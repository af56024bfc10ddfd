//! Server streams and reflection over gRPC and gRPC-Web: what opens, what comes, and what ends them (SC-3, ST-5, GW-28).

use std::time::Duration;

use contracts::auth::v1::RevocationKind;
use contracts::feed::v1::{FeedItem, StreamFeedRequest};
use fault::Fault;
use futures_util::StreamExt;
use identity::{Caller, clock};
use prost::Message;
use tokio::sync::mpsc;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::house::{HOUR, House};
use crate::rpc::{Opened, WIRES, Wire, frame};
use crate::script::Answer;

const STREAM_FEED: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = testkit::unhurried(Duration::from_secs(2));

/// The service's side of a stream. Closed when the door has given the stream up.
type Service = mpsc::UnboundedSender<Vec<u8>>;

/// Lets the feed answer with streams; what they say, the test sends.
fn scripted(house: &House) -> mpsc::UnboundedReceiver<Service> {
    let (opened, streams) = mpsc::unbounded_channel();
    house.feed.answer(move |_| {
        let (service, mut items) = mpsc::unbounded_channel();
        opened.send(service).unwrap();
        let items = futures_util::stream::poll_fn(move |cx| items.poll_recv(cx));
        Ok(Answer::stream(items.boxed()))
    });
    streams
}

fn item(cursor: &str) -> Vec<u8> {
    FeedItem {
        cursor: cursor.to_owned(),
        ..FeedItem::default()
    }
    .encode_to_vec()
}

async fn open(house: &House, wire: Wire, token: &str) -> Opened {
    let metadata = [("authorization", &*format!("Bearer {token}"))];
    let opened = house
        .open_call(
            wire,
            STREAM_FEED,
            &metadata,
            frame(&StreamFeedRequest::default().encode_to_vec()),
        )
        .await;
    assert_eq!(opened.head.status, 200);
    opened
}

/// Waits for the end of a stream and returns how it ended.
async fn end(stream: Opened) -> &'static str {
    let outcome = tokio::time::timeout(testkit::LONGEST, stream.outcome()).await;
    outcome.expect("the stream ends").code()
}

#[tokio::test]
async fn gw_28_items_come_one_by_one_and_the_end_says_how() {
    let house = House::open(|_| {}).await;
    let mut streams = scripted(&house);
    let token = house.token(&house.rig.caller());
    for wire in WIRES {
        let mut stream = open(&house, wire, &token).await;
        assert!(!stream.head.headers.contains_key("grpc-status"));
        let service = streams.recv().await.unwrap();
        for cursor in ["one", "two", "three"] {
            service.send(item(cursor)).unwrap();
            assert_eq!(stream.next().await.unwrap(), item(cursor));
        }
        drop(service);
        let outcome = stream.outcome().await;
        assert_eq!(outcome.status().code(), tonic::Code::Ok);
        assert!(outcome.messages.is_empty());
    }
    // No deadline of a unary call: as long as the token.
    for call in house.feed.calls("StreamFeed") {
        let left = call.ctx.remaining();
        assert!(left > HOUR && left < HOUR + 2 * MINUTE, "{left:?}");
    }
}

#[tokio::test]
async fn gw_28_a_stream_that_is_refused_is_an_ordinary_failure() {
    let house = House::open(|_| {}).await;
    house
        .feed
        .answer(|_| Err(Fault::invalid("after", "is another viewer's")));
    let token = house.token(&house.rig.caller());
    for wire in WIRES {
        assert_eq!(
            end(open(&house, wire, &token).await).await,
            "VALIDATION_ERROR"
        );
        let outcome = house
            .call(wire, STREAM_FEED, &[], &StreamFeedRequest::default())
            .await;
        assert_eq!(outcome.code(), "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn st_5_a_client_that_leaves_cancels_the_call_within_a_second() {
    let house = House::open(|_| {}).await;
    let mut streams = scripted(&house);
    let token = house.token(&house.rig.caller());
    for wire in WIRES {
        let mut stream = open(&house, wire, &token).await;
        let service = streams.recv().await.unwrap();
        service.send(item("one")).unwrap();
        stream.next().await.unwrap();
        drop(stream);
        let left =
            tokio::time::timeout(testkit::unhurried(Duration::from_secs(1)), service.closed())
                .await;
        left.unwrap_or_else(|_| panic!("over {wire:?} the service goes on"));
    }
}

#[tokio::test]
async fn st_5_a_stream_ends_with_its_token() {
    let house = House::open(|_| {}).await;
    let mut streams = scripted(&house);
    // Revoked: within two seconds (N-5).
    let caller = house.rig.caller();
    let token = house.token(&caller);
    let mut open_streams = Vec::new();
    for wire in WIRES {
        open_streams.push((
            open(&house, wire, &token).await,
            streams.recv().await.unwrap(),
        ));
    }
    house.revoke(RevocationKind::Session, caller.session_id, clock::unix());
    for (stream, service) in open_streams {
        let ended = tokio::time::timeout(SOON, end(stream))
            .await
            .expect("in time");
        assert_eq!(ended, "TOKEN_REVOKED");
        service.closed().await;
    }
    // Expired: the leeway counts (N-6).
    let (caller, nearly) = (house.rig.caller(), clock::unix() - 3600 - 29);
    let token = house.token_of(&caller, nearly);
    let stream = open(&house, Wire::Web, &token).await;
    assert_eq!(end(stream).await, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn sc_3_the_clients_own_deadline_ends_a_stream() {
    let house = House::open(|_| {}).await;
    let mut streams = scripted(&house);
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    for wire in WIRES {
        let metadata = [("authorization", bearer.as_str()), ("grpc-timeout", "300m")];
        let stream = house
            .open_call(wire, STREAM_FEED, &metadata, frame(b""))
            .await;
        let service = streams.recv().await.unwrap();
        assert_eq!(end(stream).await, "GATEWAY_TIMEOUT");
        service.closed().await;
    }
}

#[tokio::test]
async fn n_22_streams_end_when_the_door_closes() {
    let house = House::open(|_| {}).await;
    let mut streams = scripted(&house);
    let caller: Caller = house.rig.caller();
    let token = house.token(&caller);
    let mut open_streams = Vec::new();
    for wire in WIRES {
        open_streams.push((
            open(&house, wire, &token).await,
            streams.recv().await.unwrap(),
        ));
    }
    let ends = async {
        for (stream, _service) in open_streams {
            assert_eq!(end(stream).await, "SERVICE_UNAVAILABLE");
        }
    };
    let ((), ()) = tokio::join!(house.door.shutdown(), ends);
}

#[tokio::test]
async fn gw_28_reflection_answers_when_it_is_on() {
    let house = House::open(|config| config.reflection = true).await;
    let ask = |question| {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        };
        frame(&request.encode_to_vec())
    };
    for wire in WIRES {
        for path in [
            REFLECTION,
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            let question = MessageRequest::ListServices(String::new());
            let outcome = house.call_framed(wire, path, &[], ask(question)).await;
            let answer: ServerReflectionResponse = outcome.message();
            let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response
            else {
                panic!("{answer:?}");
            };
            let mut names: Vec<_> = listed.service.into_iter().map(|it| it.name).collect();
            names.sort();
            let public = contracts::rpcs().iter().filter(|it| it.public);
            let mut expected: Vec<_> = public
                .map(|it| it.path.split('/').nth(1).unwrap())
                .collect();
            expected.dedup();
            assert_eq!(names, expected);
            assert!(
                outcome.header("x-ratelimit-limit").is_some(),
                "counted like all else"
            );
        }
        let internal = "smilefactory.auth.v1.AuthService.CheckSession".to_owned();
        let question = MessageRequest::FileContainingSymbol(internal);
        let outcome = house
            .call_framed(wire, REFLECTION, &[], ask(question))
            .await;
        assert_eq!(outcome.code(), "NOT_FOUND");
    }
}
