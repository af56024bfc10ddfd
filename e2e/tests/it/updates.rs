//! What a body means in PUT and PATCH: CV-14, CV-24, TR-5, TR-6.

use e2e::{Client, World};
use http::Method;
use serde_json::{Value, json};

/// Sends a change and returns what it says of these fields.
async fn change(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    let json = [("content-type", "application/json")];
    client
        .send(method, path, &json, body.to_string())
        .await
        .data(200)
}

/// Holds every field of `expected` to what a reply says.
fn holds(reply: &Value, expected: &Value, body: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&reply[field], value, "{field} after {body}");
    }
}

/// Holds that a change is refused by these fields, in the order of the alphabet, and leaves the version.
async fn refuses(client: &Client, path: &str, body: &Value, fields: &[&str]) {
    let before = client.get(path).await.data(200)["version"].clone();
    for method in [Method::PUT, Method::PATCH] {
        let json = [("content-type", "application/json")];
        let reply = client.send(method, path, &json, body.to_string()).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{body}");
        let mut named = reply.fields();
        named.sort();
        assert_eq!(named, fields, "{body}");
    }
    assert_eq!(
        client.get(path).await.data(200)["version"],
        before,
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_14_tr_5_a_post_takes_what_is_present_and_nothing_else() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let whole = json!({"content": "text", "title": "Title", "tags": ["one", "two"],
        "imageUrl": "https://example.org/i.png", "metadata": {"a": {"b": 1, "c": 2}}});
    let mut first = whole.clone();
    first["type"] = "general".into();
    let made = member.client.post("/api/v1/posts", first).await.data(201);
    let path = format!("/api/v1/posts/{}", made["id"].as_str().unwrap());
    for (body, expected) in [
        (json!({}), json!({"title": "Title", "tags": ["one", "two"]})),
        (
            json!({"content": "other"}),
            json!({"content": "other", "title": "Title"}),
        ),
        (
            json!({"title": null}),
            json!({"title": null, "content": "text"}),
        ),
        (json!({"title": ""}), json!({"title": null})),
        (json!({"tags": ["three"]}), json!({"tags": ["three"]})),
        (json!({"tags": []}), json!({"tags": []})),
        (
            json!({"tags": null, "imageUrl": null}),
            json!({"tags": [], "imageUrl": null}),
        ),
        (
            json!({"metadata": {"a": {"c": 3}}}),
            json!({"metadata": {"a": {"c": 3}}}),
        ),
        (
            json!({"id": made["id"], "title": "Mine"}),
            json!({"title": "Mine"}),
        ),
        (
            json!({"title": "Named", "content": "not named", "updateMask": "title"}),
            json!({"title": "Named", "content": "text"}),
        ),
        (
            json!({"updateMask": "title,imageUrl", "content": "not named"}),
            json!({"title": null, "imageUrl": null, "content": "text"}),
        ),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            change(&member.client, Method::PUT, &path, &whole).await;
            let reply = change(&member.client, method, &path, &body).await;
            holds(&reply, &expected, &body);
            let read = member.client.get(&path).await.data(200);
            holds(&read, &expected, &body);
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_14_cv_24_what_a_post_does_not_take_is_refused_by_its_name() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let body = json!({"type": "general", "content": "text", "title": "Title"});
    let made = member.client.post("/api/v1/posts", body).await.data(201);
    let path = format!("/api/v1/posts/{}", made["id"].as_str().unwrap());
    let other = "0190b6a0-0000-7000-8000-00000000000a";
    for (body, fields) in [
        (json!({"content": null}), vec!["content"]),
        (json!({"content": "  "}), vec!["content"]),
        (
            json!({"visibility": null, "isPublished": null}),
            vec!["isPublished", "visibility"],
        ),
        (json!({"updateMask": "content"}), vec!["content"]),
        (json!({"updateMask": "titel"}), vec!["updateMask"]),
        (json!({"updateMask": "title.text"}), vec!["updateMask"]),
        (
            json!({"updateMask": null, "title": "x"}),
            vec!["updateMask"],
        ),
        (json!({"updateMask": ["title"]}), vec!["updateMask"]),
        (json!({"likesCount": 5}), vec!["likesCount"]),
        (
            json!({"isFeatured": true, "createdAt": null}),
            vec!["createdAt", "isFeatured"],
        ),
        (json!({"version": 9}), vec!["version"]),
        (json!({"id": other}), vec!["id"]),
        (json!({"titel": "x"}), vec!["titel"]),
    ] {
        refuses(&member.client, &path, &body, &fields).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tr_6_a_profile_takes_further_keys_as_answers() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let path = "/api/v1/profiles/me";
    let whole = json!({"bio": "text", "tags": ["one"], "skills": ["x", "y"]});
    for (body, bio, answers) in [
        (
            json!({"bio": null}),
            json!(null),
            json!({"skills": ["x", "y"]}),
        ),
        (
            json!({"skills": ["z"]}),
            json!("text"),
            json!({"skills": ["z"]}),
        ),
        (
            json!({"skills": null}),
            json!("text"),
            json!({"skills": null}),
        ),
        (
            json!({"skills": ""}),
            json!("text"),
            json!({"skills": null}),
        ),
        (
            json!({"why": 1.50, "bio": "b"}),
            json!("b"),
            json!({"why": 1.50, "skills": ["x", "y"]}),
        ),
        (
            json!({"updateMask": "bio", "bio": "masked", "skills": ["not named"]}),
            json!("masked"),
            json!({"skills": ["x", "y"]}),
        ),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            change(&member.client, Method::PUT, path, &whole).await;
            let reply = change(&member.client, method, path, &body).await;
            assert_eq!(reply["bio"], bio, "{body}");
            holds(&reply["metadata"], &answers, &body);
        }
    }
    for (body, fields) in [
        (json!({"displayName": null}), vec!["displayName"]),
        (
            json!({"profileType": null, "visibility": null}),
            vec!["profileType", "visibility"],
        ),
        (json!({"isVerified": true}), vec!["isVerified"]),
        (
            json!({"userAccountId": null, "completionPercentage": 100}),
            vec!["completionPercentage", "userAccountId"],
        ),
        (json!({"updateMask": "skills"}), vec!["updateMask"]),
        (json!({"bad key": 1}), vec!["bad key"]),
    ] {
        refuses(&member.client, path, &body, &fields).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_14_settings_keep_what_is_absent_and_clear_what_may_be_empty() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let path = "/api/v1/settings";
    let whole = json!({"theme": "dark", "dateFormat": "dd.mm.yyyy", "privateAccount": false});
    for (body, expected) in [
        (
            json!({}),
            json!({"theme": "dark", "dateFormat": "dd.mm.yyyy"}),
        ),
        (
            json!({"theme": "light"}),
            json!({"theme": "light", "dateFormat": "dd.mm.yyyy"}),
        ),
        (
            json!({"dateFormat": null}),
            json!({"theme": "dark", "dateFormat": null}),
        ),
        (
            json!({"showActivityStatus": false, "privateAccount": false}),
            json!({"showActivityStatus": false, "privateAccount": false}),
        ),
        (
            json!({"updateMask": "dateFormat", "theme": "light"}),
            json!({"theme": "dark", "dateFormat": null}),
        ),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            change(&member.client, Method::PUT, path, &whole).await;
            let reply = change(&member.client, method, path, &body).await;
            holds(&reply, &expected, &body);
        }
    }
    for (body, fields) in [
        (json!({"theme": null}), vec!["theme"]),
        (
            json!({"timezone": null, "language": null}),
            vec!["language", "timezone"],
        ),
        (json!({"updateMask": "theme"}), vec!["theme"]),
        (json!({"version": 1}), vec!["version"]),
    ] {
        refuses(&member.client, path, &body, &fields).await;
    }
    world.stop().await;
}
