//! Entity tags from the first read to the last write: CQ-1, CQ-2, CQ-4, K-4.

use e2e::World;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn cq_2_what_was_read_is_changed_once_and_then_read_anew() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let client = &member.client;
    let body = json!({"type": "general", "content": "first"});
    let made = client.post("/api/v1/posts", body).await;
    let id = made.data(201)["id"].as_str().unwrap().to_owned();
    assert!(made.header("etag").unwrap().starts_with("\"1-"));
    let path = format!("/api/v1/posts/{id}");

    let read = client.get(&path).await;
    let tag = read.header("etag").unwrap().to_owned();
    let asked = [("if-none-match", &*tag)];
    let known = client.send(Method::GET, &path, &asked, "").await;
    assert_eq!(
        (known.status.as_u16(), known.header("etag")),
        (304, Some(&*tag))
    );

    let expected = [("if-match", &*tag), ("content-type", "application/json")];
    let change = "{\"content\":\"second\"}";
    let changed = client.send(Method::PUT, &path, &expected, change).await;
    assert_eq!(changed.data(200)["version"], 2);
    let new_tag = changed.header("etag").unwrap().to_owned();
    assert!(new_tag.starts_with("\"2-"));
    for method in [Method::PUT, Method::PATCH] {
        let late = client.send(method, &path, &expected, change).await;
        assert_eq!(late.refused(412), "PRECONDITION_FAILED");
    }
    let asked = [("if-none-match", &*tag)];
    let fresh = client.send(Method::GET, &path, &asked, "").await;
    assert_eq!(fresh.data(200)["content"], "second");

    let late = client.send(Method::DELETE, &path, &expected[..1], "").await;
    assert_eq!(late.refused(412), "PRECONDITION_FAILED");
    let expected = [("if-match", &*new_tag)];
    client
        .send(Method::DELETE, &path, &expected, "")
        .await
        .data(200);
    let gone = client
        .send(Method::DELETE, &path, &[("if-match", "*")], "")
        .await;
    assert_eq!(gone.refused(404), "NOT_FOUND", "* asks for what exists");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cq_2_profiles_and_settings_compare_versions_too() {
    let world = World::start().await;
    let member = world.newcomer().await;
    for (path, change) in [
        ("/api/v1/profiles/me", "{\"headline\":\"new\"}"),
        ("/api/v1/settings", "{\"theme\":\"dark\"}"),
    ] {
        let read = member.client.get(path).await;
        let version = read.data(200)["version"].as_i64().unwrap();
        let tag = read.header("etag").unwrap().to_owned();
        assert!(tag.starts_with(&format!("\"{version}-")), "{path}: {tag}");
        let json = ("content-type", "application/json");
        let foreign = [("if-match", "\"0-0123456789abcdef\""), json];
        let refused = member
            .client
            .send(Method::PATCH, path, &foreign, change)
            .await;
        assert_eq!(refused.refused(412), "PRECONDITION_FAILED", "{path}");
        let expected = [("if-match", &*tag), json];
        let changed = member
            .client
            .send(Method::PATCH, path, &expected, change)
            .await;
        assert_eq!(changed.data(200)["version"], version + 1, "{path}");
        let late = member
            .client
            .send(Method::PUT, path, &expected, change)
            .await;
        assert_eq!(late.refused(412), "PRECONDITION_FAILED", "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k_4_of_fifty_parallel_puts_with_one_tag_one_is_200() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let body = json!({"type": "general", "content": "contended"});
    let made = member.client.post("/api/v1/posts", body).await;
    let tag = made.header("etag").unwrap().to_owned();
    let path = format!("/api/v1/posts/{}", made.data(201)["id"].as_str().unwrap());
    let bodies: Vec<String> = (0..50)
        .map(|number| json!({"content": format!("by {number}")}).to_string())
        .collect();
    let expected = [("if-match", &*tag), ("content-type", "application/json")];
    let writes = bodies.iter().map(|body| {
        member
            .client
            .send(Method::PUT, &path, &expected, body.clone())
    });
    let replies = join_all(writes).await;
    let count = |status: u16| {
        replies
            .iter()
            .filter(|reply| reply.status == status)
            .count()
    };
    assert_eq!((count(200), count(412)), (1, 49));
    let won = replies.iter().find(|reply| reply.status == 200).unwrap();
    let read = member.client.get(&path).await.data(200);
    assert_eq!(read["content"], won.data(200)["content"]);
    world.stop().await;
}
