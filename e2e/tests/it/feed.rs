//! Posts and comments over the door.

use std::collections::HashSet;

use e2e::{Member, World};
use serde_json::{Value, json};

async fn post(member: &Member, content: &str) -> String {
    let made = member
        .client
        .post(
            "/api/v1/posts",
            json!({"type": "general", "content": content}),
        )
        .await
        .data(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn i_19_a_walk_by_cursor_returns_every_post_once_while_others_are_written() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let mut expected = HashSet::new();
    for nth in 0..23 {
        expected.insert(post(&member, &format!("post {nth}")).await);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world
            .client()
            .get(&format!("/api/v1/feed?limit=5&cursor={cursor}"))
            .await;
        let page = {
            assert_eq!(page.status, 200, "{}", page.json());
            page.json()
        };
        assert_eq!(page["pagination"]["page"], Value::Null);
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["id"].as_str().unwrap().to_owned()),
        );
        post(&member, "written meanwhile").await;
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), expected.len());
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_20_a_cursor_is_good_for_its_viewer_and_query_only() {
    let world = World::start().await;
    let (one, other) = (world.newcomer().await, world.newcomer().await);
    for nth in 0..3 {
        post(&one, &format!("post {nth}")).await;
    }
    let page = one.client.get("/api/v1/feed?limit=1&cursor=").await.json();
    let cursor = page["pagination"]["nextCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        one.client
            .get(&format!("/api/v1/feed?limit=1&cursor={cursor}"))
            .await
            .status,
        200
    );
    for (client, query) in [
        (&other.client, format!("limit=1&cursor={cursor}")),
        (world.client(), format!("limit=1&cursor={cursor}")),
        (
            &one.client,
            format!("limit=1&sort=publishedAt&cursor={cursor}"),
        ),
        (&one.client, format!("limit=1&type=blog&cursor={cursor}")),
        (&one.client, format!("limit=1&cursor=x{cursor}")),
    ] {
        let reply = client.get(&format!("/api/v1/feed?{query}")).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{query}");
        assert_eq!(reply.fields(), ["cursor"]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fd_5_fd_8_every_limit_of_a_post_is_refused_by_its_field_and_nothing_is_stored() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let long = |n: usize| "x".repeat(n);
    for (field, change) in [
        ("content", json!({"content": ""})),
        ("content", json!({"content": long(10_001)})),
        ("content", json!({"content": "nul \u{0} byte"})),
        ("title", json!({"title": long(501)})),
        ("title", json!({"type": "blog"})),
        ("type", json!({"type": "nonsense"})),
        ("imageUrl", json!({"imageUrl": "javascript:alert(1)"})),
        (
            "imageUrl",
            json!({"imageUrl": "data:image/png;base64,AAAA"}),
        ),
        (
            "tags",
            json!({"tags": (0..11).map(|n| format!("tag{n}")).collect::<Vec<_>>()}),
        ),
        ("tags[0]", json!({"tags": [long(31)]})),
        ("metadata", json!({"metadata": {"blob": long(17_000)}})),
        ("metadata", json!({"metadata": "text"})),
        ("visibility", json!({"visibility": "everyone"})),
        ("publishAt", json!({"publishAt": "yesterday"})),
        ("excerpt", json!({"excerpt": long(201)})),
        ("category", json!({"category": long(101)})),
        (
            "mediaIds",
            json!({"mediaIds": ["01890000-0000-7000-8000-000000000000"]}),
        ),
        ("likesCount", json!({"likesCount": 7})),
        ("isFeatured", json!({"isFeatured": true})),
        ("id", json!({"id": "01890000-0000-7000-8000-000000000000"})),
    ] {
        let mut body = json!({"type": "general", "content": "fine"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let reply = member.client.post("/api/v1/posts", body).await;
        assert_eq!(
            reply.refused(400),
            "VALIDATION_ERROR",
            "{field}: {}",
            reply.json()
        );
        assert!(
            reply.fields().iter().any(|f| f.starts_with(field)),
            "{field}: {}",
            reply.json()
        );
    }
    let mine = member.client.get("/api/v1/feed?tab=mine").await.json();
    assert_eq!(mine["pagination"]["total"], 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fd_13_a_thread_keeps_its_shape_when_comments_go() {
    let world = World::start().await;
    let (author, reader) = (world.newcomer().await, world.newcomer().await);
    let id = post(&author, "talk to me").await;
    let path = format!("/api/v1/posts/{id}/comments");
    let comment = |client: e2e::Client, parent: Option<String>, text: &'static str| {
        let path = path.clone();
        async move {
            client
                .post(&path, json!({"content": text, "parentCommentId": parent}))
                .await
        }
    };
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let first = text(&comment(reader.client.clone(), None, "one").await.data(201));
    let second = text(
        &comment(author.client.clone(), Some(first.clone()), "two")
            .await
            .data(201),
    );
    let third = text(
        &comment(reader.client.clone(), Some(second.clone()), "three")
            .await
            .data(201),
    );
    let too_deep = comment(author.client.clone(), Some(third.clone()), "four").await;
    assert_eq!(too_deep.refused(400), "VALIDATION_ERROR");
    assert_eq!(too_deep.fields(), ["parentCommentId"]);

    reader
        .client
        .delete(&format!("/api/v1/comments/{first}"))
        .await
        .data(200);
    let list = world.client().get(&path).await.json();
    assert_eq!(list["data"][0]["isDeleted"], true);
    assert_eq!(list["data"][0]["content"], "");
    assert_eq!(list["data"][0]["author"]["isDeleted"], true);
    assert_eq!(list["data"][0]["repliesCount"], 1);
    let shown = world
        .client()
        .get(&format!("/api/v1/posts/{id}"))
        .await
        .data(200);
    assert_eq!(shown["commentsCount"], 2, "counts exclude deleted ones");

    reader
        .client
        .delete(&format!("/api/v1/comments/{third}"))
        .await
        .data(200);
    author
        .client
        .delete(&format!("/api/v1/comments/{second}"))
        .await
        .data(200);
    let list = world.client().get(&path).await.json();
    assert_eq!(list["data"], json!([]), "empty ancestors go too");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fd_9_cv_20_only_the_author_changes_a_post_and_a_draft_is_nobody_elses() {
    let world = World::start().await;
    let (author, other) = (world.newcomer().await, world.newcomer().await);
    let id = post(&author, "mine").await;
    let path = format!("/api/v1/posts/{id}");
    assert_eq!(
        other
            .client
            .put(&path, json!({"content": "yours"}))
            .await
            .refused(403),
        "FORBIDDEN"
    );
    assert_eq!(other.client.delete(&path).await.refused(403), "FORBIDDEN");
    assert_eq!(
        world
            .client()
            .put(&path, json!({"content": "yours"}))
            .await
            .refused(401),
        "UNAUTHORIZED"
    );
    let changed = author
        .client
        .patch(&path, json!({"content": "mine again"}))
        .await
        .data(200);
    assert_eq!(changed["isEdited"], true);
    assert_eq!(changed["version"], 2);

    let draft = json!({"type": "general", "content": "soon", "isPublished": false});
    let draft = author.client.post("/api/v1/posts", draft).await.data(201);
    assert_eq!(draft["status"], "draft");
    let path = format!("/api/v1/posts/{}", draft["id"].as_str().unwrap());
    assert_eq!(other.client.get(&path).await.refused(404), "NOT_FOUND");
    assert_eq!(other.client.delete(&path).await.refused(404), "NOT_FOUND");
    author.client.get(&path).await.data(200);
    world.stop().await;
}
