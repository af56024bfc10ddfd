//! What the server manages cannot be written from outside: not by body, by query or by a path within either (T29, T30, T31).

use std::collections::BTreeMap;

use e2e::{Member, World};
use http::Method;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

/// An id that is nothing's.
const FOREIGN: &str = "018f0000-0000-7000-8000-00000000f0f0";

/// What the server manages of every resource, by the name of the API, with a value of the right kind (CV-24).
fn managed() -> Vec<(&'static str, Value)> {
    let time = json!("2001-01-01T00:00:00.000Z");
    vec![
        ("id", json!(FOREIGN)),
        ("accountId", json!(FOREIGN)),
        ("userAccountId", json!(FOREIGN)),
        ("isVerified", json!(true)),
        ("isPrimary", json!(true)),
        ("isFeatured", json!(true)),
        ("isOwner", json!(true)),
        ("role", json!("admin")),
        ("viewCount", json!(1_000_000)),
        ("completionPercentage", json!(100)),
        ("createdAt", time.clone()),
        ("updatedAt", time.clone()),
        ("deletedAt", time),
        ("deletedAt", Value::Null),
    ]
}

/// What it manages of some; a profile takes such names for answers to its questionnaire, like any other it does not know.
fn managed_elsewhere() -> Vec<(&'static str, Value)> {
    vec![
        ("authorId", json!(FOREIGN)),
        ("organizerProfileId", json!(FOREIGN)),
        ("sellerProfileId", json!(FOREIGN)),
        ("senderProfileId", json!(FOREIGN)),
        ("isLiked", json!(true)),
        ("likesCount", json!(1_000_000)),
        ("commentsCount", json!(1_000_000)),
    ]
}

/// Everything somebody can write to, with a body that is right by itself.
struct Targets {
    routes: Vec<(Method, String, Value)>,
    post: String,
    comment: String,
}

impl Targets {
    async fn of(member: &Member) -> Self {
        let client = &member.client;
        let made = client
            .post(
                "/api/v1/posts",
                json!({"type": "general", "content": "as it was"}),
            )
            .await
            .data(201);
        let post = made["id"].as_str().unwrap().to_owned();
        let comments = format!("/api/v1/posts/{post}/comments");
        let made = client
            .post(&comments, json!({"content": "as it was"}))
            .await
            .data(201);
        let comment = made["id"].as_str().unwrap().to_owned();
        let profile = &member.profile_id;
        let text = json!({"content": "changed"});
        let routes = vec![
            (
                Method::POST,
                "/api/v1/posts".to_owned(),
                json!({"type": "general", "content": "new"}),
            ),
            (Method::PUT, format!("/api/v1/posts/{post}"), text.clone()),
            (Method::PATCH, format!("/api/v1/posts/{post}"), text.clone()),
            (Method::POST, comments, text.clone()),
            (
                Method::PUT,
                format!("/api/v1/comments/{comment}"),
                text.clone(),
            ),
            (Method::PATCH, format!("/api/v1/comments/{comment}"), text),
            (
                Method::POST,
                "/api/v1/profiles".to_owned(),
                json!({"profileType": "mentor", "displayName": "New"}),
            ),
            (
                Method::PUT,
                format!("/api/v1/profiles/{profile}"),
                json!({"displayName": "changed"}),
            ),
            (
                Method::PATCH,
                format!("/api/v1/profiles/{profile}"),
                json!({"displayName": "changed"}),
            ),
            (
                Method::PATCH,
                format!("/api/v1/profiles/{profile}/visibility"),
                json!({"isPublic": false}),
            ),
            (Method::PUT, "/api/v1/settings".to_owned(), json!({})),
            (Method::PATCH, "/api/v1/settings".to_owned(), json!({})),
            (
                Method::PATCH,
                "/api/v1/auth/active-profile".to_owned(),
                json!({"profileId": profile}),
            ),
        ];
        Self {
            routes,
            post,
            comment,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_nothing_the_server_manages_is_taken_from_body_query_or_nested_path() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let targets = Targets::of(&member).await;
    let before = stored(&world).await;
    let mut wrong = Vec::new();
    for (method, path, body) in &targets.routes {
        let takes_answers = path.starts_with("/api/v1/profiles") && !path.ends_with("/visibility");
        let mut names = managed();
        if !takes_answers {
            names.extend(managed_elsewhere());
        }
        for (name, value) in names {
            for (path, body) in attempts(path, body, name, &value, takes_answers) {
                let headers = [("content-type", "application/json")];
                let reply = member
                    .client
                    .send(method.clone(), &path, &headers, body.to_string())
                    .await;
                if reply.status != 400 {
                    wrong.push(format!("{method} {path} {body}: {}", reply.json()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
    assert_eq!(stored(&world).await, before);
    world.stop().await;
}

/// The ways to write a field: in the body, in the query, within either, and in both spellings.
fn attempts(
    path: &str,
    body: &Value,
    name: &str,
    value: &Value,
    takes_answers: bool,
) -> Vec<(String, Value)> {
    let snake = snake_case(name);
    let with = |key: &str, value: Value| {
        let mut body = body.clone();
        body[key] = value;
        (path.to_owned(), body)
    };
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let text = text.replace(':', "%3A");
    let query = |name: &str| (format!("{path}?{name}={text}"), body.clone());
    let mut attempts = vec![
        with(name, value.clone()),
        with(&snake, value.clone()),
        query(name),
        query(&snake),
        query(&format!("post.{name}")),
        query(&format!("profile.{snake}")),
    ];
    if !takes_answers {
        attempts.extend([
            with("post", json!({ name: value })),
            with("profile", json!({ name: value })),
            with("author", json!({ name: value })),
            with(&format!("post.{name}"), value.clone()),
        ]);
    }
    attempts
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_what_a_profile_takes_for_an_answer_stays_one() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    let before = member.client.get(&path).await.data(200);
    for (key, answer) in [
        ("profile", json!({"isVerified": true, "role": "admin"})),
        ("profile.isVerified", json!(true)),
        ("$.isVerified", json!(true)),
        ("is-verified", json!(true)),
        ("ISVERIFIED", json!(true)),
        ("__proto__", json!({"isVerified": true})),
        ("likesCount", json!(1_000_000)),
    ] {
        member.client.put(&path, json!({ key: answer })).await;
        let after = member.client.get(&path).await.data(200);
        for (name, _) in managed() {
            assert!(
                name == "updatedAt" || after[name] == before[name],
                "{key} changed {name}: {after}"
            );
        }
    }
    let me = member.client.get("/api/v1/auth/me").await.data(200);
    assert!(!me.to_string().contains("admin"), "{me}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t30_an_id_in_the_body_never_beats_the_one_in_the_path() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let (mine, other) = (Targets::of(&member).await, Targets::of(&member).await);
    let before = stored(&world).await;
    for (path, id) in [
        (format!("/api/v1/posts/{}", mine.post), &other.post),
        (format!("/api/v1/comments/{}", mine.comment), &other.comment),
        (
            format!("/api/v1/profiles/{}", member.profile_id),
            &other.post,
        ),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            let headers = [("content-type", "application/json")];
            for (path, body) in [
                (path.clone(), json!({"id": id, "content": "changed"})),
                (format!("{path}?id={id}"), json!({"content": "changed"})),
            ] {
                let reply = member
                    .client
                    .send(method.clone(), &path, &headers, body.to_string())
                    .await;
                assert_eq!(
                    reply.refused(400),
                    "VALIDATION_ERROR",
                    "{method} {path} {body}"
                );
                assert!(
                    reply.fields().contains(&"id".to_owned()),
                    "{}",
                    reply.json()
                );
            }
        }
    }
    assert_eq!(stored(&world).await, before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t31_a_parameter_given_twice_is_400_in_either_order() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let profile = &member.profile_id;
    for (path, name, values) in [
        ("/api/v1/feed".to_owned(), "limit", ["1", "2"]),
        ("/api/v1/feed".to_owned(), "cursor", ["", "x"]),
        ("/api/v1/feed".to_owned(), "search", ["a", "b"]),
        ("/api/v1/feed".to_owned(), "limit", ["5", "5"]),
        (
            format!("/api/v1/profiles/user/{}", member.account_id),
            "limit",
            ["1", "2"],
        ),
        (
            format!("/api/v1/profiles/user/{}", member.account_id),
            "userId",
            [profile, FOREIGN],
        ),
        (
            format!("/api/v1/profiles/{profile}"),
            "id",
            [profile, FOREIGN],
        ),
    ] {
        let [one, two] = values;
        for query in [
            format!("{name}={one}&{name}={two}"),
            format!("{name}={two}&{name}={one}"),
            format!("{name}={one}&x_=1&{}={two}", snake_case(name)),
            format!(
                "{name}={one}&%{:02x}{}={two}",
                name.as_bytes()[0],
                &name[1..]
            ),
        ] {
            let reply = member.client.get(&format!("{path}?{query}")).await;
            assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{path}?{query}");
        }
    }
    world.stop().await;
}

fn snake_case(name: &str) -> String {
    name.chars()
        .flat_map(|letter| {
            let upper = letter.is_ascii_uppercase();
            upper
                .then_some('_')
                .into_iter()
                .chain([letter.to_ascii_lowercase()])
        })
        .collect()
}

/// A digest of every table somebody's writing ends in.
async fn stored(world: &World) -> BTreeMap<&'static str, String> {
    let mut digests = BTreeMap::new();
    for table in [
        "account.user_accounts",
        "account.account_profiles",
        "account.account_settings",
        "profile.profiles",
        "profile.profile_private",
        "profile.profile_metadata",
        "feed.posts",
        "feed.post_stats",
        "feed.comments",
        "feed.comment_stats",
        "feed.likes",
    ] {
        let digest = format!(
            "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
        );
        let statement = Statement::from_string(DbBackend::Postgres, digest);
        let row = world.rig().owner().query_one_raw(statement).await.unwrap();
        digests.insert(table, row.unwrap().try_get_by_index(0).unwrap());
    }
    digests
}
