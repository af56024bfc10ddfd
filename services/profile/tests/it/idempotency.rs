//! Keyed creation of profiles (ID-3, T41).

use contracts::profile::v1::CreateProfileRequest;
use fault::{Fault, Reason};
use futures_util::future::join_all;
use testkit::{is_replayed, keyed};

use crate::world::{World, mentor};

fn named(name: &str) -> CreateProfileRequest {
    CreateProfileRequest {
        display_name: Some(name.to_owned()),
        ..mentor()
    }
}

#[tokio::test]
async fn id_3_a_repeated_profile_is_answered_as_it_was_first_status_included() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let create = |key: &'static str, name: &'static str| {
        let mut client = world.of(&ada);
        async move { client.create_profile(keyed(key, named(name))).await }
    };
    let first = create("key-1", "Ada Two").await;
    // A natural repeat, under its own key, says that nothing new was made; so does its repeat.
    let natural = create("key-2", "Ada Two").await;
    for (answer, key, status) in [(&first, "key-1", None), (&natural, "key-2", Some("200"))] {
        let again = create(key, "Ada Two").await;
        assert!(!is_replayed(answer) && is_replayed(&again));
        let (answer, again) = (answer.as_ref().unwrap(), again.unwrap());
        assert_eq!(again.get_ref(), answer.get_ref());
        for reply in [answer, &again] {
            let told = reply
                .metadata()
                .get("x-sf-status")
                .map(|told| told.to_str().unwrap());
            assert_eq!(told, status, "{key}");
        }
    }
    let other = Fault::from(create("key-1", "Ada Three").await.unwrap_err());
    assert_eq!(other.reason(), Reason::IdempotencyKeyReused);
    assert_eq!(world.own(&ada).await.len(), 2);
}

#[tokio::test]
async fn t41_fifty_profiles_with_one_key_are_one_profile() {
    let world = World::start().await;
    let ada = world.member("Ada").await;
    let posts = (0..50).map(|_| {
        let mut client = world.of(&ada);
        async move {
            client
                .create_profile(keyed("key-1", named("Ada Two")))
                .await
        }
    });
    for answer in join_all(posts).await {
        if let Err(status) = answer {
            assert_eq!(Fault::from(status).reason(), Reason::IdempotencyInProgress);
        }
    }
    assert_eq!(world.own(&ada).await.len(), 2);
}
