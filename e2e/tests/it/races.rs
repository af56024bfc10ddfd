//! Fifty callers at once: one outcome.

use std::collections::HashSet;

use e2e::{Client, Reply, World};
use futures_util::future::join_all;
use serde_json::{Value, json};

const CALLERS: usize = 50;

async fn at_once(client: &Client, path: &str, body: &Value) -> Vec<Reply> {
    join_all((0..CALLERS).map(|_| client.post(path, body.clone()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_au_4_of_fifty_right_codes_exactly_one_signs_in() {
    let world = World::start().await;
    let code = world.code_for("race@example.com").await;
    let replies = at_once(
        world.client(),
        "/api/v1/auth/verify-otp",
        &json!({"email": "race@example.com", "code": code}),
    )
    .await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1);
    assert!(
        replies
            .iter()
            .filter(|r| r.status != 200)
            .all(|r| r.refused(401) == "INVALID_OTP")
    );
    let winner = replies
        .iter()
        .find(|reply| reply.status == 200)
        .unwrap()
        .data(200);
    assert_eq!(winner["profiles"].as_array().unwrap().len(), 1);
    assert_eq!(winner["profiles"][0]["isPrimary"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_1_fd_11_fifty_likes_of_one_profile_count_once() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let post = member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "like me"}),
        )
        .await
        .data(201);
    let path = format!("/api/v1/posts/{}/like", post["id"].as_str().unwrap());
    let replies = at_once(&member.client, &path, &json!({})).await;
    assert!(replies.iter().all(|reply| reply.data(200)["liked"] == true));
    let post = world
        .client()
        .get(&format!("/api/v1/posts/{}", post["id"].as_str().unwrap()))
        .await
        .data(200);
    assert_eq!(post["likesCount"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t10_au_8_fifty_refreshes_of_one_token_stay_one_session() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let replies = at_once(
        world.client(),
        "/api/v1/auth/refresh-token",
        &json!({"refreshToken": member.refresh_token}),
    )
    .await;
    let successors: HashSet<String> = replies
        .iter()
        .map(|reply| jti(&reply.data(200)["refreshToken"]))
        .collect();
    assert_eq!(successors.len(), 1);
    let sessions = member.client.get("/api/v1/auth/sessions").await.data(200);
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t39_i_6_fifty_swaps_of_the_primary_leave_exactly_one() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let mut ids = Vec::new();
    for name in ["A", "B", "C", "D", "E"] {
        let made = member
            .client
            .post(
                "/api/v1/profiles",
                json!({"profileType": "mentor", "displayName": name}),
            )
            .await;
        assert!(made.status.is_success(), "{}", made.json());
        ids.push(made.json()["data"]["id"].as_str().unwrap().to_owned());
    }
    let swaps = (0..CALLERS).map(|nth| {
        let path = format!("/api/v1/profiles/{}/set-primary", ids[nth % ids.len()]);
        let client = &member.client;
        async move { client.patch(&path, json!({})).await }
    });
    for swap in join_all(swaps).await {
        swap.data(200);
    }
    let profiles = member.client.get("/api/v1/profiles").await.data(200);
    let primaries = profiles
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["isPrimary"] == true)
        .count();
    assert_eq!(primaries, 1);
    assert_eq!(profiles[0]["isPrimary"], true, "primary first");
    world.stop().await;
}

/// The claim `jti` of a token, unverified: signatures of equal tokens differ.
fn jti(token: &Value) -> String {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64(payload);
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}
