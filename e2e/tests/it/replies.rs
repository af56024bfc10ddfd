//! Every reply of every documented route, held against the document (CV-8, CV-9, CV-11, CV-12, CV-17, CQ-1, CQ-4, FL-4).

use std::collections::BTreeSet;

use e2e::{Client, Document, Operation, Reply};
use http::Method;
use serde_json::{Value, json};

use crate::routes::UNKNOWN;
use crate::stage::{Stage, whole_post};

const JSON: (&str, &str) = ("content-type", "application/json");

/// What holds for a reply whatever was asked; an empty list if it does.
fn objections(
    document: &Document,
    operation: Operation<'_>,
    client: &Client,
    reply: &Reply,
) -> Vec<String> {
    let mut wrong = document.objections(operation, reply);
    let status = reply.status.as_u16();
    if status == 204 || reply.body.is_empty() {
        wrong.push("is empty (CV-11)".to_owned());
    }
    let json = reply.json();
    if json.get("success").is_some() && (json["success"] == true) != (status < 300) {
        wrong.push(format!("{status} with success {} (CV-12)", json["success"]));
    }
    wrong.extend(caching(operation, client, reply));
    let place = format!("{} {} -> {status}", operation.method, operation.path);
    wrong
        .into_iter()
        .map(|what| format!("{place}: {what}"))
        .collect()
}

/// CQ-4: what depends on a token is kept by nobody, and what a reply depends on is said.
fn caching(operation: Operation<'_>, client: &Client, reply: &Reply) -> Vec<String> {
    let mut wrong = Vec::new();
    let vary: BTreeSet<String> = reply
        .header("vary")
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_lowercase())
        .collect();
    let mut expected = vec!["accept", "accept-encoding", "origin"];
    if operation.reads_tokens() {
        expected.push("authorization");
    }
    for name in expected.iter().filter(|name| !vary.contains(**name)) {
        wrong.push(format!("Vary has no {name} (CQ-4)"));
    }
    if !operation.reads_tokens() && vary.contains("authorization") {
        wrong.push("Vary names a token nobody looks at (CQ-4)".to_owned());
    }
    let control = reply.header("cache-control").unwrap_or_default();
    let personal = client.token().is_some() && operation.reads_tokens();
    if personal && control != "private, no-store" {
        wrong.push(format!("Cache-Control: {control:?} for a token (CQ-4)"));
    }
    let kept = !personal && reply.status.is_success() && reply.header("etag").is_some();
    if kept && !control.starts_with("public, max-age=") {
        wrong.push(format!("Cache-Control: {control:?} for nobody (CQ-4)"));
    }
    if control.is_empty() {
        wrong.push("no Cache-Control (CQ-4)".to_owned());
    }
    wrong
}

/// The changes, in an order in which each succeeds. Reads need no order: everything is there when they are asked.
async fn changes(stage: &Stage) -> Vec<(&'static str, &'static str, Value)> {
    let (asks, email) = (
        format!("asks.{}", stage.reader.email),
        format!("fresh.{}", stage.reader.email),
    );
    let code = stage.world.code_for(&email).await;
    let text = || json!({"content": "changed"});
    let named = || json!({"displayName": "Changed", "city": "Harare"});
    let profile = || json!({"profileId": stage.owner.profile_id});
    let settings = || json!({"theme": "dark"});
    vec![
        ("POST", "/api/v1/auth/send-otp", json!({"email": asks})),
        (
            "POST",
            "/api/v1/auth/verify-otp",
            json!({"email": email, "code": code}),
        ),
        ("POST", "/api/v1/auth/complete-wizard", json!({})),
        ("PUT", "/api/v1/settings", settings()),
        ("PATCH", "/api/v1/settings", settings()),
        ("PATCH", "/api/v1/auth/active-profile", profile()),
        ("POST", "/api/v1/profiles/switch", profile()),
        ("PUT", "/api/v1/profiles/{id}", named()),
        ("PATCH", "/api/v1/profiles/{id}", named()),
        ("PATCH", "/api/v1/profiles/{id}/set-primary", json!({})),
        (
            "PATCH",
            "/api/v1/profiles/{id}/visibility",
            json!({"visibility": "public"}),
        ),
        ("POST", "/api/v1/posts", whole_post()),
        (
            "POST",
            "/api/v1/groups/{groupId}/posts",
            json!({"type": "general", "content": "us"}),
        ),
        ("PUT", "/api/v1/posts/{id}", text()),
        ("PATCH", "/api/v1/posts/{id}", text()),
        ("POST", "/api/v1/posts/{id}/like", json!({})),
        ("DELETE", "/api/v1/posts/{id}/like", json!({})),
        ("POST", "/api/v1/posts/{id}/comments", text()),
        ("PUT", "/api/v1/comments/{id}", text()),
        ("PATCH", "/api/v1/comments/{id}", text()),
        ("POST", "/api/v1/comments/{id}/like", json!({})),
        ("DELETE", "/api/v1/comments/{id}/like", json!({})),
        ("DELETE", "/api/v1/comments/{id}", json!({})),
        ("DELETE", "/api/v1/posts/{id}", json!({})),
        (
            "POST",
            "/api/v1/profiles",
            json!({"profileType": "mentor", "displayName": "Another"}),
        ),
        (
            "POST",
            "/api/v1/profiles",
            json!({"profileType": "investor", "displayName": "A third"}),
        ),
        ("DELETE", "/api/v1/auth/sessions/{id}", json!({})),
        ("DELETE", "/api/v1/profiles/{id}", json!({})),
        (
            "POST",
            "/api/v1/auth/refresh-token",
            json!({"refreshToken": stage.reader.refresh_token}),
        ),
        ("POST", "/api/v1/auth/logout", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_17_every_success_is_what_the_document_says() {
    let stage = Stage::set().await;
    let document = Document::of(stage.world.client()).await;
    let mut left: BTreeSet<(&str, &str)> = document
        .operations()
        .iter()
        .map(|operation| (operation.method, operation.path))
        .collect();
    let mut wrong = Vec::new();
    for operation in reads(&document) {
        for client in [
            stage.world.client(),
            &stage.reader.client,
            &stage.owner.client,
        ] {
            if client.token().is_some() || operation.is_open() {
                let reply = client.get(&stage.path(operation.path)).await;
                assert_eq!(reply.status, 200, "{}: {}", operation.path, reply.json());
                wrong.extend(objections(&document, operation, client, &reply));
            }
        }
        left.remove(&("GET", operation.path));
    }
    for (method, template, body) in changes(&stage).await {
        let all = document.operations();
        let operation = all
            .into_iter()
            .find(|operation| (operation.method, operation.path) == (method, template))
            .unwrap_or_else(|| panic!("{method} {template} is not documented"));
        // The owner's token went with its profile.
        let client = match template {
            "/api/v1/auth/logout" => &stage.reader.client,
            _ => &stage.owner.client,
        };
        let path = stage.path(template);
        let body = if method == "DELETE" {
            String::new()
        } else {
            body.to_string()
        };
        let reply = client.send(operation.verb(), &path, &[JSON], body).await;
        assert!(
            reply.status.is_success(),
            "{method} {path}: {}",
            reply.json()
        );
        wrong.extend(objections(&document, operation, client, &reply));
        left.remove(&(method, template));
    }
    // Its items are looked at in the tests of streams.
    left.remove(&("GET", "/api/v1/feed/stream"));
    assert_eq!(left, BTreeSet::new(), "routes nobody asked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.world.stop().await;
}

/// The documented reads that end by themselves.
fn reads(document: &Document) -> Vec<Operation<'_>> {
    let all = document.operations().into_iter();
    all.filter(|one| one.method == "GET" && one.parameter("waitSeconds").is_none())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cq_1_every_read_that_may_be_kept_has_a_tag_and_is_not_sent_twice() {
    let stage = Stage::set().await;
    let document = Document::of(stage.world.client()).await;
    let client = &stage.owner.client;
    let mut tagged = 0;
    for operation in reads(&document) {
        let path = stage.path(operation.path);
        let first = client.get(&path).await;
        let documented = !operation.value["responses"]["304"].is_null();
        assert_eq!(first.header("etag").is_some(), documented, "{path}");
        let Some(tag) = first.header("etag") else {
            continue;
        };
        tagged += 1;
        let json = first.json();
        let version = json["data"]["version"].as_i64().unwrap_or_default();
        if path.starts_with("/api/v1") {
            assert!(tag.starts_with(&format!("\"{version}-")), "{path}: {tag}");
        }
        let condition = [("if-none-match", tag)];
        let again = client.send(Method::GET, &path, &condition, "").await;
        assert_eq!(again.status, 304, "{path}: {}", again.json());
        assert!(again.body.is_empty(), "{path}");
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(again.header(name), first.header(name), "{path}: {name}");
        }
        let other = [("if-none-match", "\"0-0000000000000000\"")];
        let whole = client.send(Method::GET, &path, &other, "").await;
        assert_eq!(whole.status, 200, "{path}");
    }
    assert!(tagged >= 9, "{tagged}");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fl_4_every_read_gives_the_fields_that_are_asked_for() {
    let stage = Stage::set().await;
    let document = Document::of(stage.world.client()).await;
    let client = &stage.owner.client;
    let mut asked = 0;
    for operation in reads(&document) {
        let path = stage.path(operation.path);
        let whole = client.get(&path).await.json()["data"].take();
        let item = whole.get(0).unwrap_or(&whole);
        let enveloped = path.starts_with("/api/v1") && item.is_object();
        assert_eq!(operation.parameter("fields").is_some(), enveloped, "{path}");
        if !enveloped {
            continue;
        }
        asked += 1;
        let names: Vec<&String> = item.as_object().unwrap().keys().collect();
        let name = names.iter().rfind(|name| **name != "id").unwrap();
        let reply = client.get(&format!("{path}?fields={name}")).await;
        let few = reply.data(200);
        let few = few.get(0).unwrap_or(&few).as_object().unwrap();
        let given: BTreeSet<&str> = few.keys().map(String::as_str).collect();
        let mut expected = BTreeSet::from([name.as_str()]);
        if item.get("id").is_some() {
            expected.insert("id");
        }
        assert_eq!(given, expected, "{path}");
        let reply = client.get(&format!("{path}?fields={name}x")).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{path}");
        assert_eq!(reply.fields(), ["fields"], "{path}");
        let message = reply.json()["message"].to_string();
        assert!(message.contains(name.as_str()), "{path}: {message}");
    }
    assert!(asked >= 9, "{asked}");
    stage.world.stop().await;
}

/// A request with something wrong.
struct Mistake {
    client: Client,
    path: String,
    header: Option<(&'static str, &'static str)>,
    body: &'static str,
}

impl Mistake {
    fn new(client: &Client, path: &str) -> Self {
        Self {
            client: client.clone(),
            path: path.to_owned(),
            header: None,
            body: "{}",
        }
    }

    fn with(self, name: &'static str, value: &'static str) -> Self {
        let header = Some((name, value));
        Self { header, ..self }
    }

    fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }
}

/// Ways to get a route wrong.
fn mistakes(stage: &Stage, operation: Operation<'_>) -> Vec<Mistake> {
    let right = stage.path(operation.path);
    let unknown = crate::routes::filled(operation.path);
    let malformed = unknown.replace(UNKNOWN, "no-id");
    let (nobody, me) = (stage.world.client(), &stage.reader.client);
    let mine = || Mistake::new(me, &right);
    vec![
        Mistake::new(nobody, &right),
        Mistake::new(&nobody.with_token("garbage"), &right),
        Mistake::new(me, &unknown),
        Mistake::new(me, &unknown).with("if-match", "\"7-0\""),
        Mistake::new(me, &malformed),
        Mistake::new(me, &format!("{right}?nobodysParameter=1")),
        mine().body("{\"nobodysField\":1}"),
        mine().body("[1"),
        mine().with("content-type", "text/csv").body("a,b"),
        mine().with("accept", "image/png"),
        mine().with("idempotency-key", "a b"),
        mine().with("if-match", "7"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_9_every_failure_is_one_the_document_lists() {
    let stage = Stage::set().await;
    let document = Document::of(stage.world.client()).await;
    let mut wrong = Vec::new();
    let mut statuses = BTreeSet::new();
    let mut operations = document.operations();
    // Whoever is signed out makes no other mistakes.
    operations.sort_by_key(|operation| operation.path.ends_with("/logout"));
    for operation in operations {
        for mistake in mistakes(&stage, operation) {
            let Mistake {
                client,
                path,
                header,
                body,
            } = mistake;
            let reads = matches!(operation.method, "GET" | "DELETE");
            let body = if reads { "" } else { body };
            let stream = operation.parameter("waitSeconds").is_some();
            let path = match path.contains('?') {
                _ if !stream => path,
                true => format!("{path}&waitSeconds=1"),
                false => format!("{path}?waitSeconds=1"),
            };
            let headers: Vec<_> = match header {
                Some(("content-type", _)) => header.into_iter().collect(),
                _ => [JSON].into_iter().chain(header).collect(),
            };
            let reply = client.send(operation.verb(), &path, &headers, body).await;
            statuses.insert(reply.status.as_u16());
            if !reply.status.is_success() {
                let asked = format!(" {path} {headers:?} {body}");
                let found = objections(&document, operation, &client, &reply);
                wrong.extend(found.into_iter().map(|what| what + &asked));
            }
        }
    }
    for status in [400, 401, 403, 404, 406, 412, 415] {
        assert!(
            statuses.contains(&status),
            "{status} is missing in {statuses:?}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.world.stop().await;
}
