//! Profiles over the door.

use e2e::World;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn pr_8_the_placeholder_becomes_the_first_profile_and_keeps_its_id() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let made = member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "student", "displayName": "Jonas", "city": "Aachen", "country": "Germany",
                   "languages": ["German", "English"], "contact_email": "jonas@example.com", "lucky_number": 1.50}),
        )
        .await
        .data(200);
    assert_eq!(made["id"], member.profile_id.as_str());
    assert_eq!(made["profileType"], "academic_student");
    assert_eq!(made["isPrimary"], true);
    assert_eq!(made["isPlaceholder"], false);
    assert_eq!(made["metadata"]["languages"], json!(["German", "English"]));
    assert_eq!(made["location"], "Aachen, Germany", "PR-7");
    assert!(
        made["completionPercentage"].as_i64().unwrap() >= 20,
        "PR-14"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pr_11_contact_data_and_owner_data_stay_with_the_owner() {
    let world = World::start().await;
    let (member, stranger) = (world.newcomer().await, world.newcomer().await);
    member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "innovator", "displayName": "Ada", "phone": "+43 1", "contact_email": "a@example.com",
                   "current_revenue": "1000", "innovation_area": "Energy"}),
        )
        .await
        .data(200);
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    let own = member.client.get(&path).await.data(200);
    assert_eq!(own["isOwner"], true);
    assert_eq!(own["phone"], "+43 1");
    assert_eq!(own["userAccountId"], member.account_id.as_str());
    for client in [world.client(), &stranger.client] {
        let seen = client.get(&path).await.data(200);
        assert_eq!(seen["isOwner"], false);
        assert_eq!(seen["phone"], Value::Null);
        assert_eq!(seen["userAccountId"], Value::Null);
        assert_eq!(seen["metadata"], json!({"innovation_area": "Energy"}));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_cv_24_nothing_the_server_manages_is_taken_from_input() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    for field in [
        "isVerified",
        "isPrimary",
        "isFeatured",
        "userAccountId",
        "createdAt",
        "completionPercentage",
        "version",
        "role",
    ] {
        let reply = member
            .client
            .put(&path, json!({"displayName": "changed", field: true}))
            .await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{field}");
        assert!(
            reply.fields().iter().any(|f| f == field),
            "{field}: {}",
            reply.json()
        );
    }
    let profile = member.client.get(&path).await.data(200);
    assert_ne!(
        profile["displayName"], "changed",
        "nothing of a refused request is stored"
    );
    assert_eq!(profile["version"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pr_4_the_last_profile_stays_and_the_primary_passes_on() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    assert_eq!(
        member.client.delete(&path).await.refused(409),
        "LAST_PROFILE"
    );
    member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "innovator", "displayName": "One"}),
        )
        .await
        .data(200);
    let second = member
        .client
        .post(
            "/api/v1/profiles",
            json!({"profileType": "mentor", "displayName": "Two"}),
        )
        .await
        .data(201);
    member.client.delete(&path).await.data(200);
    // The token names the deleted profile: it is refused as expired, and refreshing moves the session on (AU-12).
    testkit::eventually(|| async { member.client.get("/api/v1/auth/me").await.status == 401 })
        .await;
    assert_eq!(
        member.client.get("/api/v1/auth/me").await.refused(401),
        "TOKEN_EXPIRED"
    );
    let again = json!({"refreshToken": member.refresh_token});
    let again = world
        .client()
        .post("/api/v1/auth/refresh-token", again)
        .await
        .data(200);
    assert_eq!(again["activeProfileId"], second["id"]);
    let client = world
        .client()
        .with_token(again["accessToken"].as_str().unwrap());
    assert_eq!(
        client.get("/api/v1/profiles").await.data(200)[0]["isPrimary"],
        true
    );
    world.stop().await;
}
