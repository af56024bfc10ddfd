//! What hostile text in any place of a request does to log lines and error bodies: nothing (T34, T35).

use fault::{Fault, Reason};
use serde_json::Value;

use crate::house::{House, Reply, without_limits};
use crate::lines::Lines;
use crate::script::Call;

/// Text that would end a line, a string or an object, or move a terminal, where it is written as it is.
const HOSTILE: &[&str] = &[
    "\",\"level\":\"ERROR\",\"forged\":\"yes",
    "\\\",\\\"forged\\\":\\\"yes",
    "\"}\\n{\"forged\":\"yes\"}",
    "forged\u{85}forged",
    "forged\u{2028}{\"forged\":1}",
    "forged\u{202e}degrof",
    "${jndi:ldap://forged.example/a}",
    "%n%s%x forged",
    "<script>forged</script>",
    "'; DROP TABLE forged; --",
];

/// The same where a body or a path can say it in escapes.
const ESCAPED: &[(&str, &str)] = &[
    ("%0d%0a%7B%22forged%22:1%7D", "\\r\\n{\\\"forged\\\":1}"),
    ("%1b%5B31mforged", "\\u001b[31mforged"),
    ("%00forged", "\\u0000forged"),
    ("%c2%9b31mforged", "\\u009b31mforged"),
    ("forged%7f", "forged\\u007f"),
];

const HEADERS: &[&str] = &[
    "User-Agent",
    "X-Request-Id",
    "traceparent",
    "Referer",
    "Origin",
    "Accept",
    "Accept-Language",
    "Accept-Encoding",
    "Authorization",
    "Content-Type",
    "Content-Encoding",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-Timeout",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Access-Control-Request-Method",
    "Cookie",
];

/// What only the inside of the system is called.
const INSIDE: &[&str] = &[
    "SELECT",
    "INSERT",
    "feed.posts",
    "sqlx",
    "sea_orm",
    "DbErr",
    "tokio",
    "hyper",
    "tonic",
    "prost",
    "panicked",
    "src/",
    ".rs:",
    "/srv",
    "smilefactory.",
    "Violation {",
    "Some(",
    "Err(",
    "127.0.0.1",
    "redis",
    "postgres",
];

#[tokio::test]
async fn t34_no_header_path_query_or_body_forges_a_log_line() {
    let house = House::open(without_limits).await;
    let lines = Lines::default();
    let _recording = lines.record();
    for text in HOSTILE {
        for name in HEADERS {
            house.get("/api/v1/feed", &[(name, text)]).await;
        }
        house.get("/livez", &[("Host", text)]).await;
        let body = serde_json::json!({"email": text, "code": text, *text: text}).to_string();
        house
            .send("POST", "/api/v1/auth/verify-otp", &[], &body)
            .await;
    }
    for (path, body) in ESCAPED {
        for path in [
            format!("/{path}"),
            format!("/api/v1/posts/{path}"),
            format!("/api/v1/feed?search={path}"),
            format!("/api/v1/feed?{path}=1"),
        ] {
            house.get(&path, &[]).await;
        }
        let body = format!("{{\"email\":\"{body}\",\"code\":\"{body}\",\"{body}\":1}}");
        house
            .send("POST", "/api/v1/auth/verify-otp", &[], &body)
            .await;
    }
    let text = lines.text();
    let mut access = 0;
    for line in text.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let line: Value = serde_json::from_str(line).unwrap();
        let members = line.as_object().unwrap();
        assert!(!members.contains_key("forged"), "{line}");
        let fields = line["fields"].as_object();
        assert!(
            fields.is_none_or(|fields| !fields.contains_key("forged")),
            "{line}"
        );
        if line["target"] == "edge::access" {
            access += 1;
            assert!(!line.to_string().contains("forged"), "{line}");
        }
    }
    let sent = HOSTILE.len() * (HEADERS.len() + 1) + ESCAPED.len() * 5;
    assert!(access >= sent, "{access} lines for {sent} requests");
}

#[tokio::test]
async fn t34_no_line_holds_a_secret_or_an_address() {
    let house = House::open(without_limits).await;
    let lines = Lines::default();
    let _recording = lines.record();
    let token = house.token(&house.rig.caller());
    let bearer = format!("Bearer {token}");
    let half = &token[..token.len() / 2];
    for authorization in [
        &*bearer,
        &format!("Bearer {half}"),
        &format!("Basic {token}"),
        &token,
    ] {
        house
            .get("/api/v1/feed", &[("Authorization", authorization)])
            .await;
        house
            .get("/api/v1/auth/me", &[("Authorization", authorization)])
            .await;
    }
    for path in ["feed?token=", "feed?access_token=", "posts/", "nothing/"] {
        house
            .get(&format!("/api/v1/{path}{token}"), &[("Cookie", &token)])
            .await;
    }
    for (path, body) in [
        (
            "verify-otp",
            "{\"email\":\"ada.secret@example.org\",\"code\":\"918273\"}".to_owned(),
        ),
        (
            "verify-otp",
            "{\"email\":\"ada.secret@example.org\",\"code\":918273}".to_owned(),
        ),
        (
            "verify-otp",
            "{\"email\":\"ada.secret@example.org\",\"918273\":1".to_owned(),
        ),
        (
            "send-otp",
            "{\"email\":\"ada.secret@example.org\"}".to_owned(),
        ),
        ("refresh-token", format!("{{\"refreshToken\":\"{token}\"}}")),
        (
            "refresh-token",
            format!("{{\"refreshToken\":{{\"{token}\":1}}}}"),
        ),
    ] {
        house
            .send("POST", &format!("/api/v1/auth/{path}"), &[], &body)
            .await;
    }
    let text = lines.text();
    for secret in [
        half,
        &token[token.len() - 20..],
        "918273",
        "ada.secret",
        "secret@",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    for line in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        // Below INFO the libraries speak; production does not listen to them.
        if ["INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()) {
            assert!(!line.to_string().contains("127.0.0.1"), "{line}");
        }
    }
}

#[tokio::test]
async fn t35_no_failure_tells_what_the_system_is_made_of() {
    let house = House::open(without_limits).await;
    let told = "error returned from database: SELECT * FROM feed.posts at /srv/app/src/store.rs:12 DbErr(Some(tokio))";
    let failures: [fn(&str) -> Fault; 3] = [
        |told| Fault::internal(std::io::Error::other(told.to_owned())),
        |told| Fault::unavailable(std::io::Error::other(told.to_owned())),
        |_| Fault::of(Reason::NotImplemented),
    ];
    for failure in failures {
        house.feed.answer(move |_: &Call| Err(failure(told)));
        inside(&house.get("/api/v1/feed", &[]).await);
    }
    house.feed.answer(|_| panic!("SELECT * FROM feed.posts"));
    inside(&house.get("/api/v1/feed", &[]).await);
    let long = "x".repeat(9000);
    for (method, path, body) in [
        ("GET", "/api/v1/feed?limit=x", ""),
        ("GET", "/api/v1/feed?limit=99999999999999999999", ""),
        ("GET", "/api/v1/feed?cursor=%00", ""),
        ("GET", "/api/v1/feed?filter=%27%20OR%201=1", ""),
        ("GET", "/api/v1/feed?sort=pg_sleep(1)", ""),
        ("GET", "/api/v1/feed?fields=__proto__", ""),
        ("GET", "/api/v1/posts/not-an-id", ""),
        ("GET", "/api/v1/posts/%ff", ""),
        ("GET", &format!("/api/v1/{long}"), ""),
        ("DELETE", "/api/v1/feed", ""),
        ("GET", "/api/v1/profiles/x/y/z", ""),
        ("POST", "/api/v1/auth/send-otp", "{"),
        ("POST", "/api/v1/auth/send-otp", "{\"email\":1}"),
        ("POST", "/api/v1/auth/send-otp", "{\"email\":[[]]}"),
        ("POST", "/api/v1/auth/send-otp", "{\"emial\":\"a\"}"),
        ("POST", "/api/v1/auth/verify-otp", "[]"),
        ("POST", "/api/v1/posts", "{}"),
        ("PUT", "/api/v1/settings", "{}"),
    ] {
        inside(
            &house
                .send(method, path, &[("Content-Type", "application/json")], body)
                .await,
        );
    }
}

/// Asserts that a reply is a failure that names nothing of the inside.
#[track_caller]
fn inside(reply: &Reply) {
    reply.code();
    for name in INSIDE {
        assert!(!reply.body.contains(name), "{name} in {reply:?}");
        for (header, value) in &reply.headers {
            assert!(!value.contains(name), "{name} in {header} of {reply:?}");
        }
    }
}
