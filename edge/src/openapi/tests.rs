//! The document is whole, and says exactly what is served.

use std::collections::BTreeSet;

use serde_json::Value;

fn document() -> Value {
    super::document(contracts::DESCRIPTOR, "http://localhost:3000", "0.1.0")
        .expect("our own descriptor set")
}

/// Every operation as method, path and value.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

/// Calls `look` with every value of the document and the way to it.
fn walk(value: &Value, way: &str, look: &mut impl FnMut(&str, &Value)) {
    look(way, value);
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| walk(item, &format!("{way}/{i}"), look)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, field)| walk(field, &format!("{way}/{key}"), look)),
        _ => {}
    }
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    &document["paths"][path][method]
}

fn parameter<'a>(operation: &'a Value, name: &str) -> &'a Value {
    let all = operation["parameters"].as_array().unwrap();
    all.iter()
        .find(|parameter| parameter["name"] == name)
        .unwrap_or(&Value::Null)
}

/// `/users/{user_id=*}` as `/users/{}`.
fn anonymous(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn cv_1_documented_routes_equal_served_routes() {
    let document = document();
    let transcoder = transcode::Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let served: BTreeSet<(String, String)> = transcoder
        .routes()
        .iter()
        .map(|route| (route.method.clone(), anonymous(&route.template)))
        .collect();
    let documented: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .filter(|(.., operation)| operation["tags"][0] != super::owned::TAG)
        .map(|(method, path, _)| (method, anonymous(&path)))
        .collect();
    assert!(served.len() > 30);
    assert_eq!(documented, served);
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |way, value| {
        if let Some(reference) = value.get("$ref") {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(
                document.pointer(pointer).is_some_and(Value::is_object),
                "{way}: {reference}"
            );
            assert_eq!(
                value.as_object().unwrap().len(),
                1,
                "{way}: what stands beside a $ref is ignored"
            );
            used.insert(pointer.to_owned());
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                used.contains(&format!("/components/{kind}/{name}")),
                "{name} is used nowhere"
            );
        }
    }
}

#[test]
fn operations_are_complete() {
    let document = document();
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].as_str().unwrap())
        .collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{place}: the id is taken"
        );
        assert!(
            tags.contains(operation["tags"][0].as_str().unwrap()),
            "{place}"
        );
        for text in ["summary", "description"] {
            assert!(
                !operation[text].as_str().unwrap().is_empty(),
                "{place}: no {text}"
            );
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{place}: no success"
        );
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let names: BTreeSet<String> = parameters
            .iter()
            .map(|p| {
                format!(
                    "{} {}",
                    p["in"].as_str().unwrap(),
                    p["name"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            names.len(),
            parameters.len(),
            "{place}: a parameter stands twice"
        );
        for name in path
            .split('/')
            .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
        {
            assert!(names.contains(&format!("path {name}")), "{place}: {name}");
            assert_eq!(
                parameter(operation, name)["required"],
                true,
                "{place}: {name}"
            );
        }
        let bodies = matches!(method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
        assert!(
            bodies || operation.get("requestBody").is_none(),
            "{place}: a GET has no body"
        );
    }
}

#[test]
fn schemas_are_well_formed() {
    let document = document();
    let types = ["object", "array", "string", "integer", "number", "boolean"];
    walk(&document["components"]["schemas"], "", &mut |way, value| {
        let Some(kind) = value.get("type").and_then(Value::as_str) else {
            return;
        };
        if way.ends_with("/properties") {
            return;
        }
        assert!(types.contains(&kind), "{way}: {kind}");
        assert_eq!(kind == "array", value.get("items").is_some(), "{way}");
        let properties = value.get("properties").and_then(Value::as_object);
        if let Some(required) = value.get("required").and_then(Value::as_array) {
            assert!(!required.is_empty(), "{way}");
            for name in required {
                let known = properties
                    .is_some_and(|properties| properties.contains_key(name.as_str().unwrap()));
                assert!(known, "{way}: {name}");
            }
        }
        if let Some(words) = value.get("enum").and_then(Value::as_array) {
            let distinct: BTreeSet<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(distinct.len(), words.len(), "{way}");
            assert_eq!(
                words.contains(&Value::Null),
                value.get("nullable").is_some(),
                "{way}"
            );
        }
        for (least, most) in [
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
            ("minimum", "maximum"),
        ] {
            if let (Some(least), Some(most)) = (value.get(least), value.get(most)) {
                assert!(least.as_i64() <= most.as_i64(), "{way}");
            }
        }
    });
}

#[test]
fn the_document_is_the_same_every_time() {
    assert_eq!(document().to_string(), document().to_string());
}

#[test]
fn access_classes_become_security() {
    let document = document();
    let security = |method, path| operation(&document, method, path)["security"].to_string();
    assert_eq!(security("post", "/api/v1/auth/send-otp"), "[]");
    assert_eq!(security("get", "/api/v1/feed"), r#"[{},{"bearer":[]}]"#);
    assert_eq!(security("get", "/api/v1/auth/me"), r#"[{"bearer":[]}]"#);
    let public = operation(&document, "post", "/api/v1/auth/send-otp");
    assert!(public["responses"].get("401").is_none());
    assert!(
        operation(&document, "get", "/api/v1/feed")["responses"]
            .get("401")
            .is_some()
    );
}

#[test]
fn k_1_options_become_constraints() {
    let document = document();
    let properties = &document["components"]["schemas"]["CreatePostRequest"]["properties"];
    assert_eq!(properties["content"]["maxLength"], 100_000);
    assert_eq!(properties["mediaIds"]["items"]["format"], "uuid");
    assert_eq!(properties["mediaIds"]["maxItems"], 5);
    assert_eq!(properties["imageUrl"]["maxLength"], 2048);
    assert!(
        properties["type"]["enum"]
            .as_array()
            .unwrap()
            .contains(&"blog".into())
    );
    assert_eq!(
        properties["postType"], properties["type"],
        "an alias is a name too"
    );
    assert_eq!(properties["metadata"]["type"], "object");
}

#[test]
fn tr_6_only_messages_with_a_catch_all_take_more() {
    let document = document();
    let more = |name: &str| document["components"]["schemas"][name]["additionalProperties"].clone();
    assert_eq!(more("CreateProfileRequest"), true);
    assert_eq!(more("CreatePostRequest"), false);
    let properties = &document["components"]["schemas"]["CreateProfileRequest"]["properties"];
    assert!(
        properties.get("answers").is_none(),
        "the field's own name is no JSON key (TR-4)"
    );
}

#[test]
fn tr_12_lists_are_arrays_with_pagination_beside_them() {
    let document = document();
    let list = operation(&document, "get", "/api/v1/feed");
    let reply = &list["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(reply["properties"]["data"]["type"], "array");
    assert_eq!(
        reply["properties"]["pagination"]["$ref"],
        "#/components/schemas/Pagination"
    );
    let bare = operation(&document, "get", "/api/v1/profiles");
    let reply = &bare["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(reply["properties"]["data"]["type"], "array");
    assert!(reply["properties"].get("pagination").is_none());
}

#[test]
fn k_2_filters_are_parameters() {
    let document = document();
    let list = operation(&document, "get", "/api/v1/feed");
    assert_eq!(parameter(list, "type")["schema"]["type"], "string");
    assert_eq!(parameter(list, "tags")["schema"]["type"], "array");
    assert_eq!(parameter(list, "sort")["schema"]["default"], "-publishedAt");
    assert_eq!(parameter(list, "limit")["schema"]["default"], 20);
    assert!(
        parameter(list, "cursor")["description"]
            .as_str()
            .unwrap()
            .contains("nextCursor")
    );
}

#[test]
fn cv_17_replies_have_every_field_and_say_what_may_be_null() {
    let document = document();
    let card = &document["components"]["schemas"]["ProfileCard"];
    let properties = card["properties"].as_object().unwrap();
    assert_eq!(card["required"].as_array().unwrap().len(), properties.len());
    assert!(properties["name"].get("nullable").is_none());
    assert_eq!(properties["username"]["nullable"], true);
    let post = &document["components"]["schemas"]["Post"]["properties"];
    assert_eq!(
        post["author"]["allOf"][0]["$ref"],
        "#/components/schemas/ProfileCard"
    );
    assert!(
        post["sharedPost"]["anyOf"].is_array(),
        "a message that may be missing"
    );
}

#[test]
fn tr_13_raw_replies_have_no_envelope() {
    let document = document();
    let jwks = operation(&document, "get", "/.well-known/jwks.json");
    assert!(
        jwks["responses"]["200"]["content"]
            .get("application/json")
            .is_none()
    );
}

#[test]
fn id_1_every_post_takes_a_key_and_only_what_has_one() {
    let document = document();
    let mut posts = 0;
    for (verb, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array();
        let takes = parameters.is_some_and(|all| {
            let is_key = |one: &Value| one["name"] == "Idempotency-Key" && one["in"] == "header";
            all.iter().any(is_key)
        });
        // One RPC has a PATCH beside its POST.
        let keyed = verb == "POST"
            || (verb.as_str(), path.as_str()) == ("PATCH", "/api/v1/auth/active-profile");
        assert_eq!(takes, keyed, "{verb} {path}");
        if keyed {
            posts += 1;
            assert!(!operation["responses"]["409"].is_null(), "{path}");
            assert!(!operation["responses"]["422"].is_null(), "{path}");
        }
    }
    assert!(posts > 8, "{posts}");
}

#[test]
fn failures_are_those_the_comments_name_and_those_every_route_has() {
    let document = document();
    let delete = operation(&document, "delete", "/api/v1/profiles/{id}");
    let codes = |status: &str| {
        let reference = delete["responses"][status]["$ref"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        reference.rsplit('/').next().unwrap_or_default().to_owned()
    };
    assert!(codes("409").contains("LAST_PROFILE"));
    assert!(codes("404").contains("NOT_FOUND"));
    assert!(codes("401").contains("TOKEN_EXPIRED"));
    for status in ["400", "429", "500", "503", "504"] {
        assert!(!codes(status).is_empty(), "{status}");
    }
    assert!(delete["responses"].get("413").is_none(), "nothing is read");
}

#[test]
fn tr_20_aliases_say_what_they_are_aliases_of() {
    let document = document();
    let alias = operation(&document, "patch", "/api/v1/posts/{id}");
    assert!(
        alias["description"]
            .as_str()
            .unwrap()
            .starts_with("Alias of `PUT /api/v1/posts/{id}`.")
    );
    assert_eq!(alias["operationId"], "updatePost_patch");
}

#[test]
fn st_1_a_stream_documents_its_forms_with_the_bare_item_and_its_own_parameters() {
    let document = document();
    let stream = operation(&document, "get", "/api/v1/feed/stream");
    let content = &stream["responses"]["200"]["content"];
    let item = &content["text/event-stream"]["schema"];
    assert!(
        item["$ref"].as_str().unwrap().ends_with("FeedItem"),
        "{item}"
    );
    assert_eq!(&content["application/x-ndjson"]["schema"], item);
    assert_eq!(content["application/json"]["schema"]["type"], "array");
    assert_eq!(&content["application/json"]["schema"]["items"], item);
    assert_eq!(content.as_object().unwrap().len(), 3);
    for (name, place) in [
        ("maxItems", "query"),
        ("waitSeconds", "query"),
        ("after", "query"),
        ("Last-Event-ID", "header"),
    ] {
        assert_eq!(parameter(stream, name)["in"], place, "{name}");
    }
    assert_eq!(parameter(stream, "waitSeconds")["schema"]["maximum"], 60);
    let other = operation(&document, "get", "/api/v1/feed");
    assert!(parameter(other, "maxItems").is_null());
}
