//! What somebody may not see cannot be told from what there is not, on any documented route (CV-20, VIS-4, T33).

use contracts::group::v1::GroupCreated;
use e2e::{Client, Document, Member, Operation, Reply};
use events::Event;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::routes::UNKNOWN;
use crate::stage::Stage;

/// Ids of what is there and hidden from everybody but its owner, by the part of a path before the id.
async fn hidden(stage: &Stage) -> Vec<(&'static str, String)> {
    let (world, owner) = (&stage.world, &stage.owner);
    let shy = world.newcomer().await;
    let said = post(&shy, json!({})).await;
    let remark = comment(&shy, &said).await;
    let deleted = post(owner, json!({})).await;
    let under_deleted = comment(owner, &deleted).await;
    let draft = post(owner, json!({"isPublished": false})).await;
    let back = post(owner, json!({})).await;
    let under_draft = comment(owner, &back).await;
    let mentor = json!({"profileType": "mentor", "displayName": "Gone"});
    let gone = owner.client.post("/api/v1/profiles", mentor).await;
    // The first one converts the placeholder and keeps its id (PR-8).
    let investor = json!({"profileType": "investor", "displayName": "Gone too"});
    let second = owner.client.post("/api/v1/profiles", investor).await;
    assert!(gone.status.is_success() && second.status.is_success());
    let gone = id(&second.json()["data"]);
    for path in [
        format!("/api/v1/posts/{deleted}"),
        format!("/api/v1/profiles/{gone}"),
    ] {
        owner.client.delete(&path).await.data(200);
    }
    let back_to_draft = json!({"isPublished": false});
    let path = format!("/api/v1/posts/{back}");
    owner.client.put(&path, back_to_draft).await.data(200);
    let path = format!("/api/v1/profiles/{}/visibility", shy.profile_id);
    let private = json!({"visibility": "private"});
    shy.client.patch(&path, private).await.data(200);
    testkit::eventually(|| async {
        let reply = world.client().get(&format!("/api/v1/posts/{said}")).await;
        reply.status == 404
    })
    .await;
    vec![
        ("posts", draft),
        ("posts", back),
        ("posts", deleted),
        ("posts", said),
        ("comments", under_draft),
        ("comments", under_deleted),
        ("comments", remark),
        ("profiles", shy.profile_id),
        ("profiles", gone),
        ("user", shy.account_id),
        ("sessions", stage.session.clone()),
        ("groups", closed_group(stage).await),
    ]
}

async fn post(member: &Member, more: Value) -> String {
    let mut body = json!({"type": "general", "content": "hidden"});
    let more = more.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(more);
    id(&member.client.post("/api/v1/posts", body).await.data(201))
}

async fn comment(member: &Member, post: &str) -> String {
    let path = format!("/api/v1/posts/{post}/comments");
    let made = member
        .client
        .post(&path, json!({"content": "hidden"}))
        .await;
    id(&made.data(201))
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// A private group nobody here is in.
async fn closed_group(stage: &Stage) -> String {
    let group = Uuid::now_v7();
    let made = GroupCreated {
        group_id: group.to_string(),
        name: "Closed".to_owned(),
        visibility: "private".to_owned(),
        version: 1,
    };
    let rig = stage.world.rig();
    rig.emit("group", Event::of(group, 1, &made)).await;
    group.to_string()
}

/// A body that is right for a route.
fn body(operation: Operation<'_>) -> &'static str {
    match (operation.method, operation.path) {
        ("GET" | "DELETE", _) => "",
        (_, path) if path.ends_with("/visibility") => r#"{"visibility":"public"}"#,
        (_, path) if path.starts_with("/api/v1/groups") => r#"{"type":"general","content":"x"}"#,
        (_, path) if path.ends_with("/comments") => r#"{"content":"x"}"#,
        ("PUT" | "PATCH", path) if path.ends_with("/{id}") && !path.contains("profiles") => {
            r#"{"content":"x"}"#
        }
        _ => "{}",
    }
}

/// All of a reply that is not its own: status, headers, body.
fn told(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    const OWN: [&str; 4] = [
        "date",
        "x-request-id",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    let headers = reply.headers.iter();
    let mut headers: Vec<(String, String)> = headers
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let own = ["requestId", "timestamp"].map(|name| reply.json()["meta"][name].clone());
    let text = own.iter().fold(text, |text, own| {
        text.replace(own.as_str().unwrap_or("nothing"), "…")
    });
    (reply.status.as_u16(), headers, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_20_what_is_hidden_answers_byte_for_byte_as_what_is_unknown() {
    let stage = Stage::set().await;
    let document = Document::of(stage.world.client()).await;
    let hidden = hidden(&stage).await;
    let mut compared = 0;
    for operation in document.operations() {
        let Some((before, _)) = operation.path.split_once("/{") else {
            continue;
        };
        let kind = before.rsplit('/').next().unwrap();
        let ids: Vec<&String> = hidden
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, id)| id)
            .collect();
        assert!(
            !ids.is_empty(),
            "{}: nothing of its kind is hidden",
            operation.path
        );
        for viewer in [stage.world.client(), &stage.reader.client] {
            for condition in [None, Some(("if-match", "\"1-0000000000000000\""))] {
                let unknown = told(&ask(viewer, operation, UNKNOWN, condition).await);
                for id in &ids {
                    let found = told(&ask(viewer, operation, id, condition).await);
                    assert_eq!(
                        found, unknown,
                        "{} {} {id}",
                        operation.method, operation.path
                    );
                    compared += 1;
                }
                let seen = operation.is_open() || viewer.token().is_some();
                let expected = match (seen, kind, condition) {
                    (false, ..) => 401,
                    // Equal for unknown ids: an empty list.
                    (true, "user", _) => 200,
                    // Nothing compares versions there, so none is the one that was named (CQ-2).
                    (true, _, Some(_)) if unknown.0 == 412 => 412,
                    _ => 404,
                };
                assert_eq!(
                    unknown.0, expected,
                    "{} {}",
                    operation.method, operation.path
                );
            }
        }
    }
    assert!(compared > 150, "{compared}");
    stage.world.stop().await;
}

async fn ask(
    client: &Client,
    operation: Operation<'_>,
    id: &str,
    condition: Option<(&'static str, &'static str)>,
) -> Reply {
    let (before, after) = operation.path.split_once("/{").unwrap();
    let rest = after.split_once('}').unwrap().1;
    let path = format!("{before}/{id}{rest}");
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(condition);
    client
        .send(operation.verb(), &path, &headers, body(operation))
        .await
}
