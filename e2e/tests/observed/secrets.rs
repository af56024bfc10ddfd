//! Whatever is sent, the log holds no secret, no address, and no line that somebody else wrote (OB-1, T34).

use std::collections::BTreeMap;

use contracts::common::v1::Envelope;
use contracts::profile::v1::{ProfileRef, ProfileUpdated};
use e2e::{Client, Grpc, Member, World};
use events::Event;
use http::Method;
use prost::Message as _;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::world;

/// What must never be read in the log, whatever it was sent in.
const MARK: &str = "Zq7secret";
/// The client's address behind our proxy; only its network may be read.
const ADDRESS: &str = "203.0.113.77";
/// A line somebody would like to have written.
const FORGED: &str = r#"{"level":"ERROR","message":"FORGED","service":"auth"}"#;

/// Texts that try to begin a line of their own, or to steer a terminal.
fn forgeries() -> Vec<String> {
    let breaks = [
        "\n",
        "\r\n",
        "\u{1b}[2J",
        "\u{85}",
        "\u{2028}",
        "\"}\n",
        "\\n",
    ];
    let forged = breaks.iter().map(|end| format!("{MARK}{end}{FORGED}"));
    forged.collect()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Everything over REST: path, query, headers, body, user agent.
async fn rest(client: &Client) {
    for forged in forgeries() {
        let coded = escaped(&forged);
        let body = json!({"type": "general", "content": forged, "title": forged, "tags": [forged], forged.as_str(): 1});
        for (method, path) in [
            (Method::POST, "/api/v1/posts".to_owned()),
            (Method::POST, "/api/v1/auth/verify-otp".to_owned()),
            (Method::POST, "/api/v1/auth/refresh-token".to_owned()),
            (Method::GET, format!("/api/v1/{coded}")),
            (Method::GET, format!("/api/v1/posts/{coded}")),
            (
                Method::GET,
                format!("/api/v1/feed?cursor={coded}&{coded}=1"),
            ),
            (Method::GET, format!("/api/v1/feed?search={coded}")),
        ] {
            let visible: String = forged.chars().filter(|c| (' '..='~').contains(c)).collect();
            let headers = [
                ("content-type", "application/json"),
                ("user-agent", &visible),
                ("x-request-id", &visible),
                ("idempotency-key", &visible),
                ("if-match", &visible),
                ("cookie", &visible),
                ("referer", &visible),
                ("traceparent", &visible),
                ("accept-language", &visible),
                ("x-forwarded-for", ADDRESS),
            ];
            client.send(method, &path, &headers, body.to_string()).await;
        }
    }
    let bearer = client.with_token(&format!("{MARK}.{MARK}.{MARK}"));
    bearer.get("/api/v1/profiles").await;
}

/// Bytes no HTTP library would send.
async fn raw(world: &World) {
    let heads = [
        format!("GET /api/v1/feed HTTP/1.1\r\nhost: x\r\nuser-agent: {MARK}\u{1b}[31m\r\n"),
        format!("GET /{MARK}\u{1b}[2J HTTP/1.1\r\nhost: x\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\n{FORGED}\r\n"),
        format!("{FORGED} {MARK}\r\n"),
        format!(
            "POST /api/v1/posts HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\nx: {MARK}\r\n"
        ),
    ];
    for head in heads {
        let mut stream = tokio::net::TcpStream::connect(world.up().address())
            .await
            .unwrap();
        let request = format!("{head}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        // However the door ends it: with an answer, or by closing.
        let read = stream.read_to_end(&mut reply);
        let _ended = tokio::time::timeout(testkit::LONGEST, read).await;
    }
}

/// The same texts over gRPC and gRPC-Web.
async fn grpc(world: &World, member: &Member) {
    let rpc = "/smilefactory.feed.v1.FeedService/CreatePost";
    let grpc = Grpc::reflected(member.client.base()).await;
    let signed = grpc.with_token(member.client.token().unwrap());
    let stranger = grpc.with_token(MARK);
    for forged in forgeries() {
        let post = json!({"type": "POST_TYPE_GENERAL", "content": forged, "title": forged});
        let _refused = stranger.call(rpc, post.clone()).await.unwrap_err();
        let _either = signed.call(rpc, post).await;
        let message = contracts::feed::v1::GetPostRequest { id: forged.clone() }.encode_to_vec();
        for message in [message, forged.clone().into_bytes()] {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            let framed = [&[0], &length[..], &message].concat();
            let headers = [
                ("content-type", "application/grpc-web+proto"),
                ("x-user-agent", MARK),
                ("grpc-timeout", MARK),
            ];
            for headers in [&headers[..2], &headers] {
                let path = "/smilefactory.feed.v1.FeedService/GetPost";
                let client = world.client();
                client
                    .send(Method::POST, path, headers, framed.clone())
                    .await;
            }
        }
    }
}

/// Events that cannot be handled, with the same texts in them.
async fn events(world: &World) {
    let rig = world.rig();
    for forged in forgeries() {
        let profile = ProfileRef {
            profile_id: forged.clone(),
            account_id: forged.clone(),
            display_name: forged.clone(),
            ..ProfileRef::default()
        };
        let updated = ProfileUpdated {
            profile: Some(profile),
            ..ProfileUpdated::default()
        };
        rig.emit("profile", Event::of(Uuid::now_v7(), 1, &updated))
            .await;
        let envelope = Envelope {
            event_id: Uuid::now_v7().to_string(),
            r#type: "smilefactory.profile.v1.ProfileUpdated".to_owned(),
            correlation_id: forged.clone(),
            traceparent: forged.clone(),
            payload: forged.clone().into_bytes(),
            ..Envelope::default()
        };
        rig.deliver("profile", &envelope).await;
        let unknown = Envelope {
            event_id: forged.clone(),
            r#type: forged.clone(),
            ..envelope
        };
        rig.deliver("profile", &unknown).await;
    }
    let broken = "select count(*)::text as n from feed.dead_letters";
    testkit::eventually(|| async { letters(world, broken).await >= 2 * forgeries().len() }).await;
}

async fn letters(world: &World, sql: &str) -> usize {
    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
    let asked = Statement::from_string(DbBackend::Postgres, sql);
    let row = world.rig().owner().query_one_raw(asked).await.unwrap();
    let count: String = row.unwrap().try_get("", "n").unwrap();
    count.parse().unwrap()
}

/// The lines, each of them a whole JSON object with what every line has.
fn lines(text: &str) -> Vec<(usize, Map<String, Value>)> {
    let lines = text.lines().map(|line| {
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
            panic!("no JSON object: {line}");
        };
        for name in ["time", "level", "service", "target", "message"] {
            assert!(fields[name].is_string(), "{name} of {line}");
        }
        let level = fields["level"].as_str().unwrap();
        assert!(
            ["ERROR", "WARN", "INFO", "DEBUG"].contains(&level),
            "{line}"
        );
        (line.len() + 1, fields)
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_1_t34_the_log_holds_no_secret_no_address_and_no_forged_line() {
    let (ears, world) = world().await;
    let start = ears.log.len();
    let email = format!("{}.person@example.com", MARK.to_lowercase());
    let code = world.code_for(&email).await;
    let wrong = json!({"email": email, "code": if code == "000000" { "000001" } else { "000000" }});
    let verify = "/api/v1/auth/verify-otp";
    world.client().post(verify, wrong).await;
    let member = world.sign_in(&email).await;
    rest(world.client()).await;
    rest(&member.client).await;
    raw(&world).await;
    grpc(&world, &member).await;
    events(&world).await;
    world.stop().await;

    let text = ears.log.since(start);
    let token = member.client.token().unwrap();
    let secrets = [
        MARK,
        &MARK.to_lowercase(),
        ADDRESS,
        "FORGED",
        token,
        &member.refresh_token,
    ];
    for line in text.lines() {
        for secret in secrets {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
        assert!(!line.contains('@'), "an address in {line}");
    }
    let lines = lines(&text);
    for (_, fields) in &lines {
        for (name, value) in fields {
            // Times and ids may hold any digits.
            let chance = [
                "time",
                "duration",
                "requestId",
                "traceId",
                "spanId",
                "event",
            ];
            let said = value.to_string();
            let is_code = |word: &str| word == code;
            let words = said
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(is_code);
            assert!(
                chance.contains(&name.as_str()) || !words,
                "{name} is {said}"
            );
        }
    }
    requests(&lines);
}

/// Every request has one access line with everything in it, and few bytes altogether.
fn requests(lines: &[(usize, Map<String, Value>)]) {
    let mut bytes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut access = 0;
    for (length, fields) in lines {
        let shown = fields["level"] != "DEBUG";
        if let Some(id) = fields.get("requestId").and_then(Value::as_str)
            && shown
        {
            *bytes.entry(id).or_default() += length;
        }
        if fields["target"] == "edge::access" {
            access += 1;
            for name in ["requestId", "traceId", "route", "status", "duration", "ip"] {
                assert!(fields.contains_key(name), "{name} of {fields:?}");
            }
            let ip = fields["ip"].as_str().unwrap();
            assert!(ip.ends_with("/24") || ip.ends_with("/48"), "{ip}");
        }
    }
    assert!(access > 100, "{access} requests");
    assert!(lines.iter().any(|(_, fields)| fields["level"] == "DEBUG"));
    for (id, bytes) in bytes {
        assert!(bytes <= 1024, "{bytes} bytes about {id}");
    }
}
