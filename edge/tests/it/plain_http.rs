//! Requests without TLS in production (GW-19, HD-3), by the word of trusted proxies only (GW-7).

use edge::Config;

use crate::house::House;

const POST: &str = "/api/v1/posts/018f0000-0000-7000-8000-000000000001";
const PLAIN: (&str, &str) = ("X-Forwarded-Proto", "http");
const TLS: (&str, &str) = ("X-Forwarded-Proto", "https");

async fn production() -> House {
    House::open(|config| {
        config.production = true;
        config.trusted_hops = 1;
        config.mandatory = vec!["auth".to_owned()];
    })
    .await
}

#[tokio::test]
async fn gw_19_reads_are_redirected_with_308_and_the_rest_is_refused_with_403() {
    let house = production().await;
    for (method, path) in [
        ("GET", "/api/v1/feed?page=1&limit=2"),
        ("HEAD", POST),
        ("GET", "/nothing"),
        ("GET", "/api/docs"),
    ] {
        // A proxy that says nothing is none that ended TLS.
        for headers in [&[PLAIN][..], &[]] {
            let reply = house.send(method, path, headers, "").await;
            assert_eq!(reply.status, 308, "{method} {path}");
            let to = format!("https://door{path}");
            assert_eq!(reply.header("location"), Some(to.as_str()));
            assert_eq!(reply.header("strict-transport-security"), None);
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let reply = house.send(method, POST, &[PLAIN], "{}").await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "FORBIDDEN"));
    }
    let web = ("Content-Type", "application/grpc-web+proto");
    let call = "/smilefactory.feed.v1.FeedService/GetPost";
    let reply = house.send("POST", call, &[PLAIN, web], "\0\0\0\0\0").await;
    assert_eq!(reply.header("grpc-status"), Some("7"), "{reply:?}");
    let nothing = house.feed.calls("ListFeed").len() + house.feed.calls("GetPost").len();
    assert_eq!(nothing, 0);
}

#[tokio::test]
async fn hd_3_probes_are_served_without_tls_and_everything_with_it() {
    let house = production().await;
    for probe in ["/health", "/livez", "/readyz"] {
        for headers in [&[PLAIN][..], &[TLS], &[]] {
            assert_eq!(house.get(probe, headers).await.status, 200, "{probe}");
        }
    }
    let reply = house.get("/api/v1/feed", &[TLS]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("strict-transport-security"),
        Some("max-age=31536000")
    );
    // The client's own word, which the proxy wrote its behind.
    let spoofed = house
        .get("/api/v1/feed", &[("X-Forwarded-Proto", "https, http")])
        .await;
    assert_eq!(spoofed.status, 308);
}

#[tokio::test]
async fn gw_19_outside_production_plain_http_is_served() {
    let house = House::open(|config| config.trusted_hops = 1).await;
    assert_eq!(house.get("/api/v1/feed", &[PLAIN]).await.status, 200);
}

#[tokio::test]
async fn gw_19_production_without_a_trusted_proxy_stops_the_start() {
    let house = House::open(|_| {}).await;
    let config = Config {
        port: 0,
        production: true,
        ..Config::default()
    };
    let refused = house.second_door(config).await.unwrap_err();
    assert!(refused.to_string().contains("trusted_hops"), "{refused}");
}
