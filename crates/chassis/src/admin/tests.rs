//! The admin listener over a real socket, with a real Redis behind readiness.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{Host, HostConfig, Secret};

#[allow(
    clippy::disallowed_methods,
    reason = "tests learn from the environment where Redis is"
)]
fn redis_url() -> Secret<String> {
    Secret::new(
        std::env::var("SF_TEST_REDIS_URL").expect("SF_TEST_REDIS_URL names a Redis for tests"),
    )
}

async fn get(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

async fn host(stop: &Shutdown) -> (Host, SocketAddr) {
    let mut config = HostConfig::default();
    config.redis.url = redis_url();
    config.database.url = Secret::new("postgres://unused".to_owned());
    config.secret = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    let mut host = Host::start(config, stop.clone()).await.unwrap();
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let readiness = host.readiness();
    host.spawn(task(listener, readiness));
    (host, address)
}

#[tokio::test]
async fn ob_2_the_admin_listener_tells_life_readiness_and_figures() {
    let quiet = telemetry::Config {
        filter: "off".to_owned(),
        ..Default::default()
    };
    telemetry::init(&quiet).unwrap();
    metrics::counter!("sf_admin_test_total").increment(1);
    let (_host, address) = host(&Shutdown::new()).await;
    for (head, status, body) in [
        ("GET /livez", "200", "alive"),
        ("GET /readyz", "200", "ready"),
        ("GET /health", "200", "ready"),
        ("GET /metrics", "200", "sf_admin_test_total 1"),
        ("GET /metrics/", "404", "only"),
        ("GET /", "404", "only"),
        ("POST /livez", "405", "only GET"),
        ("HEAD /livez", "200", ""),
    ] {
        let reply = get(address, head).await;
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status} ")) && reply.contains(body),
            "{head}: {reply}"
        );
    }
}

/// Sends a PUT with a body.
async fn put(address: SocketAddr, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}connection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn ob_1_what_is_logged_changes_while_the_process_runs() {
    let quiet = telemetry::Config {
        filter: "off".to_owned(),
        ..Default::default()
    };
    telemetry::init(&quiet).unwrap();
    let (_host, address) = host(&Shutdown::new()).await;
    let configured = get(address, "GET /log/filter").await;
    assert!(configured.ends_with("\r\n\r\noff\n"), "{configured}");
    for (path, body, status, said) in [
        ("/log/filter", "warn,feed=loud", "400", "\"feed=loud\""),
        ("/log/filter", "hyper=trace", "400", "libraries"),
        (
            "/log/filter?seconds=0",
            "warn",
            "400",
            "seconds=<1 to 86400>",
        ),
        (
            "/log/filter?minutes=1",
            "warn",
            "400",
            "seconds=<1 to 86400>",
        ),
        ("/log/filter", &"warn,".repeat(500), "400", "1024 bytes"),
        ("/log/filter", "error,feed=warn", "200", "error,feed=warn"),
        ("/log/filter?seconds=1", "error", "200", "for "),
    ] {
        let reply = put(address, path, body).await;
        let line = format!("HTTP/1.1 {status} ");
        assert!(
            reply.starts_with(&line) && reply.contains(said),
            "{body}: {reply}"
        );
    }
    let back = async {
        while !get(address, "GET /log/filter")
            .await
            .ends_with("\r\n\r\noff\n")
        {
            tokio::task::yield_now().await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(30), back).await;
    back.expect("the configured filter comes back");
    assert!(get(address, "DELETE /log/filter").await.contains("405"));
}

#[tokio::test]
async fn dl_4_readiness_is_false_from_the_moment_stopping_is_asked_for() {
    let stop = Shutdown::new();
    let (host, _) = host(&stop).await;
    let readiness = host.readiness();
    assert_eq!(readiness.check().await, Ok(()));
    readiness.drain();
    assert_eq!(readiness.check().await, Err(vec!["draining".to_owned()]));
    stop.begin();
    // Nothing holds on: the host ends by itself.
    tokio::time::timeout(Duration::from_secs(10), host.run(Duration::from_secs(5)))
        .await
        .unwrap();
}

#[test]
fn dl_3_a_missing_setting_is_named() {
    let mut config = HostConfig::default();
    let said = |config: &HostConfig| config.check().unwrap_err().to_string();
    assert!(said(&config).contains("database.url"));
    config.database.url = Secret::new("postgres://x".to_owned());
    assert!(said(&config).contains("redis.url"));
    config.redis.url = Secret::new("redis://x".to_owned());
    assert!(said(&config).contains("secret is not set"));
    config.secret = Secret::new("short".to_owned());
    assert!(said(&config).contains("at least 32"));
    config.secret = Secret::new("s".repeat(32));
    assert!(config.check().is_ok());
    let derived = config.role_secret();
    config.database.role_secret = Secret::new("own".to_owned());
    assert_eq!(config.role_secret(), b"own");
    assert_ne!(derived, b"own");
}
