//! The list grammar over the door (PG-2, PG-3, FL-2, FL-3, FL-6, T23, T24): what the parameters of a URL make of it.

use std::time::{Duration, Instant};

use e2e::{Member, World};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

async fn post(member: &Member, content: &str, tags: &[&str]) {
    let body = json!({"type": "general", "content": content, "tags": tags});
    member.client.post("/api/v1/posts", body).await.data(201);
}

/// The texts of what a query finds, newest first.
async fn found(world: &World, query: &str) -> Vec<String> {
    let data = world
        .client()
        .get(&format!("/api/v1/feed?{query}"))
        .await
        .data(200);
    let items = data.as_array().unwrap();
    let text = |item: &Value| item["content"].as_str().unwrap().to_owned();
    items.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fl_2_fl_6_a_filter_is_the_same_however_it_is_given() {
    let world = World::start().await;
    let member = world.newcomer().await;
    post(&member, "ai", &["ai"]).await;
    post(&member, "health", &["health"]).await;
    post(&member, "both", &["ai", "health"]).await;
    post(&member, "Crème brûlée", &[]).await;
    let either = ["both", "health", "ai"];
    for query in [
        "tags=ai&tags=health",
        "tags=ai,health",
        "tags=%23AI,Health",
        "filter=%7B%22tags%22:%5B%22ai%22,%22health%22%5D%7D",
        "filter=%7B%22tags%22:%22ai,health%22%7D&type=general",
        "filter=%7B%22tags%22:%22ai,health%22%7D&tags=ai,health",
    ] {
        assert_eq!(found(&world, query).await, either, "{query}");
    }
    assert_eq!(
        found(&world, "search=CREME%20BRULEE").await,
        ["Crème brûlée"]
    );
    for (query, field) in [
        ("tags=ai&filter=%7B%22tags%22:%22health%22%7D", "tags"),
        ("type=blog&filter=%7B%22type%22:%22general%22%7D", "type"),
        ("status=draft", "status"),
        ("limit=x", "limit"),
        ("sort=likes", "sort"),
        ("page=1&cursor=", "cursor"),
        ("cursor=x", "cursor"),
    ] {
        let reply = world.client().get(&format!("/api/v1/feed?{query}")).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{query}");
        assert_eq!(reply.fields(), [field], "{query}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_deep_pages_are_refused_at_once_and_large_totals_are_capped() {
    let world = World::start().await;
    let member = world.newcomer().await;
    post(&member, "x", &[]).await;
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        let reply = world.client().get("/api/v1/feed?page=1000000000").await;
        fastest = fastest.min(began.elapsed());
        assert_eq!(reply.refused(400), "VALIDATION_ERROR");
        let said = reply.json()["error"]["details"][0].clone();
        assert_eq!(said["field"], "page");
        assert!(
            said["message"].as_str().unwrap().contains("cursor"),
            "{said}"
        );
    }
    assert!(
        fastest < testkit::unhurried(Duration::from_millis(20)),
        "{fastest:?}"
    );

    let more = "insert into feed.posts (profile_id, account_id, post_type, content, status, published_at)
      select profile_id, account_id, 'general', n::text, 'published', now() from feed.posts, generate_series(1, 1000) n";
    world.rig().owner().execute_unprepared(more).await.unwrap();
    let reply = world.client().get("/api/v1/feed?limit=1000").await;
    let json = reply.json();
    assert_eq!(json["pagination"]["limit"], 100);
    assert_eq!(json["pagination"]["total"], 1_000);
    assert_eq!(json["meta"]["totalCapped"], true);
    assert_eq!(reply.header("x-total-count"), Some("1000"));
    world.stop().await;
}
