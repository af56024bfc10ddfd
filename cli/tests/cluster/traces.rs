//! Traces of many processes (OB-4), and a collector that is not there.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use bench::deployment::{Ask, Cluster, Entry, Reply, Scrape, Site, free_address, until};
use e2e::collector::{Collector, Received};
use serde_json::{Value, json};
use testkit::{Rig, eventually};
use uuid::Uuid;

use super::place;

/// The span outside, which the door's is part of.
const OUTSIDE: &str = "b7ad6b7169203331";

/// The kind of a consumer's span.
const CONSUMER: i32 = 5;

/// Sends a request in a sampled trace of its own.
async fn send(entry: &Entry, path: &str, body: &Value) -> (String, Reply) {
    let trace = Uuid::new_v4().simple().to_string();
    let parent = format!("00-{trace}-{OUTSIDE}-01");
    let ask = Ask::post(path, body).header("traceparent", parent);
    let reply = entry.edges[0].send(&ask).await.unwrap();
    (trace, reply.with(200).unwrap())
}

/// Whether every span but one is part of another, and that one of the span outside.
fn is_one_tree(spans: &[Received]) -> bool {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let (roots, others): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.parent == OUTSIDE);
    roots.len() == 1 && others.iter().all(|span| ids.contains(span.parent.as_str()))
}

pub(crate) async fn ob_4_one_request_is_one_tree_over_processes(
    cluster: &Cluster,
    collector: &Collector,
) {
    let email = "traced@example.com";
    let (_, _asked) = send(
        &cluster.entry,
        "/api/v1/auth/send-otp",
        &json!({"email": email}),
    )
    .await;
    let code = cluster.entry.code(email, "").await.unwrap();
    let given = json!({"email": email, "code": code});
    let (trace, _) = send(&cluster.entry, "/api/v1/auth/verify-otp", &given).await;
    // auth asks profile in its own process; feed hears of the account and its profile by events, in another.
    let spans = eventually(|| async {
        let spans = collector.trace(&trace);
        let consumes = |span: &Received| span.kind == CONSUMER && span.scope == "feed";
        let whole = is_one_tree(&spans) && spans.iter().any(consumes);
        whole.then_some(spans)
    })
    .await;
    let scopes: BTreeSet<&str> = spans.iter().map(|span| span.scope.as_str()).collect();
    for scope in ["edge", "auth", "profile", "feed"] {
        assert!(scopes.contains(scope), "{scope}: {scopes:?}");
    }
    assert!(
        spans.iter().any(|span| span.name == "INSERT"),
        "down to SQL: {spans:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_4_a_dead_collector_changes_nothing_for_requests() {
    let rig = Rig::start().await;
    let mut place = place(&rig);
    place.settings = format!(
        "[trace]\nendpoint = \"http://{}\"\nratio = 1.0\n",
        free_address()
    );
    let site = Site::new(place).unwrap();
    let edge = free_address();
    let own = [
        ("SF__EDGE__HOST", Ipv4Addr::LOCALHOST.to_string()),
        ("SF__EDGE__PORT", edge.port().to_string()),
        ("SF__LISTEN__ADDRESS", free_address().to_string()),
    ];
    let mut process = site.process("all", &["serve", "auth", "profile", "feed", "edge"], &own);
    process.start().unwrap();
    process.ready().await.unwrap();
    let door = bench::deployment::Door::new(edge);
    until(
        "spans are given up, and requests are answered",
        async || {
            door.send(&Ask::get("/api/v1/feed?limit=1"))
                .await?
                .with(200)?;
            let lost = Scrape::of(&process).await?;
            let failed = lost.sum("sf_trace_spans_total", &["outcome=\"failed\""]);
            let dropped = lost.sum("sf_trace_spans_total", &["outcome=\"dropped\""]);
            Ok(failed + dropped > 0.0)
        },
    )
    .await
    .unwrap();
    process.stop().await.unwrap();
}
