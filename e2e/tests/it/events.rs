//! What one service does shows in another.

use contracts::auth::v1::AccountDeactivated;
use contracts::connection::v1::ProfileBlocked;
use e2e::World;
use events::Event;
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn pj_2_a_new_name_shows_on_older_posts_within_two_seconds() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let post = member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "mine"}),
        )
        .await
        .data(201);
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    member
        .client
        .put(&path, json!({"displayName": "New Name"}))
        .await
        .data(200);
    let path = format!("/api/v1/posts/{}", post["id"].as_str().unwrap());
    testkit::eventually(|| async {
        world.client().get(&path).await.json()["data"]["author"]["name"] == "New Name"
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vis_10_a_private_profile_takes_its_posts_from_every_surface() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let post = member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "mine"}),
        )
        .await
        .data(201);
    let id = post["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/profiles/{}/visibility", member.profile_id);
    member
        .client
        .patch(&path, json!({"visibility": "private"}))
        .await
        .data(200);
    testkit::eventually(|| async {
        world
            .client()
            .get(&format!("/api/v1/posts/{id}"))
            .await
            .status
            == 404
    })
    .await;
    let feed = world.client().get("/api/v1/feed").await.json();
    assert_eq!(feed["pagination"]["total"], 0, "counts obey the same rule");
    assert_eq!(
        world
            .client()
            .get(&format!("/api/v1/posts/{id}/comments"))
            .await
            .refused(404),
        "NOT_FOUND"
    );
    member
        .client
        .get(&format!("/api/v1/posts/{id}"))
        .await
        .data(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fd_17_vis_6_i_16_a_blocked_pair_sees_nothing_of_each_other() {
    let world = World::start().await;
    let (one, other) = (world.newcomer().await, world.newcomer().await);
    let post = one
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "mine"}),
        )
        .await
        .data(201);
    let id = post["id"].as_str().unwrap().to_owned();
    other
        .client
        .post(&format!("/api/v1/posts/{id}/like"), json!({}))
        .await
        .data(200);
    let blocked = ProfileBlocked {
        blocker_account_id: one.account_id.clone(),
        blocked_account_id: other.account_id.clone(),
        blocked_profile_id: other.profile_id.clone(),
        version: 1,
    };
    world
        .rig()
        .emit("connection", Event::of(Uuid::now_v7(), 1, &blocked))
        .await;
    testkit::eventually(|| async {
        other
            .client
            .get(&format!("/api/v1/posts/{id}"))
            .await
            .status
            == 404
    })
    .await;
    let reply = other
        .client
        .post(
            &format!("/api/v1/posts/{id}/comments"),
            json!({"content": "hi"}),
        )
        .await;
    assert_eq!(reply.refused(404), "NOT_FOUND");
    testkit::eventually(|| async {
        other
            .client
            .get(&format!("/api/v1/profiles/{}", one.profile_id))
            .await
            .status
            == 404
    })
    .await;
    testkit::eventually(|| async {
        one.client
            .get(&format!("/api/v1/profiles/{}", other.profile_id))
            .await
            .status
            == 404
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn au_13_vis_1_a_suspended_account_takes_its_content_with_it() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let post = member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "mine"}),
        )
        .await
        .data(201);
    let id = post["id"].as_str().unwrap().to_owned();
    let suspended = AccountDeactivated {
        account_id: member.account_id.clone(),
        until: None,
        version: 1000,
    };
    world
        .rig()
        .emit(
            "auth",
            Event::of(member.account_id.parse().unwrap(), 1000, &suspended),
        )
        .await;
    testkit::eventually(|| async {
        world
            .client()
            .get(&format!("/api/v1/posts/{id}"))
            .await
            .status
            == 404
    })
    .await;
    testkit::eventually(|| async {
        world
            .client()
            .get(&format!("/api/v1/profiles/{}", member.profile_id))
            .await
            .status
            == 404
    })
    .await;
    world.stop().await;
}
