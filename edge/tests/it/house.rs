//! A house to test the door of: scripted auth and feed services, a real Redis, real tokens, and a client that speaks raw HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::auth::v1::{
    CheckSessionResponse, Revocation, RevocationBatch, RevocationKind, SendOtpResponse,
    SessionState,
};
use contracts::feed::v1::{ListFeedResponse, Post};
use contracts::google::api::HttpBody;
use edge::{Config, Edge, EdgeKit, Figures, Inbox, RedisDown, Running};
use fault::{Fault, Reason};
use futures_util::StreamExt;
use identity::access::{AccessGrant, Signer, generate_pem};
use identity::internal::ServiceKeys;
use identity::{Caller, clock};
use prost::Message;
use serde_json::Value;
use testkit::Rig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::script::{Answer, Auth, Feed, Script};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct House {
    pub(crate) rig: Rig,
    pub(crate) door: Running,
    pub(crate) auth: Script<Auth>,
    pub(crate) feed: Script<Feed>,
    pub(crate) news: Arc<News>,
    pub(crate) signer: Arc<Signer>,
    /// The signer's private key.
    pub(crate) pem: String,
    pub(crate) inbox: Inbox,
}

/// What the scripted auth service knows.
pub(crate) struct News {
    pub(crate) revocations: Mutex<Vec<Revocation>>,
    /// Whether the feed of revocations says nothing any more.
    pub(crate) silent: AtomicBool,
    pub(crate) session: Mutex<Result<SessionState, Reason>>,
    pub(crate) jwks_up: AtomicBool,
    pub(crate) jwks: Mutex<String>,
    pub(crate) jwks_fetches: AtomicUsize,
}

impl House {
    /// Opens the door of a house, with the default configuration but for what `change` changes.
    pub(crate) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        Self::open_after(|_| {}, change).await
    }

    /// As [`House::open`], after the auth service was told something.
    pub(crate) async fn open_after(
        tell: impl FnOnce(&News),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let pem = generate_pem().unwrap();
        let signer = Arc::new(Signer::new("smilefactory", "smilefactory-api", &pem, &[]).unwrap());
        let news = Arc::new(News {
            revocations: Mutex::default(),
            silent: AtomicBool::new(false),
            session: Mutex::new(Ok(SessionState::Active)),
            jwks_up: AtomicBool::new(true),
            jwks: Mutex::new(signer.jwks().to_json()),
            jwks_fetches: AtomicUsize::new(0),
        });
        tell(&news);
        let rig = Rig::start().await;
        let auth = auth(&news);
        let feed = Script::new(|call| match call.rpc.as_str() {
            "ListFeed" => Ok(Answer::new(&ListFeedResponse::default())),
            _ => Ok(Answer::new(&Post {
                id: Uuid::now_v7().to_string(),
                metadata: "{}".to_owned(),
                ..Post::default()
            })),
        });
        rig.fake("auth", auth.clone());
        rig.fake("feed", feed.clone());
        let secret = rig.keys().derive("service keys");
        let keys = Arc::new(ServiceKeys::derived("edge", &secret, chassis::SERVICES).unwrap());
        let mut config = Config {
            host: [127, 0, 0, 1].into(),
            port: 0,
            ..Config::default()
        };
        change(&mut config);
        let inbox = Inbox::default();
        let kit = EdgeKit {
            peers: rig.mesh().peers(Arc::clone(&keys)),
            redis: rig.redis().clone(),
            keys,
            readiness: chassis::Readiness::default(),
            inbox: Some(inbox.clone()),
        };
        let door = Edge::start(kit, config).await.unwrap();
        Self {
            rig,
            door,
            auth,
            feed,
            news,
            signer,
            pem: pem.to_string(),
            inbox,
        }
    }

    /// An access token of this caller, issued now.
    pub(crate) fn token(&self, caller: &Caller) -> String {
        self.token_of(caller, clock::unix())
    }

    /// An access token of this caller, issued at that second.
    pub(crate) fn token_of(&self, caller: &Caller, issued_at: i64) -> String {
        let grant = AccessGrant {
            account_id: caller.account_id,
            email: "ada@example.org",
            profile_id: caller.profile_id,
            session_id: caller.session_id,
            role: caller.role,
        };
        self.signer.access(&grant, issued_at, HOUR).unwrap()
    }

    /// Revokes everything of this kind and subject issued up to `effective_at`.
    pub(crate) fn revoke(&self, kind: RevocationKind, subject: Uuid, effective_at: i64) {
        let mut revocations = self.news.revocations.lock().unwrap();
        let seq = i64::try_from(revocations.len()).unwrap() + 1;
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        revocations.push(Revocation {
            seq,
            kind: kind.into(),
            subject_id: subject.to_string(),
            effective_at: time(effective_at),
            expires_at: time(clock::unix() + 7200),
        });
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("GET", path, headers, "").await
    }

    /// Asks for a code: a write that needs no token.
    pub(crate) async fn ask_for_code(&self) -> Reply {
        let body = "{\"email\":\"a@example.org\"}";
        self.send("POST", "/api/v1/auth/send-otp", &[], body).await
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: door\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        request.push_str(body);
        Reply::parse(&self.raw(request.as_bytes()).await)
    }

    /// Sends bytes as they are and returns everything that comes back until the door closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.door.local_addr()
    }
}

/// Takes every rate limit out of a test's way.
pub(crate) fn without_limits(config: &mut Config) {
    let all = [
        "ip",
        "anon-read",
        "account",
        "write",
        "auth",
        "otp-send",
        "otp-verify",
        "otp-verify-wrong",
    ];
    for name in all {
        let figures = Figures {
            limit: 1_000_000,
            window_seconds: 60,
            redis_down: RedisDown::Open,
        };
        config.buckets.insert(name.to_owned(), figures);
    }
}

/// Asks another door.
pub(crate) async fn ask(door: SocketAddr, path: &str) -> Reply {
    let mut stream = TcpStream::connect(door).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    Reply::parse(&rest(&mut stream).await)
}

/// Returns everything that comes until the other side closes, however it does that.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = async {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            all.extend_from_slice(&chunk[..count]);
        }
    };
    tokio::time::timeout(testkit::LONGEST, read)
        .await
        .expect("the door closes the connection");
    String::from_utf8(all).unwrap()
}

fn auth(news: &Arc<News>) -> Script<Auth> {
    let news = Arc::clone(news);
    Script::new(move |call| match call.rpc.as_str() {
        "GetJwks" if news.jwks_up.load(Ordering::Relaxed) => {
            news.jwks_fetches.fetch_add(1, Ordering::Relaxed);
            let body = HttpBody {
                content_type: "application/json".to_owned(),
                data: news.jwks.lock().unwrap().clone().into_bytes(),
                extensions: Vec::new(),
            };
            Ok(Answer::new(&body).with("cache-control", "public, max-age=300"))
        }
        "GetJwks" => Err(Fault::of(Reason::ServiceUnavailable)),
        "CheckSession" => match *news.session.lock().unwrap() {
            Ok(state) => Ok(Answer::new(&CheckSessionResponse {
                state: state.into(),
            })),
            Err(reason) => Err(Fault::of(reason)),
        },
        "WatchRevocations" => Ok(Answer::stream(heartbeats(Arc::clone(&news)))),
        "SendOtp" => Ok(Answer::new(&SendOtpResponse {
            message: "sent".to_owned(),
            ..SendOtpResponse::default()
        })),
        "VerifyOtp" => Err(Fault::of(Reason::InvalidOtp)),
        _ => Err(Fault::of(Reason::NotImplemented)),
    })
}

fn heartbeats(news: Arc<News>) -> futures_util::stream::BoxStream<'static, Vec<u8>> {
    let beat = |news: Arc<News>| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        while news.silent.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let revocations = news.revocations.lock().unwrap().clone();
        Some((RevocationBatch { revocations }.encode_to_vec(), news))
    };
    futures_util::stream::unfold(news, beat).boxed()
}

/// A reply, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no reply in {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(it, _)| it == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} stands twice");
        value
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Asserts that this is a failure in the error shape and returns its code.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(body["success"], false, "{self:?}");
        assert_eq!(body["statusCode"], self.status, "{self:?}");
        assert_eq!(body["message"], body["error"]["message"], "{self:?}");
        assert!(body["error"]["details"].is_array(), "{self:?}");
        assert_eq!(body["meta"]["version"], "1.0");
        assert_eq!(
            body["meta"]["requestId"].as_str(),
            self.header("x-request-id")
        );
        let code = body["error"]["code"].as_str().unwrap();
        let reason = Reason::from_code(code).unwrap_or_else(|| panic!("unknown code {code}"));
        assert_eq!(reason.http(), self.status, "{self:?}");
        code.to_owned()
    }
}
