//! Retried POSTs: one effect, one answer (ID-1..ID-5, T41, I-8).

use contracts::feed::v1::{CreatePostRequest, Post, PostType};
use e2e::{Client, Reply, World};
use futures_util::future::join_all;
use http::Method;
use prost::Message as _;
use serde_json::{Value, json};

const POSTS: &str = "/api/v1/posts";
const CREATE: &str = "/smilefactory.feed.v1.FeedService/CreatePost";
const SEND: &str = "/api/v1/auth/send-otp";
const VERIFY: &str = "/api/v1/auth/verify-otp";

fn post(content: &str) -> Value {
    json!({"type": "general", "content": content})
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

/// The data of a reply, and every header that says something of it.
fn said(reply: &Reply) -> (u16, Value, Option<String>, Option<String>) {
    let header = |name| reply.header(name).map(str::to_owned);
    (
        reply.status.as_u16(),
        reply.json()["data"].clone(),
        header("location"),
        header("etag"),
    )
}

async fn own_posts(client: &Client, profile: &str) -> usize {
    let feed = client.get("/api/v1/feed?limit=100").await.data(200);
    let all = feed.as_array().unwrap().iter();
    all.filter(|item| item.to_string().contains(profile))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn t41_fifty_posts_with_one_key_are_one_post_and_the_key_is_its_accounts() {
    let world = World::start().await;
    let (ada, eve) = (world.newcomer().await, world.newcomer().await);
    let body = post("once");
    let replies = join_all((0..50).map(|_| ada.client.post_keyed(POSTS, "key-1", &body))).await;
    let mut made = replies.iter().filter(|reply| reply.status == 201);
    let first = said(made.next().unwrap());
    assert!(made.all(|reply| said(reply) == first));
    let busy: Vec<_> = replies.iter().filter(|reply| reply.status != 201).collect();
    for reply in busy {
        assert_eq!(reply.refused(409), "IDEMPOTENCY_IN_PROGRESS");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!(
        replies
            .iter()
            .filter(|reply| reply.status == 201 && !is_replayed(reply))
            .count(),
        1
    );
    assert_eq!(own_posts(&ada.client, &ada.profile_id).await, 1);

    // Spaced otherwise, it is the same request; with another text it is not.
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "key-1"),
    ];
    let loose = "{ \"content\" : \"once \", \"postType\":\"GENERAL\" }";
    let again = ada.client.send(Method::POST, POSTS, &headers, loose).await;
    assert!(is_replayed(&again), "{}", again.json());
    assert_eq!(said(&again), first);
    let other = ada.client.post_keyed(POSTS, "key-1", &post("twice")).await;
    assert_eq!(other.refused(422), "IDEMPOTENCY_KEY_REUSED");
    assert!(!is_replayed(&other));

    let hers = eve.client.post_keyed(POSTS, "key-1", &body).await;
    assert!(!is_replayed(&hers));
    assert_ne!(hers.data(201)["id"], first.1["id"]);

    for bad in ["two words", "kéy", &"k".repeat(256)] {
        let reply = ada.client.post_keyed(POSTS, bad, &body).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR");
        assert_eq!(reply.fields(), ["Idempotency-Key"]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn id_1_gw_28_a_key_means_the_same_over_every_protocol() {
    let world = World::start().await;
    let ada = world.newcomer().await;
    let made = ada.client.post_keyed(POSTS, "key-1", &post("once")).await;
    let id = made.data(201)["id"].as_str().unwrap().to_owned();
    let call = |content: &str| {
        let request = CreatePostRequest {
            r#type: PostType::General.into(),
            content: content.to_owned(),
            ..CreatePostRequest::default()
        };
        let message = request.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let body = [&[0], &length[..], &message].concat();
        let headers = [
            ("content-type", "application/grpc-web+proto"),
            ("idempotency-key", "key-1"),
        ];
        let client = ada.client.clone();
        async move { client.send(Method::POST, CREATE, &headers, body).await }
    };
    let again = call("once").await;
    assert!(is_replayed(&again), "{again:?}");
    let length = u32::from_be_bytes(again.body[1..5].try_into().unwrap());
    let message = &again.body[5..][..length as usize];
    assert_eq!(Post::decode(message).unwrap().id, id);
    let other = call("twice").await;
    assert_eq!(other.header("grpc-status"), Some("3"), "{other:?}");
    assert_eq!(own_posts(&ada.client, &ada.profile_id).await, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t41_an_outcome_survives_a_restart() {
    let world = World::start().await;
    let ada = world.newcomer().await;
    let made = ada.client.post_keyed(POSTS, "key-1", &post("once")).await;
    let missing = format!("{POSTS}/{}/like", ada.profile_id);
    let refused = ada.client.post_keyed(&missing, "key-2", &json!({})).await;
    assert_eq!(refused.refused(404), "NOT_FOUND");
    assert!(!is_replayed(&made) && !is_replayed(&refused));

    let world = Box::pin(world.restart()).await;
    let client = ada.client.before(world.client());
    let again = client.post_keyed(POSTS, "key-1", &post("once")).await;
    assert!(is_replayed(&again));
    assert_eq!(said(&again), said(&made));
    assert_ne!(
        again.json()["meta"]["requestId"],
        made.json()["meta"]["requestId"],
        "the envelope is made anew"
    );
    let again = client.post_keyed(&missing, "key-2", &json!({})).await;
    assert!(is_replayed(&again));
    assert_eq!(again.refused(404), "NOT_FOUND");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn id_5_a_lost_sign_in_is_asked_for_again_and_stays_one_session() {
    let world = World::start().await;
    let email = "lost.answer@example.com";
    let body = json!({"email": email, "code": world.code_for(email).await});
    let first = world.client().post_keyed(VERIFY, "key-1", &body).await;
    let again = world.client().post_keyed(VERIFY, "key-1", &body).await;
    assert!(!is_replayed(&first) && is_replayed(&again));
    let (first, again) = (first.data(200), again.data(200));
    assert_eq!(first["user"], again["user"]);
    for reply in [&first, &again] {
        let client = world
            .client()
            .with_token(reply["accessToken"].as_str().unwrap());
        let sessions = client.get("/api/v1/auth/sessions").await.data(200);
        assert_eq!(sessions.as_array().unwrap().len(), 1);
    }
    let late = json!({"email": email, "code": "000000"});
    assert_eq!(
        world
            .client()
            .post_keyed(VERIFY, "key-1", &late)
            .await
            .refused(422),
        "IDEMPOTENCY_KEY_REUSED"
    );
    // Nobody in particular is told apart by address.
    let other = json!({"email": "somebody.else@example.com"});
    let mine = world
        .client()
        .post_keyed(SEND, "key-2", &json!({"email": email}))
        .await;
    let theirs = world.client().post_keyed(SEND, "key-2", &other).await;
    assert!(!is_replayed(&mine) && !is_replayed(&theirs));
    assert_eq!(
        (mine.status, theirs.status),
        (http::StatusCode::OK, http::StatusCode::OK)
    );
    world.stop().await;
}
