//! What the door does for every route alike.

use e2e::World;
use http::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn gw_20_malformed_json_is_refused_with_line_and_column_and_stores_nothing() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let json = [("content-type", "application/json")];
    let reply = member
        .client
        .send(
            Method::POST,
            "/api/v1/posts",
            &json,
            "{\"type\": \"general\",\n  \"content\": oops}",
        )
        .await;
    assert_eq!(reply.refused(400), "VALIDATION_ERROR");
    let text = reply.json()["error"].to_string();
    assert!(text.contains("line 2") && text.contains("column"), "{text}");
    assert_eq!(
        world.client().get("/api/v1/feed").await.json()["pagination"]["total"],
        0
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tr_6_an_unknown_key_is_refused_with_the_nearest_one() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let reply = member
        .client
        .post("/api/v1/posts", json!({"type": "general", "contnet": "x"}))
        .await;
    assert_eq!(reply.refused(400), "VALIDATION_ERROR");
    let details = reply.json()["error"]["details"].clone();
    let named = details
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["field"] == "contnet")
        .unwrap();
    assert!(
        named["message"].as_str().unwrap().contains("content"),
        "{named}"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_7_unknown_list_parameters_are_refused_with_the_nearest_one() {
    let world = World::start().await;
    for (query, field) in [
        ("limitt=3", "limitt"),
        ("page=0", "page"),
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("sort=-likes", "sort"),
        ("filter={\"typ\":\"general\"}", "typ"),
        ("filter={", "filter"),
        ("page=200&limit=100", "page"),
        ("cursor=abc", "cursor"),
        ("cursor=&page=2", "cursor"),
        ("type=nonsense", "type"),
        ("authorId=nonsense", "authorId"),
    ] {
        let query = query
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let reply = world.client().get(&format!("/api/v1/feed?{query}")).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{query}");
        let fields = reply.fields();
        assert!(
            fields.iter().any(|f| f.starts_with(field)),
            "{query}: {}",
            reply.json()
        );
    }
    for ignored in ["utm_source=x", "_=1", "limit=1000"] {
        let reply = world.client().get(&format!("/api/v1/feed?{ignored}")).await;
        assert_eq!(reply.status, 200, "{ignored}: {}", reply.json());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_20_unknown_ids_paths_and_methods_answer_in_one_shape() {
    let world = World::start().await;
    let unknown = "01890000-0000-7000-8000-000000000000";
    assert_eq!(
        world
            .client()
            .get(&format!("/api/v1/posts/{unknown}"))
            .await
            .refused(404),
        "NOT_FOUND"
    );
    assert_eq!(
        world
            .client()
            .get("/api/v1/posts/nonsense")
            .await
            .refused(400),
        "VALIDATION_ERROR"
    );
    assert_eq!(
        world.client().get("/api/v1/nothing").await.refused(404),
        "NOT_FOUND"
    );
    assert_eq!(
        world.client().get("/api/v2/feed").await.refused(404),
        "NOT_FOUND"
    );
    let wrong = world.client().delete("/api/v1/feed").await;
    assert_eq!(wrong.refused(405), "METHOD_NOT_ALLOWED");
    assert!(wrong.header("allow").unwrap().contains("GET"));
    assert_eq!(
        world.client().get("/api/feed").await.status,
        200,
        "K-7: the newest version"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fl_4_fields_leave_the_id_and_what_was_asked_for() {
    let world = World::start().await;
    let member = world.newcomer().await;
    member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": "short"}),
        )
        .await
        .data(201);
    let feed = world
        .client()
        .get("/api/v1/feed?fields=content,likesCount")
        .await
        .json();
    let mut keys: Vec<&str> = feed["data"][0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["content", "id", "likesCount"]);
    assert_eq!(
        world
            .client()
            .get("/api/v1/feed?fields=contents")
            .await
            .refused(400),
        "VALIDATION_ERROR"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_16_health_readiness_docs_and_jwks_answer() {
    let world = World::start().await;
    let health = world.client().get("/health").await;
    assert_eq!(health.status, 200, "{}", health.json());
    for path in ["/livez", "/readyz"] {
        assert_eq!(world.client().get(path).await.status, 200, "{path}");
    }
    let jwks = world.client().get("/.well-known/jwks.json").await;
    assert_eq!(
        jwks.json()["keys"][0]["crv"],
        "P-256",
        "raw, without an envelope"
    );
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));

    let page = world.client().get("/api/docs").await;
    let page = if page.status.is_redirection() {
        world.client().get("/api/docs/").await
    } else {
        page
    };
    assert_eq!(page.status, 200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(html.contains("<html"), "{html}");
    for outside in ["src=\"http", "href=\"http"] {
        assert!(
            !html.contains(outside),
            "the page downloads something: {html}"
        );
    }
    let metrics = e2e::Client::new(world.up().admin_address())
        .get("/metrics")
        .await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("sf_http_requests_total"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_13_a_body_is_json_whether_it_says_so_or_not_and_nothing_else() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let body = r#"{"type":"general","content":"x"}"#;
    member
        .client
        .send(Method::POST, "/api/v1/posts", &[], body)
        .await
        .data(201);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = member
        .client
        .send(Method::POST, "/api/v1/posts", &form, "type=general")
        .await;
    assert_eq!(reply.refused(415), "UNSUPPORTED_MEDIA_TYPE");
    let empty = [("content-type", "application/json")];
    let reply = member
        .client
        .send(Method::POST, "/api/v1/auth/complete-wizard", &empty, "")
        .await;
    assert_eq!(reply.data(200)["firstLogin"], false);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_17_every_documented_field_is_present() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let post = member
        .client
        .post("/api/v1/posts", json!({"type": "general", "content": "x"}))
        .await
        .data(201);
    for field in [
        "id",
        "type",
        "author",
        "title",
        "content",
        "excerpt",
        "imageUrl",
        "media",
        "tags",
        "metadata",
        "likesCount",
        "commentsCount",
        "sharesCount",
        "viewsCount",
        "isLiked",
        "isBookmarked",
        "isAuthor",
        "visibility",
        "groupId",
        "isFeatured",
        "createdAt",
        "publishedAt",
        "updatedAt",
        "isEdited",
        "version",
        "bodyFormat",
        "slug",
        "category",
        "readTimeMinutes",
        "status",
        "publishAt",
        "targetProfileTypes",
        "targetTags",
        "sharedPost",
    ] {
        assert!(post.get(field).is_some(), "{field} is missing in {post}");
    }
    assert_eq!(post["title"], Value::Null);
    assert_eq!(post["media"], json!([]));
    assert_eq!(post["likesCount"], 0);
    let created = post["createdAt"].as_str().unwrap();
    assert!(
        created.ends_with('Z') && created.len() == "2026-01-01T00:00:00.000Z".len(),
        "{created}"
    );
    world.stop().await;
}
