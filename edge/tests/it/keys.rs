//! Idempotency keys on their way to the service and back: ID-1, ID-3, K-5.

use contracts::feed::v1::LikeState;
use fault::{Fault, Reason};

use crate::house::House;
use crate::script::Answer;

const LIKE: &str = "/api/v1/posts/018f0000-0000-7000-8000-000000000001/like";

#[tokio::test]
async fn id_1_the_key_of_a_post_reaches_its_service_and_a_replay_says_so() {
    let house = House::open(|_| {}).await;
    house
        .feed
        .answer(|_| Ok(Answer::new(&LikeState::default()).with("idempotency-replayed", "true")));
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let headers = [("Authorization", &*bearer), ("Idempotency-Key", "key-1")];
    let reply = house.send("POST", LIKE, &headers, "").await;
    assert_eq!(reply.header("idempotency-replayed"), Some("true"));
    let calls = house.feed.calls("LikePost");
    assert_eq!(calls[0].metadata["idempotency-key"], "key-1");
}

#[tokio::test]
async fn id_3_a_stored_refusal_says_that_it_is_one() {
    let house = House::open(|_| {}).await;
    house
        .feed
        .answer(|_| Err(Fault::not_found("post").replayed()));
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let headers = [("Authorization", &*bearer), ("Idempotency-Key", "key-1")];
    let reply = house.send("POST", LIKE, &headers, "").await;
    assert_eq!(reply.code(), Reason::NotFound.code());
    assert_eq!(reply.header("idempotency-replayed"), Some("true"));
    house.feed.answer(|_| Err(Fault::not_found("post")));
    let reply = house.send("POST", LIKE, &headers, "").await;
    assert_eq!(reply.header("idempotency-replayed"), None);
}
