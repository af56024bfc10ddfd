//! What the edge keeps for readers without a token is never older than it may be, and nobody else's: GW-18, N-58, CA-2, T36.

use std::time::{Duration, Instant};

use contracts::connection::v1::ProfileBlocked;
use e2e::World;
use events::Event;
use serde_json::{Value, json};
use uuid::Uuid;

const FEED: &str = "/api/v1/feed";
const PROMISED: Duration = testkit::unhurried(Duration::from_secs(2));

/// Reads the feed without a token, over and over as many do, until it says this; no longer than was promised.
async fn says(world: &World, what: impl Fn(&Value) -> bool) {
    let since = Instant::now();
    loop {
        let feed = world.client().get(FEED).await.json();
        if what(&feed) {
            return;
        }
        assert!(since.elapsed() < PROMISED, "{feed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_18_n_58_readers_without_a_token_see_changes_within_2_s() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let client = &member.client;
    let feed = world.client().get(FEED).await.json();
    assert_eq!(feed["data"], json!([]));

    let body = json!({"type": "general", "content": "first"});
    let post = client.post("/api/v1/posts", body).await.data(201);
    let feed = world.client().get(FEED).await.json();
    assert_eq!(
        feed["data"][0]["id"], post["id"],
        "at once, by the same door"
    );

    let path = format!("/api/v1/posts/{}", post["id"].as_str().unwrap());
    client
        .post(&format!("{path}/like"), json!({}))
        .await
        .data(200);
    says(&world, |feed| feed["data"][0]["likesCount"] == 1).await;

    // Profiles are another service's: it tells the feed by an event.
    let profile = format!("/api/v1/profiles/{}", member.profile_id);
    let named = json!({"displayName": "New Name"});
    client.put(&profile, named).await.data(200);
    says(&world, |feed| {
        feed["data"][0]["author"]["name"] == "New Name"
    })
    .await;

    let hidden = json!({"visibility": "private"});
    let visibility = format!("{profile}/visibility");
    client.patch(&visibility, hidden).await.data(200);
    says(&world, |feed| feed["data"] == json!([])).await;
    let shown = json!({"visibility": "public"});
    client.patch(&visibility, shown).await.data(200);
    says(&world, |feed| feed["data"][0]["id"] == post["id"]).await;

    client.delete(&path).await.data(200);
    says(&world, |feed| feed["data"] == json!([])).await;
    world.stop().await;
}

/// What a post says of its reader: whether it wrote it, whether it likes it.
fn said(post: &Value) -> (bool, bool) {
    let is = |name: &str| post[name].as_bool().unwrap();
    (is("isAuthor"), is("isLiked"))
}

#[tokio::test(flavor = "multi_thread")]
async fn t36_who_reads_the_same_url_a_thousand_times_never_reads_anothers_reply() {
    let world = World::start().await;
    let (ada, eve) = (world.newcomer().await, world.newcomer().await);
    let body = json!({"type": "general", "content": "one for all"});
    let post = ada.client.post("/api/v1/posts", body).await.data(201);
    let post = format!("/api/v1/posts/{}", post["id"].as_str().unwrap());
    let like = format!("{post}/like");
    eve.client.post(&like, json!({})).await.data(200);
    let profile = format!("/api/v1/profiles/{}", ada.profile_id);
    says(&world, |feed| feed["data"][0]["likesCount"] == 1).await;

    let read = |client: e2e::Client, writes: bool, likes: bool| {
        let (post, profile) = (&post, &profile);
        async move {
            for _ in 0..1_000 {
                let feed = client.get(FEED).await.json();
                assert_eq!(said(&feed["data"][0]), (writes, likes), "{feed}");
            }
            for _ in 0..200 {
                let post = client.get(post).await.data(200);
                assert_eq!(said(&post), (writes, likes), "{post}");
                let profile = client.get(profile).await.data(200);
                assert_eq!(profile["isOwner"], writes, "{profile}");
                assert_eq!(profile["userAccountId"].is_string(), writes, "{profile}");
            }
        }
    };
    futures_util::join!(
        read(ada.client.clone(), true, false),
        read(eve.client.clone(), false, true),
        read(world.client().clone(), false, false),
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t36_vis_10_a_block_and_a_visibility_hold_at_once_and_for_good_for_whom_they_concern() {
    let world = World::start().await;
    let (ada, eve) = (world.newcomer().await, world.newcomer().await);
    let body = json!({"type": "general", "content": "not for eve"});
    let post = ada.client.post("/api/v1/posts", body).await.data(201);
    let post = format!("/api/v1/posts/{}", post["id"].as_str().unwrap());
    let profile = format!("/api/v1/profiles/{}", ada.profile_id);
    // Whether a reader comes by the post and its author, on every surface alike; none while the surfaces differ.
    let sees = |client: e2e::Client| {
        let (post, profile) = (&post, &profile);
        async move {
            let feed = client.get(FEED).await.json();
            let listed = !feed["data"].as_array().unwrap().is_empty();
            let surfaces = [
                listed,
                client.get(post).await.status == 200,
                client.get(profile).await.status == 200,
            ];
            surfaces.iter().all(|it| *it == listed).then_some(listed)
        }
    };
    let within = async |client: &e2e::Client, time: Duration, expected: bool| {
        let since = Instant::now();
        while sees(client.clone()).await != Some(expected) {
            assert!(since.elapsed() < time, "{:?}", since.elapsed());
        }
        for _ in 0..100 {
            assert_eq!(
                sees(client.clone()).await,
                Some(expected),
                "and so it stays"
            );
        }
    };
    for client in [&ada.client, &eve.client, world.client()] {
        within(client, PROMISED, true).await;
    }
    let blocked = ProfileBlocked {
        blocker_account_id: ada.account_id.clone(),
        blocked_account_id: eve.account_id.clone(),
        blocked_profile_id: eve.profile_id.clone(),
        version: 1,
    };
    let event = Event::of(Uuid::now_v7(), 1, &blocked);
    world.rig().emit("connection", event).await;
    within(
        &eve.client,
        testkit::unhurried(Duration::from_secs(1)),
        false,
    )
    .await;
    for client in [&ada.client, world.client()] {
        within(client, Duration::ZERO, true).await;
    }
    let hidden = json!({"visibility": "private"});
    let visibility = format!("{profile}/visibility");
    ada.client.patch(&visibility, hidden).await.data(200);
    within(world.client(), PROMISED, false).await;
    within(&ada.client, Duration::ZERO, true).await;
    world.stop().await;
}
