//! HEAD and OPTIONS of every route there is, with its version and without (TR-19, K-7).

use std::collections::{BTreeMap, BTreeSet};

use contracts::feed::v1::{ListFeedResponse, Post};
use transcode::Transcoder;

use crate::house::{House, Reply, without_limits};
use crate::script::{Answer, Profile, Script};

const ID: &str = "018f0000-0000-7000-8000-000000000001";

/// Every template with its methods, as the contracts have them.
fn templates() -> BTreeMap<String, BTreeSet<String>> {
    let transcoder = Transcoder::new(contracts::DESCRIPTOR).unwrap();
    let mut templates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in transcoder.routes() {
        let path = route
            .template
            .split('/')
            .map(|part| if part.starts_with('{') { ID } else { part });
        let path: Vec<&str> = path.collect();
        let methods = templates.entry(path.join("/")).or_default();
        methods.insert(route.method.clone());
        if route.method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert("OPTIONS".to_owned());
    }
    templates
}

/// The same path without its version (K-7); what has none stays.
fn short(path: &str) -> String {
    path.replace("/api/v1/", "/api/")
}

#[tokio::test]
async fn tr_19_k_7_options_of_every_path_and_every_wrong_method_name_the_right_ones() {
    let house = House::open(without_limits).await;
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW",
    ];
    for (path, right) in templates() {
        let right: Vec<&str> = right.iter().map(String::as_str).collect();
        let allow = right.join(", ");
        for path in [path.clone(), short(&path), format!("{path}/")] {
            let options = house.send("OPTIONS", &path, &[], "").await;
            assert_eq!(
                (options.status, options.header("allow")),
                (200, Some(&*allow)),
                "{path}"
            );
            assert_eq!(options.json()["data"]["methods"], serde_json::json!(right));
        }
        for method in methods.iter().filter(|method| !right.contains(method)) {
            let wrong = house.send(method, &path, &[], "").await;
            assert_eq!(
                (wrong.status, wrong.header("allow")),
                (405, Some(&*allow)),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn tr_19_k_7_head_of_every_get_has_its_head_and_nothing_else() {
    let house = House::open(without_limits).await;
    let answer = |call: &crate::script::Call| {
        Ok(match call.rpc.as_str() {
            "GetPost" => Answer::new(&Post {
                metadata: "{}".to_owned(),
                ..Post::default()
            }),
            _ => Answer::new(&ListFeedResponse::default()),
        })
    };
    house.feed.answer(answer);
    house.rig.fake("profile", Script::<Profile>::new(answer));
    let bearer = format!("Bearer {}", house.token(&house.rig.caller()));
    let headers = [
        ("X-Request-Id", "the-same-for-both"),
        ("Authorization", bearer.as_str()),
        ("Accept", "application/json"),
    ];
    let streams = contracts::rpcs()
        .iter()
        .filter(|rule| rule.streaming && rule.public)
        .count();
    let mut seen = 0;
    for (path, methods) in templates() {
        if !methods.contains("GET") || path.ends_with("/stream") {
            continue;
        }
        seen += 1;
        for path in [path.clone(), short(&path)] {
            let get = house.get(&path, &headers).await;
            let head = house.send("HEAD", &path, &headers, "").await;
            assert!(!get.body.is_empty(), "{path}");
            assert_eq!(head.body, "", "{path}");
            assert_eq!(told(&head), told(&get), "{path}");
        }
    }
    let reads = templates()
        .values()
        .filter(|methods| methods.contains("GET"))
        .count();
    assert_eq!(seen + streams, reads, "streams have a test of their own");
}

/// A reply's status and the headers that do not tell one moment from another.
fn told(reply: &Reply) -> (u16, BTreeSet<&(String, String)>) {
    let moving = ["date", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let fixed = reply
        .headers
        .iter()
        .filter(|(name, _)| !moving.contains(&name.as_str()));
    (reply.status, fixed.collect())
}
