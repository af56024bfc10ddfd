//! Many processes: the built binary, as it is deployed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test reports by panicking"
)]

mod faults;
mod stream;
mod traces;

use bench::deployment::{Ask, Cluster, Place, Servers, Session, Site, free_address};
use bench::faults::roll;
use bytes::Bytes;
use e2e::Client;
use e2e::collector::Collector;
use mesh::Verbatim;
use sea_orm::ConnectionTrait;
use serde_json::json;
use testkit::{Rig, eventually};
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

/// auth and profile share a process, so that both ways of calling are taken.
const SHARED: &[&[&str]] = &[&["auth", "profile"], &["feed"]];

/// Least number of requests a rolling restart has to see; the figure of N-22 is a bench's.
const REQUESTS: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_in_one_process_holds_in_many() {
    let rig = Rig::start().await;
    let collector = Collector::start();
    let mut place = place(&rig);
    place.settings = format!("[trace]\nendpoint = {:?}\n", collector.endpoint);
    let mut cluster = Cluster::start(place, SHARED).await.unwrap();
    let ada = a_journey_goes_through_both_edges(&cluster).await;
    t16_no_port_answers_without_a_credential(&cluster).await;
    t15_identity_from_outside_has_no_effect(&cluster).await;
    let left = i_12_a_logout_at_one_edge_holds_at_the_other(&cluster).await;
    traces::ob_4_one_request_is_one_tree_over_processes(&cluster, &collector).await;
    stream::t59_a_stream_goes_on_elsewhere_and_nothing_is_lost_or_doubled(&mut cluster, &ada).await;
    t59_a_rolling_restart_fails_no_request(&mut cluster, &ada).await;
    i_12_a_logout_holds_after_a_restart(&cluster, &left).await;
    cluster.stop().await.unwrap();
}

/// The built binary on the servers of a rig.
fn place(rig: &Rig) -> Place {
    let host = rig.config();
    Place {
        binary: env!("CARGO_BIN_EXE_smilefactory").into(),
        servers: Servers {
            database: host.database.url.expose().to_owned(),
            role_secret: host.database.role_secret.expose().to_owned(),
            redis: host.redis.url.expose().to_owned(),
            secret: host.secret.expose().to_owned(),
        },
        settings: String::new(),
    }
}

fn client(cluster: &Cluster, nth: usize) -> Client {
    Client::new(cluster.entry.edges[nth].address())
}

async fn sign_in(cluster: &Cluster, nth: usize, email: &str) -> Session {
    cluster.entry.sign_in(nth, email).await.unwrap()
}

async fn a_journey_goes_through_both_edges(cluster: &Cluster) -> Session {
    let ada = sign_in(cluster, 0, "ada@example.com").await;
    let [one, other] = [0, 1].map(|nth| client(cluster, nth).with_token(&ada.access));
    let post = json!({"type": "general", "content": "from the other edge", "visibility": "public"});
    let made = other.post("/api/v1/posts", post).await.data(201);
    let path = format!("/api/v1/posts/{}", made["id"].as_str().unwrap());
    assert_eq!(
        one.get(&path).await.data(200)["content"],
        "from the other edge"
    );
    let like = format!("{path}/like");
    one.post(&like, json!({})).await.data(200);
    // What the other edge keeps for readers without a token is dropped by feed's signal (GW-18).
    eventually(|| async {
        let seen = client(cluster, 1).get(&path).await.data(200);
        seen["likesCount"] == 1
    })
    .await;
    ada
}

async fn t16_no_port_answers_without_a_credential(cluster: &Cluster) {
    let mut forged = MetadataMap::new();
    forged.insert("x-sf-identity", "e30.e30.c2ln".parse().unwrap());
    for address in [cluster.peers("feed")[0], cluster.peers("auth")[1]] {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        for rule in contracts::rpcs() {
            for metadata in [MetadataMap::new(), forged.clone()] {
                let mut client = Grpc::new(channel.clone());
                client.ready().await.unwrap();
                let request = Request::from_parts(metadata, Default::default(), Bytes::new());
                let path = http::uri::PathAndQuery::from_static(rule.path);
                let refused = client.unary(request, path, Verbatim).await.unwrap_err();
                assert_eq!(refused.code(), Code::Unauthenticated, "{}", rule.path);
            }
        }
    }
}

async fn t15_identity_from_outside_has_no_effect(cluster: &Cluster) {
    for name in [
        "x-sf-identity",
        "x-sf-service",
        "x-account-id",
        "grpc-metadata-x-account-id",
        "x-account-id-bin",
    ] {
        let ask = Ask::get("/api/v1/auth/me").header(name, "e30.e30.c2ln");
        let reply = cluster.entry.edges[0].send(&ask).await.unwrap();
        assert_eq!(reply.status, 401, "{name}");
    }
}

async fn i_12_a_logout_at_one_edge_holds_at_the_other(cluster: &Cluster) -> String {
    let token = sign_in(cluster, 1, "leaving@example.com").await.access;
    let [one, other] = [0, 1].map(|nth| client(cluster, nth).with_token(&token));
    other.get("/api/v1/auth/me").await.data(200);
    one.post("/api/v1/auth/logout", json!({})).await.data(200);
    eventually(|| async { other.get("/api/v1/auth/me").await.status == 401 }).await;
    token
}

async fn i_12_a_logout_holds_after_a_restart(cluster: &Cluster, token: &str) {
    for nth in 0..2 {
        let client = client(cluster, nth).with_token(token);
        assert_eq!(client.get("/api/v1/auth/me").await.status, 401);
    }
}

async fn t59_a_rolling_restart_fails_no_request(cluster: &mut Cluster, ada: &Session) {
    let rolled = roll::run(cluster, ada, 4, REQUESTS).await.unwrap();
    let wrong = rolled.wrong;
    assert!(
        wrong.is_empty(),
        "{} of {}: {:#?}",
        wrong.len(),
        rolled.answered,
        &wrong[..wrong.len().min(5)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dl_4_a_service_waits_for_the_schema_it_needs() {
    let rig = Rig::start().await;
    let site = Site::new(place(&rig)).unwrap();
    let forget = "delete from app.seaql_migrations where version = 'm20261123_000034_feed_stream'";
    rig.owner().execute_unprepared(forget).await.unwrap();
    let listen = ("SF__LISTEN__ADDRESS", free_address().to_string());
    let auth = ("SF__MESH__PEERS__AUTH", free_address().to_string());
    let mut process = site.process("waiting", &["serve", "profile"], &[listen, auth]);
    process.start().unwrap();
    eventually(|| async {
        let reply = process.ask("/readyz").await;
        let of_profile =
            |body: &Bytes| String::from_utf8_lossy(body).contains("database of profile");
        reply.is_some_and(|reply| reply.status == 503 && of_profile(&reply.body))
    })
    .await;
    assert_eq!(process.ask("/livez").await.unwrap().status, 200);
    let again = "insert into app.seaql_migrations (version, applied_at) values ('m20261123_000034_feed_stream', 0)";
    rig.owner().execute_unprepared(again).await.unwrap();
    process.ready().await.unwrap();
    process.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dl_3_a_setting_that_cannot_be_used_ends_the_start_and_is_named() {
    let rig = Rig::start().await;
    let site = Site::new(place(&rig)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (role, name, value) in [
        ("profile", "SF__DATABASE__URL", ""),
        ("profile", "SF__SECRET", "short"),
        ("profile", "SF__LISTEN__ADDRESS", "nowhere"),
        ("profile", "SF__LISTEN__ADDRESS", &taken),
        ("profile", "SF__LISTEN__STREEMS", "1"),
        ("profile", "SF__REDIS__URL", "redis://127.0.0.1/none"),
        ("auth", "SF__MESH__PEERS__PROFILE", "127.0.0.1"),
        ("feed", "SF__MESH__PEERS__AUTH", "127.0.0.1:1"),
    ] {
        let auth = ("SF__MESH__PEERS__AUTH", "127.0.0.1:1".to_owned());
        let process = site.process(
            "failing",
            &["serve", role],
            &[auth, (name, value.to_owned())],
        );
        let (succeeded, said) = process.run().await.unwrap();
        assert!(!succeeded, "{name}");
        let missing = "mesh.peers.profile".to_owned();
        let setting = name
            .trim_start_matches("SF__")
            .to_lowercase()
            .replace("__", ".");
        let named = said.contains(&setting) || said.contains(name);
        assert!(
            named || role == "feed" && said.contains(&missing),
            "{name}: {said}"
        );
    }
}
