//! Every documented route, derived from the document the door serves.

use e2e::World;
use http::Method;
use serde_json::Value;

/// The id of nothing.
pub(crate) const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

/// A path with something in place of each of its variables.
pub(crate) fn filled(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { UNKNOWN } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn gw_2_every_route_that_needs_a_token_refuses_to_do_without_or_with_a_bad_one() {
    let world = World::start().await;
    let document = world.client().get("/api/docs/openapi.json").await.json();
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.0"),
        "{}",
        document["openapi"]
    );
    let mut guarded = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            let security = operation["security"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let optional = security
                .iter()
                .any(|s| s.as_object().is_some_and(serde_json::Map::is_empty));
            if security.is_empty() {
                continue;
            }
            guarded += 1;
            let path = filled(path);
            if !optional {
                let reply = world.client().send(method.clone(), &path, &[], "").await;
                assert_eq!(reply.refused(401), "UNAUTHORIZED", "{method} {path}");
            }
            let garbage = world.client().with_token("garbage");
            let reply = garbage.send(method.clone(), &path, &[], "").await;
            assert_eq!(reply.refused(401), "UNAUTHORIZED", "{method} {path}");
        }
    }
    assert!(guarded > 30, "{guarded} guarded routes");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_1_every_documented_route_is_served() {
    let world = World::start().await;
    let document = world.client().get("/api/docs/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            let path = filled(path);
            let reply = world.client().send(method.clone(), &path, &[], "").await;
            assert_ne!(reply.status, 405, "{method} {path}");
            assert_ne!(reply.status, 501, "{method} {path}");
            assert!(
                reply.status.as_u16() < 500,
                "{method} {path}: {}",
                reply.json()
            );
            if reply.status == 404 {
                let message = reply.json()["message"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                assert!(!message.contains("path"), "{method} {path}: {message}");
            }
        }
    }
    assert_ne!(document["paths"], Value::Null);
    world.stop().await;
}
