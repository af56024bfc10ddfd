//! Every limit the document states, tried one by one: the refusal names the field.

use e2e::World;
use http::Method;
use serde_json::{Map, Value, json};

use crate::routes::filled;

/// A value that breaks one stated limit, and the limit's name.
fn breaking(schema: &Value) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    if let Some(most) = schema["maxLength"].as_u64() {
        found.push((
            "maxLength",
            json!("x".repeat(usize::try_from(most).unwrap() + 1)),
        ));
    }
    if schema["enum"].is_array() {
        found.push(("enum", json!("no such word")));
    }
    if schema["format"] == "uuid" {
        found.push(("format", json!("not-a-uuid")));
    }
    if schema["format"] == "date-time" {
        found.push(("format", json!("yesterday")));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let items: Vec<String> = (0..=most).map(|nth| format!("item{nth}")).collect();
        found.push(("maxItems", json!(items)));
    }
    match schema["type"].as_str() {
        Some("string") => found.push(("type", json!(17))),
        Some("boolean") => found.push(("type", json!("maybe"))),
        Some("integer") => found.push(("type", json!("many"))),
        Some("array") => found.push(("type", json!("one"))),
        _ => {}
    }
    found
}

/// A schema with its references followed.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(
            document,
            document.pointer(reference.trim_start_matches('#')).unwrap(),
        ),
        None => match schema["allOf"].as_array() {
            Some(parts) if parts.len() == 1 => resolved(document, &parts[0]),
            _ => schema,
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k_1_every_documented_limit_of_every_body_is_refused_by_its_field() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let document = world.client().get("/api/docs/openapi.json").await.json();
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = resolved(&document, body);
            let none = Map::new();
            for (field, of_field) in schema["properties"].as_object().unwrap_or(&none) {
                let of_field = resolved(&document, of_field);
                for (limit, value) in breaking(of_field) {
                    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                    let sent = json!({ field: value }).to_string();
                    let reply = member
                        .client
                        .send(method.clone(), &filled(path), &[], sent)
                        .await;
                    let place = format!("{method} {path}: {limit} of {field}: {}", reply.json());
                    assert_eq!(reply.status, 400, "{place}");
                    assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{place}");
                    assert!(
                        reply.fields().iter().any(|named| named.starts_with(field)),
                        "{place}"
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(
        tried > 100,
        "only {tried} limits were found in the document"
    );
    world.stop().await;
}
