//! What the edge keeps for readers without a token is never older than it may be: GW-18, N-58, CA-2.

use std::time::{Duration, Instant};

use e2e::World;
use serde_json::{Value, json};

const FEED: &str = "/api/v1/feed";
const PROMISED: Duration = Duration::from_secs(2);

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
