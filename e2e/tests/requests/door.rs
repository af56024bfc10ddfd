//! The real door over services that take down what they receive.

use std::sync::Arc;
use std::time::Duration;

use edge::{Config, Edge, EdgeKit, Figures, RedisDown, Running};
use identity::access::{AccessGrant, Signer, generate_pem};
use identity::clock;
use identity::internal::ServiceKeys;
use testkit::Rig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cases::Case;
use crate::peers::{Auth, Feed, Profile, Received, Service};
use crate::reply::Reply;
use crate::service::Outcome;

/// The door with everything behind it.
pub(crate) struct Door {
    door: Running,
    token: String,
    received: Received,
    rig: Rig,
}

impl Door {
    pub(crate) async fn open() -> Self {
        let pem = generate_pem().unwrap();
        let signer = Signer::new("smilefactory", "smilefactory-api", &pem, &[]).unwrap();
        let jwks: Arc<str> = signer.jwks().to_json().into();
        let received = Received::default();
        let rig = Rig::start().await;
        rig.fake("auth", Service::<Auth>::new(&received, &jwks));
        rig.fake("profile", Service::<Profile>::new(&received, &jwks));
        rig.fake("feed", Service::<Feed>::new(&received, &jwks));
        let keys = ServiceKeys::derived(
            "edge",
            &rig.keys().derive("service keys"),
            chassis::SERVICES,
        )
        .unwrap();
        let keys = Arc::new(keys);
        let mut config = Config {
            host: [127, 0, 0, 1].into(),
            port: 0,
            retired_versions: vec![0],
            ..Config::default()
        };
        for bucket in [
            "ip",
            "anon-read",
            "account",
            "write",
            "auth",
            "otp-send",
            "otp-verify",
        ] {
            config.buckets.insert(bucket.to_owned(), roomy());
        }
        let kit = EdgeKit {
            peers: rig.mesh().peers(Arc::clone(&keys)),
            redis: rig.redis().clone(),
            keys,
            readiness: chassis::Readiness::default(),
            inbox: None,
        };
        let caller = rig.caller();
        let grant = AccessGrant {
            account_id: caller.account_id,
            email: "ada@example.org",
            profile_id: caller.profile_id,
            session_id: caller.session_id,
            role: caller.role,
        };
        let token = signer
            .access(&grant, clock::unix(), Duration::from_secs(3600))
            .unwrap();
        let door = Edge::start(kit, config).await.unwrap();
        let door = Self {
            door,
            token,
            received,
            rig,
        };
        // Until the feed of revocations has come, nobody is let in (AU-9).
        door.rig
            .eventually(async || {
                let request = format!(
                    "GET /api/v1/auth/me HTTP/1.1\r\nHost: door\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
                    door.token
                );
                let reply = door.exchange(request.as_bytes()).await;
                Reply::parse(&reply).is_some_and(|reply| reply.status() == 200)
            })
            .await;
        door
    }

    /// Sends a case on a connection of its own; returns what became of it, and the reply.
    pub(crate) async fn send(&self, case: &Case) -> (Outcome, Reply) {
        *self.received.lock().unwrap() = None;
        let mut request = format!("{} ", case.method).into_bytes();
        request.extend_from_slice(&case.target);
        request.extend_from_slice(b" HTTP/1.1\r\nHost: door\r\nConnection: close\r\n");
        let mut signed = false;
        for (name, value) in &case.headers {
            signed |= name.eq_ignore_ascii_case("authorization");
            if value == b"-" {
                continue;
            }
            let value = String::from_utf8_lossy(value).replace("USER", &self.token);
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if !signed {
            request
                .extend_from_slice(format!("Authorization: Bearer {}\r\n", self.token).as_bytes());
        }
        if !case.body.is_empty() {
            request
                .extend_from_slice(format!("Content-Length: {}\r\n", case.body.len()).as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(&case.body);
        let reply = self.exchange(&request).await;
        let reply = Reply::parse(&reply)
            .unwrap_or_else(|| panic!("{}: no reply in {reply:?}", case.place()));
        let received = self.received.lock().unwrap().take();
        (reply.outcome(case, received), reply)
    }

    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.door.local_addr()).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        // The door may answer and close before it has taken everything in.
        let write = async { writing.write_all(request).await.ok() };
        let read = async {
            let mut all = Vec::new();
            let mut chunk = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = reading.read(&mut chunk).await {
                all.extend_from_slice(&chunk[..count]);
            }
            all
        };
        let both = async { tokio::join!(write, read).1 };
        let reply = tokio::time::timeout(testkit::LONGEST, both)
            .await
            .expect("the door closes the connection");
        String::from_utf8(reply).unwrap()
    }
}

/// Figures no file of cases reaches.
fn roomy() -> Figures {
    Figures {
        limit: 100_000,
        window_seconds: 3600,
        redis_down: RedisDown::Open,
    }
}
