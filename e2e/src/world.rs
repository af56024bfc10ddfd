//! The whole system for one test.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use edge::{Figures, RedisDown};
use serde_json::json;
use smilefactory::settings::Settings;
use smilefactory::smtp::newest_code;
use smilefactory::up::Up;
use testkit::{Rig, eventually};

use crate::Client;

/// Buckets a test's own traffic could fill.
const BUCKETS: [&str; 8] = [
    "ip",
    "anon-read",
    "account",
    "write",
    "auth",
    "otp-send",
    "otp-verify",
    "otp-verify-wrong",
];

/// Addresses are never used twice in one process.
static PEOPLE: AtomicU32 = AtomicU32::new(0);

/// A system, and what it stands on.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    up: Up,
    client: Client,
    rig: Rig,
}

/// Somebody who signed in.
#[derive(Debug, Clone)]
pub struct Member {
    /// Speaks with the member's access token.
    pub client: Client,
    /// The address.
    pub email: String,
    /// The account's id.
    pub account_id: String,
    /// The active profile's id.
    pub profile_id: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl World {
    /// Starts a system with rate limits wide enough for a test's own traffic.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a system after `change` had its say about the settings.
    ///
    /// # Panics
    /// When the system does not start.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        telemetry::init(&telemetry::Config {
            filter: "off".to_owned(),
            ..telemetry::Config::default()
        })
        .expect("logs and metrics");
        let rig = Rig::start().await;
        let host = rig.config();
        let mut settings = Settings {
            database: host.database.clone(),
            redis: host.redis.clone(),
            secret: host.secret.clone(),
            ..Settings::default()
        };
        settings.development.data_dir =
            std::env::temp_dir().join(format!("smilefactory-e2e-{}", std::process::id()));
        settings.development.seed = false;
        settings.edge.host = Ipv4Addr::LOCALHOST.into();
        settings.edge.port = 0;
        settings.admin.address = (Ipv4Addr::LOCALHOST, 0).into();
        settings.edge.buckets = wide_buckets();
        settings.auth.otp.resend_gap_seconds = 0;
        change(&mut settings);
        let up = Box::pin(Up::start(settings.clone()))
            .await
            .expect("the system starts");
        let client = Client::new(up.address());
        Self {
            settings,
            up,
            client,
            rig,
        }
    }

    /// The same system after a restart: another process on the same database, at another address.
    ///
    /// # Panics
    /// When the system does not start again.
    pub async fn restart(self) -> Self {
        let Self {
            settings, up, rig, ..
        } = self;
        up.stop().await;
        let up = Box::pin(Up::start(settings.clone()))
            .await
            .expect("the system starts again");
        let client = Client::new(up.address());
        Self {
            settings,
            up,
            client,
            rig,
        }
    }

    /// Speaks without a token.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the system stands on: its database, its Redis, ways to feed events in.
    #[must_use]
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// The system.
    #[must_use]
    pub fn up(&self) -> &Up {
        &self.up
    }

    /// Asks for a code and reads it from the mail.
    pub async fn code_for(&self, email: &str) -> String {
        let before = self
            .up
            .inbox()
            .newest(Some(email), 1)
            .first()
            .map(|mail| mail.id);
        let reply = self
            .client
            .post("/api/v1/auth/send-otp", json!({"email": email}))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        eventually(|| async {
            let newest = self
                .up
                .inbox()
                .newest(Some(email), 1)
                .first()
                .map(|mail| mail.id);
            (newest != before)
                .then(|| newest_code(self.up.inbox(), email))
                .flatten()
        })
        .await
    }

    /// Signs somebody new in.
    pub async fn newcomer(&self) -> Member {
        let nth = PEOPLE.fetch_add(1, Ordering::Relaxed);
        self.sign_in(&format!("person.{nth}@example.com")).await
    }

    /// Signs somebody in with a code from the mail.
    ///
    /// # Panics
    /// When that does not work.
    pub async fn sign_in(&self, email: &str) -> Member {
        let code = self.code_for(email).await;
        let reply = self
            .client
            .post(
                "/api/v1/auth/verify-otp",
                json!({"email": email, "code": code}),
            )
            .await;
        let data = reply.data(200);
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        Member {
            client: self.client.with_token(&text(&data["accessToken"])),
            email: email.to_owned(),
            account_id: text(&data["user"]["id"]),
            profile_id: text(&data["activeProfileId"]),
            refresh_token: text(&data["refreshToken"]),
        }
    }

    /// Ends the system in order.
    pub async fn stop(self) {
        self.up.stop().await;
    }
}

fn wide_buckets() -> BTreeMap<String, Figures> {
    let figures = Figures {
        limit: 1_000_000,
        window_seconds: 60,
        redis_down: RedisDown::Open,
    };
    BUCKETS
        .iter()
        .map(|name| ((*name).to_owned(), figures))
        .collect()
}
