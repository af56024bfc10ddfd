//! The door's own endpoints: probes, docs, captured mail (GW-16, CV-1, K-8).

use edge::{Config, Edge, EdgeKit, Running};
use identity::internal::ServiceKeys;
use std::sync::Arc;

use crate::house::House;

impl House {
    /// A door beside the first one, without an inbox.
    pub(crate) async fn second_door(&self, config: Config) -> anyhow::Result<Running> {
        let secret = self.rig.keys().derive("service keys");
        let keys = Arc::new(ServiceKeys::derived("edge", &secret, chassis::SERVICES).unwrap());
        let peers = self.rig.mesh().peers(Arc::clone(&keys));
        let kit = EdgeKit {
            peers,
            redis: self.rig.redis().clone(),
            keys,
            readiness: chassis::Readiness::default(),
            inbox: None,
        };
        Edge::start(
            kit,
            Config {
                host: [127, 0, 0, 1].into(),
                ..config
            },
        )
        .await
    }
}

#[tokio::test]
async fn gw_16_health_names_services_and_tells_down_from_degraded() {
    let house = House::open(|config| config.mandatory = vec!["auth".to_owned()]).await;
    let reply = house.get("/health", &[]).await;
    let body = reply.json();
    assert_eq!(
        (reply.status, body["data"]["status"].as_str()),
        (200, Some("degraded")),
        "no profile service here: {body}"
    );
    let services: Vec<(&str, &str)> = body["data"]["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        services,
        [("auth", "ok"), ("feed", "ok"), ("profile", "down")]
    );
    for path in ["/livez", "/readyz"] {
        let reply = house.get(path, &[]).await;
        assert_eq!(
            (reply.status, reply.json()["data"]["status"].as_str()),
            (200, Some("ok"))
        );
    }
    let strict = House::open(|config| config.mandatory = vec!["profile".to_owned()]).await;
    let down = strict.get("/health", &[]).await;
    assert_eq!(down.code(), "SERVICE_UNAVAILABLE");
    assert_eq!(down.json()["error"]["details"][0]["field"], "profile");
}

#[tokio::test]
async fn cv_1_the_document_names_every_route_that_is_served() {
    let house = House::open(|_| {}).await;
    let reply = house.get("/api/docs/openapi.json", &[]).await;
    let document = reply.json();
    assert_eq!(
        (reply.status, document["openapi"].as_str()),
        (200, Some("3.0.3"))
    );
    let paths = document["paths"].as_object().unwrap();
    let transcoder = transcode::Transcoder::new(contracts::DESCRIPTOR).unwrap();
    for route in transcoder.routes() {
        // The document writes variables as it likes; their number and place are the route.
        let plain = |path: &str| {
            path.split('/')
                .map(|it| if it.starts_with('{') { "{}" } else { it }.to_owned())
                .collect::<Vec<_>>()
        };
        let wanted = plain(&route.template);
        let found = paths
            .iter()
            .find(|(path, _)| plain(path) == wanted)
            .unwrap_or_else(|| panic!("{} is not documented", route.template));
        assert!(
            found.1[route.method.to_lowercase()].is_object(),
            "{} {}",
            route.method,
            route.template
        );
    }
}

#[tokio::test]
async fn the_docs_page_and_all_it_loads_are_served_from_here() {
    let house = House::open(|_| {}).await;
    let page = house.get("/api/docs", &[]).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let links: Vec<&str> = page
        .body
        .split('"')
        .filter(|text| text.starts_with('/'))
        .collect();
    assert_eq!(links.len(), 4, "{links:?}");
    for link in links {
        assert_eq!(
            house.send("HEAD", link, &[], "").await.status,
            200,
            "{link}"
        );
    }
    assert_eq!(house.get("/api/docs/", &[]).await.status, 200);
    assert_eq!(
        house.get("/api/docs/other.js", &[]).await.code(),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn k_8_captured_mail_is_shown_in_a_development_stack_only() {
    let house = House::open(|_| {}).await;
    house
        .inbox
        .push("ada@example.org", "Your code", "123456", None);
    house.inbox.push(
        "bob@example.org",
        "<script>",
        "654321",
        Some("<b>x</b>".to_owned()),
    );
    let page = house.get("/dev/inbox", &[]).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("123456")
            && page.body.find("654321") < page.body.find("123456")
            && !page.body.contains("<script")
    );
    let all = house.get("/dev/inbox.json", &[]).await.json();
    assert_eq!(
        (
            all["data"].as_array().unwrap().len(),
            all["data"][0]["to"].as_str()
        ),
        (2, Some("bob@example.org"))
    );
    let one = house
        .get("/dev/inbox.json?to=ada%40example.org&limit=1", &[])
        .await
        .json();
    assert_eq!(
        (
            one["data"][0]["text"].as_str(),
            one["data"][0]["html"].is_null()
        ),
        (Some("123456"), true)
    );
    for bad in ["limit=0", "limit=x", "from=ada"] {
        assert_eq!(
            house
                .get(&format!("/dev/inbox.json?{bad}"), &[])
                .await
                .code(),
            "VALIDATION_ERROR"
        );
    }
    let plain = house
        .second_door(Config {
            port: 0,
            ..Config::default()
        })
        .await
        .unwrap();
    for path in ["/dev/inbox", "/dev/inbox.json"] {
        let reply = crate::house::ask(plain.local_addr(), path).await;
        assert_eq!(reply.code(), "NOT_FOUND");
    }
}

#[tokio::test]
async fn k_7_a_retired_version_is_gone() {
    let house = House::open(|config| config.retired_versions = vec![0]).await;
    assert_eq!(house.get("/api/v0/feed", &[]).await.code(), "GONE");
    assert_eq!(house.get("/api/v2/feed", &[]).await.code(), "NOT_FOUND");
    assert_eq!(house.get("/api/feed", &[]).await.status, 200);
}

#[tokio::test]
async fn http_2_without_tls_is_served_on_the_same_port() {
    let house = House::open(|_| {}).await;
    let stream = house.connect().await;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    let client = async {
        let request = http::Request::get("http://door/api/v1/feed")
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        let reply = sender.send_request(request).await.unwrap();
        drop(sender);
        reply
    };
    let (reply, _) = futures_util::join!(client, connection);
    assert_eq!(
        (reply.status().as_u16(), reply.version()),
        (200, http::Version::HTTP_2)
    );
    assert!(reply.headers().contains_key("x-request-id"));
}
