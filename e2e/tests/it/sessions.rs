//! Tokens over the door: refresh, logout, other sessions, dead tokens.

use std::time::{Duration, Instant};

use e2e::World;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn au_9_n_5_after_logout_the_token_is_refused_within_two_seconds() {
    let world = World::start().await;
    let member = world.newcomer().await;
    member.client.get("/api/v1/auth/me").await.data(200);
    let ended = member
        .client
        .post("/api/v1/auth/logout", json!({}))
        .await
        .data(200);
    assert_eq!(ended["endedSessions"], 1);
    let since = Instant::now();
    testkit::eventually(|| async { member.client.get("/api/v1/auth/me").await.status == 401 })
        .await;
    assert!(
        since.elapsed() < testkit::unhurried(Duration::from_secs(2)),
        "{:?}",
        since.elapsed()
    );
    let reply = member.client.get("/api/v1/auth/me").await;
    assert_eq!(reply.refused(401), "TOKEN_REVOKED");
    let reply = world
        .client()
        .post(
            "/api/v1/auth/refresh-token",
            json!({"refreshToken": member.refresh_token}),
        )
        .await;
    assert_eq!(reply.refused(401), "TOKEN_REVOKED");
    // A dead token is dead on optional routes too, never silently anonymous.
    assert_eq!(
        member.client.get("/api/v1/feed").await.refused(401),
        "TOKEN_REVOKED"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn au_8_a_refreshed_session_goes_on_and_an_older_token_ends_it() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let refresh = |token: String| {
        let client = world.client().clone();
        async move {
            client
                .post("/api/v1/auth/refresh-token", json!({"refreshToken": token}))
                .await
        }
    };
    let second = refresh(member.refresh_token.clone()).await.data(200)["refreshToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let third = refresh(second).await.data(200)["refreshToken"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        refresh(member.refresh_token.clone()).await.refused(401),
        "TOKEN_REVOKED"
    );
    assert_eq!(refresh(third).await.refused(401), "TOKEN_REVOKED");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_session_can_be_ended_by_its_owner_and_by_nobody_else() {
    let world = World::start().await;
    let laptop = world.sign_in("two.devices@example.com").await;
    let phone = world.sign_in("two.devices@example.com").await;
    let sessions = laptop.client.get("/api/v1/auth/sessions").await.data(200);
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let other = sessions
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["isCurrent"] == false)
        .unwrap();
    let path = format!("/api/v1/auth/sessions/{}", other["id"].as_str().unwrap());
    let stranger = world.newcomer().await;
    assert_eq!(
        stranger.client.delete(&path).await.refused(404),
        "NOT_FOUND"
    );
    laptop.client.delete(&path).await.data(200);
    testkit::eventually(|| async { phone.client.get("/api/v1/auth/me").await.status == 401 }).await;
    laptop.client.get("/api/v1/auth/me").await.data(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn au_12_switching_the_profile_gives_a_token_for_it() {
    let world = World::start().await;
    let member = world.newcomer().await;
    // The first one turns the placeholder into a profile, the second one is new (PR-8).
    member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "innovator", "displayName": "First"}),
        )
        .await
        .data(200);
    let second = member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "mentor", "displayName": "Second"}),
        )
        .await;
    let second = second.data(201);
    let switched = member
        .client
        .patch(
            "/api/v1/auth/active-profile",
            json!({"profileId": second["id"]}),
        )
        .await
        .data(200);
    assert_eq!(switched["profile"]["displayName"], "Second");
    let mentor = world
        .client()
        .with_token(switched["accessToken"].as_str().unwrap());
    assert_eq!(
        mentor.get("/api/v1/auth/me").await.data(200)["activeProfile"]["id"],
        second["id"]
    );
    let post = mentor
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "as a mentor"}),
        )
        .await
        .data(201);
    assert_eq!(post["author"]["name"], "Second");
    world.stop().await;
}
