//! What `/metrics` shows of a live system is what `docs/metrics.md` says (OB-2, OB-3).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use e2e::{Client, World};
use http::Method;
use serde_json::json;

use super::document;
use super::world;

/// A bit of everything that counts.
async fn journey(world: &World) {
    let member = world.newcomer().await;
    let client = &member.client;
    let refresh = json!({"refreshToken": member.refresh_token});
    world
        .client()
        .post("/api/v1/auth/refresh-token", refresh)
        .await
        .data(200);
    for (kind, status) in [("mentor", 200), ("innovator", 201)] {
        let profile = json!({"profileType": kind, "displayName": "Of many sides"});
        client.post("/api/v1/profiles", profile).await.data(status);
    }
    let post = json!({"type": "general", "content": "said"});
    let post = client.post("/api/v1/posts", post).await.data(201);
    let post = format!("/api/v1/posts/{}", post["id"].as_str().unwrap());
    client
        .post(&format!("{post}/like"), json!({}))
        .await
        .data(200);
    let comment = json!({"content": "answered"});
    let comments = format!("{post}/comments");
    client.post(&comments, comment).await.data(201);
    world.client().get("/api/v1/feed").await.data(200);
    // Whatever a client makes up is no label.
    let odd = Method::from_bytes(b"BREW").unwrap();
    world.client().send(odd, "/api/v1/feed", &[], "").await;
    world
        .client()
        .get("/api/v1/invented-4711")
        .await
        .refused(404);
    let (grpc, framed) = ("/invented.Service/Invented4711", vec![0, 0, 0, 0, 0]);
    let headers = [("content-type", "application/grpc-web+proto")];
    world
        .client()
        .send(Method::POST, grpc, &headers, framed)
        .await;
}

/// Series by metric, each with the names of its labels.
type Shown = BTreeMap<String, BTreeSet<BTreeSet<String>>>;

async fn scrape(world: &World) -> String {
    let reply = Client::new(world.up().admin_address())
        .get("/metrics")
        .await;
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// The kinds the text gives, and the labels of every series of ours.
fn read(text: &str) -> (BTreeMap<String, String>, Shown) {
    let kinds: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    let mut shown = Shown::new();
    for line in text.lines().filter(|line| line.starts_with("sf_")) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = document::base(name, |name| kinds.contains_key(name));
        shown.entry(base).or_default().insert(labels_of(labels));
    }
    (kinds, shown)
}

/// `a="x",le="0.1"}` → `a`.
fn labels_of(text: &str) -> BTreeSet<String> {
    let names = text.trim_end_matches('}').split("\",");
    let names = names.filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
    names.filter(|name| name != "le").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_2_ob_3_a_live_system_shows_what_is_documented_and_nothing_else() {
    let (_, world) = world().await;
    journey(&world).await;
    let documented = document::metrics();
    let live = || documented.iter().filter(|(_, metric)| metric.live);
    // Gauges of events and jobs are set every 15 s at the latest.
    let end = Instant::now() + Duration::from_secs(90);
    let text = loop {
        let text = scrape(&world).await;
        let (_, shown) = read(&text);
        let missing = live().filter(|(name, _)| !shown.contains_key(*name));
        let missing: Vec<_> = missing.map(|(name, _)| name).collect();
        if missing.is_empty() {
            break text;
        }
        assert!(Instant::now() < end, "never shown: {missing:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let (kinds, shown) = read(&text);
    for (name, forms) in &shown {
        let Some(metric) = documented.get(name) else {
            panic!("docs/metrics.md does not know {name}");
        };
        assert_eq!(kinds[name], metric.kind, "{name}");
        for form in forms {
            let missing: Vec<_> = metric
                .labels
                .iter()
                .filter(|l| !form.contains(*l))
                .collect();
            assert!(missing.is_empty(), "{name} without {missing:?}");
            let known = |l: &&String| metric.labels.contains(l) || metric.optional.contains(l);
            let unknown: Vec<_> = form.iter().filter(|l| !known(l)).collect();
            assert!(unknown.is_empty(), "{name} with {unknown:?}");
        }
    }
    // Labels alone: a value may have these digits by chance.
    let labels = text.lines().filter_map(|line| line.rsplit_once(' '));
    for (series, _) in labels {
        let made_up = series.contains("4711") || series.contains("BREW");
        assert!(!made_up, "made up by clients: {series}");
    }
    for series in [
        r#"sf_http_requests_total{route="-",method="OTHER",status="4xx"}"#,
        r#"sf_http_requests_total{route="/api/v1/posts/{id}/like",method="POST",status="2xx"}"#,
        r#"sf_grpc_server_seconds_count{service="feed",method="/smilefactory.feed.v1.FeedService/LikePost",code="OK"}"#,
    ] {
        assert!(text.contains(series), "{series}: {text}");
    }
    world.stop().await;
}

/// Every file of the programs, tests left out.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["tests", "target", "benches", "e2e", "fuzz"].contains(&name) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

#[test]
fn ob_2_every_metric_in_the_sources_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["crates", "services", "edge", "cli"] {
        sources(&root.join(folder), &mut files);
    }
    let documented = document::metrics();
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for call in ["counter!(", "gauge!(", "histogram!("] {
            for rest in text.split(call).skip(1) {
                let Some(name) = rest.trim_start().strip_prefix('"') else {
                    continue;
                };
                let name = name.split('"').next().unwrap();
                assert!(
                    documented.contains_key(name),
                    "{name} of {}",
                    file.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 30, "only {count} found");
}

#[test]
fn ob_1_every_crate_of_ours_may_be_logged_in_detail() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["crates", "services"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let folders = folders.into_iter().flatten();
    let mut names: Vec<String> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    names.extend(["edge", "contracts", "entity", "migration", "smilefactory"].map(str::to_owned));
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !telemetry::levels::OURS.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
