//! One request is one tree, from the edge to SQL and through events to their consumers (OB-4).

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ears, world};
use e2e::collector::Received;
use e2e::{Client, Reply};

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const CONSUMER: i32 = 5;

/// The span outside, which the door's is part of.
const OUTSIDE: &str = "b7ad6b7169203331";

/// A request in a trace of its own.
struct Traced {
    trace: String,
    reply: Reply,
}

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Traced {
    let trace = Uuid::new_v4().simple().to_string();
    let parent = format!("00-{trace}-{OUTSIDE}-01");
    let headers = [
        ("content-type", "application/json"),
        ("traceparent", parent.as_str()),
    ];
    let reply = client.send(method, path, &headers, body.to_string()).await;
    Traced { trace, reply }
}

/// The trace, once it has everything that was asked for.
async fn whole(ears: &Ears, trace: &str, has: impl Fn(&[Received]) -> bool) -> Vec<Received> {
    testkit::eventually(|| async {
        let spans = ears.collector.trace(trace);
        has(&spans).then_some(spans)
    })
    .await
}

/// Checks that every span but the door's is part of another one, and returns the door's.
fn tree(spans: &[Received]) -> &Received {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "ids are unique: {spans:#?}");
    let (roots, others): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.parent == OUTSIDE);
    for span in others {
        assert!(
            ids.contains(span.parent.as_str()),
            "{span:#?} in {spans:#?}"
        );
    }
    let [door] = roots[..] else {
        panic!("one root: {spans:#?}");
    };
    door
}

fn below<'s>(spans: &'s [Received], parent: &Received) -> Vec<&'s Received> {
    let below = spans.iter().filter(|span| span.parent == parent.id);
    below.collect()
}

fn only<'s>(spans: &[&'s Received], is: impl Fn(&Received) -> bool) -> &'s Received {
    let found: Vec<_> = spans.iter().filter(|span| is(span)).collect();
    let [one] = found[..] else {
        panic!("one of {spans:#?}");
    };
    one
}

fn has(span: &Received, attributes: &[(&str, &str)]) {
    for (name, value) in attributes {
        let given = span.attributes.get(*name).map(String::as_str);
        assert_eq!(given, Some(*value), "{name} of {span:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_4_a_like_is_one_tree_from_the_door_to_sql() {
    let (ears, world) = world().await;
    let member = world.newcomer().await;
    let post = json!({"type": "general", "content": "a-text-that-is-nobodys-business"});
    let made = send(&member.client, Method::POST, "/api/v1/posts", &post).await;
    let id = made.reply.data(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/posts/{id}/like");
    let liked = send(&member.client, Method::POST, &path, &json!({})).await;
    liked.reply.data(200);

    let ended = |spans: &[Received]| spans.iter().any(|span| span.parent == OUTSIDE);
    let spans = whole(ears, &liked.trace, ended).await;
    let door = tree(&spans);
    assert_eq!(
        (door.scope.as_str(), door.kind, door.failed),
        ("edge", SERVER, false)
    );
    assert_eq!(door.name, "POST /api/v1/posts/{id}/like");
    let request_id = liked.reply.header("x-request-id").unwrap();
    has(
        door,
        &[
            ("http.request.method", "POST"),
            ("http.route", "/api/v1/posts/{id}/like"),
            ("http.response.status_code", "200"),
            ("sf.request_id", request_id),
        ],
    );
    let rpc = [
        ("rpc.system", "grpc"),
        ("rpc.service", "smilefactory.feed.v1.FeedService"),
        ("rpc.method", "LikePost"),
        ("rpc.grpc.status_code", "0"),
    ];
    let asked = only(&below(&spans, door), |span| {
        span.attributes.contains_key("rpc.method")
    });
    assert_eq!((asked.scope.as_str(), asked.kind), ("edge", CLIENT));
    has(asked, &rpc);
    has(asked, &[("peer.service", "feed")]);
    let answered = only(&below(&spans, asked), |_| true);
    assert_eq!((answered.scope.as_str(), answered.kind), ("feed", SERVER));
    has(answered, &rpc);
    has(answered, &[("sf.request_id", request_id)]);
    let statements = below(&spans, answered);
    let outbox = only(&statements, |span| {
        span.attributes
            .get("db.statement")
            .is_some_and(|sql| sql.contains("insert into outbox"))
    });
    assert_eq!((outbox.scope.as_str(), outbox.kind), ("feed", CLIENT));
    assert_eq!(outbox.name, "INSERT");
    has(
        outbox,
        &[("db.system", "postgresql"), ("db.operation", "INSERT")],
    );
    // The rate-limit buckets are the door's own round trip.
    let buckets = below(&spans, door);
    let buckets = buckets.iter().filter(|span| span.name == "EVALSHA");
    assert!(buckets.count() >= 1, "{spans:#?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_4_eb_2_a_sign_in_reaches_the_consumers_of_its_events_and_tells_no_secret() {
    let (ears, world) = world().await;
    let email = "traced.person@example.com";
    let asked = send(
        world.client(),
        Method::POST,
        "/api/v1/auth/send-otp",
        &json!({"email": email}),
    )
    .await;
    asked.reply.data(200);
    let code = testkit::eventually(|| async {
        smilefactory::smtp::newest_code(world.up().inbox(), email)
    })
    .await;
    let body = json!({"email": email, "code": code});
    let signed = send(
        world.client(),
        Method::POST,
        "/api/v1/auth/verify-otp",
        &body,
    )
    .await;
    let data = signed.reply.data(200);
    let token = data["accessToken"].as_str().unwrap().to_owned();
    let refresh = data["refreshToken"].as_str().unwrap().to_owned();

    let consumed = |spans: &[Received]| {
        let consumers = spans.iter().filter(|span| span.kind == CONSUMER);
        let scopes: BTreeSet<&str> = consumers.map(|span| span.scope.as_str()).collect();
        scopes.contains("feed") && spans.iter().any(|span| span.parent == OUTSIDE)
    };
    let spans = whole(ears, &signed.trace, consumed).await;
    tree(&spans);
    // auth asks profile, in the same tree.
    let scopes: BTreeSet<&str> = spans.iter().map(|span| span.scope.as_str()).collect();
    for scope in ["edge", "auth", "profile", "feed", "redis"] {
        assert!(scopes.contains(scope), "{scope}: {scopes:?}");
    }
    let consumer = spans
        .iter()
        .find(|span| span.kind == CONSUMER && span.scope == "feed")
        .unwrap();
    let kind = consumer.attributes["sf.event_type"].clone();
    assert_eq!(consumer.name, format!("{kind} process"));
    let request_id = signed.reply.header("x-request-id").unwrap();
    has(
        consumer,
        &[
            ("messaging.system", "redis"),
            ("messaging.operation", "process"),
            ("sf.request_id", request_id),
        ],
    );
    let effect = below(&spans, consumer);
    assert!(
        effect.iter().any(|span| span.name == "INSERT"),
        "{effect:#?}"
    );
    let all = ears.collector.trace(&asked.trace);
    let said = format!("{:?}", [&spans[..], &all].concat());
    for secret in [email, "traced.person", &code, &token, &refresh] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_4_grpc_and_refusals_have_their_spans_and_what_is_not_sampled_has_none() {
    let (ears, world) = world().await;
    let odd = format!("/api/v1/nowhere-{}", Uuid::new_v4().simple());
    let lost = send(world.client(), Method::GET, &odd, &json!({})).await;
    assert_eq!(lost.reply.status, 404);
    let found = |spans: &[Received]| !spans.is_empty();
    let spans = whole(ears, &lost.trace, found).await;
    let door = tree(&spans);
    assert_eq!((door.name.as_str(), door.failed), ("GET", false));
    has(door, &[("http.response.status_code", "404")]);
    // The path is the client's text; only a route's template is said.
    assert!(!format!("{spans:?}").contains("nowhere"), "{spans:?}");

    let trace = Uuid::new_v4().simple().to_string();
    let parent = format!("00-{trace}-{OUTSIDE}-00");
    let quiet = [("traceparent", parent.as_str())];
    let feed = "/api/v1/feed?limit=1";
    let reply = world.client().send(Method::GET, feed, &quiet, "").await;
    assert_eq!(reply.status, 200);
    // Spans are sent in the order they end: once a later one is there, an earlier one would be.
    let later = send(world.client(), Method::GET, feed, &json!({})).await;
    whole(ears, &later.trace, found).await;
    assert_eq!(ears.collector.trace(&trace), []);
    world.stop().await;
}
