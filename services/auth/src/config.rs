//! What can be set about the auth service.

use std::time::Duration;

use chassis::Secret;
use serde::{Deserialize, Serialize};

use crate::domain::code::Limits;

/// The auth service's part of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Claim `iss` of every token. Default `smilefactory`.
    pub issuer: String,
    /// Claim `aud` of every token. Default `smilefactory-api`.
    pub audience: String,
    /// The keys tokens are signed with.
    pub signing: Signing,
    /// How long tokens and sessions live.
    pub lifetimes: Lifetimes,
    /// How often codes may be sent and tried.
    pub otp: Otp,
    /// The server mail is handed to.
    pub smtp: Smtp,
    /// Addresses whose accounts get the role admin when they sign in (AU-23). Default none.
    pub admin_emails: Vec<String>,
    /// How long audit rows are kept, in days (N-10). Default 365.
    pub audit_retention_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: "smilefactory".to_owned(),
            audience: "smilefactory-api".to_owned(),
            signing: Signing::default(),
            lifetimes: Lifetimes::default(),
            otp: Otp::default(),
            smtp: Smtp::default(),
            admin_emails: Vec::new(),
            audit_retention_days: 365,
        }
    }
}

/// The keys tokens are signed with (AU-19): PKCS#8 PEM, ECDSA P-256.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signing {
    /// The key that signs. No default: the service does not start without one.
    pub active: Secret<String>,
    /// The key that will sign next, or the one that signed before: published and accepted, but not signed with.
    /// A new key is to stand here ≥10 min before it becomes active, an old one ≥1 h after (N-7). Default none.
    pub other: Option<Secret<String>>,
}

/// How long tokens and sessions live (N-3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// Life of an access token, in seconds. Default 3600.
    pub access_token_seconds: u32,
    /// Life of a refresh token, and of a session that is not refreshed, in seconds. Default 2 592 000 (30 days).
    pub refresh_token_seconds: u32,
    /// Life of a session whatever happens, in seconds. Default 15 552 000 (180 days).
    pub session_absolute_seconds: u32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token_seconds: 3_600,
            refresh_token_seconds: 2_592_000,
            session_absolute_seconds: 15_552_000,
        }
    }
}

impl Lifetimes {
    /// Life of an access token.
    pub(crate) fn access(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds.into())
    }

    /// Life of a refresh token.
    pub(crate) fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_token_seconds.into())
    }

    /// Life of a session whatever happens.
    pub(crate) fn absolute(&self) -> Duration {
        Duration::from_secs(self.session_absolute_seconds.into())
    }
}

/// How often codes may be sent and tried (N-1). Six digits and three tries a code are fixed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otp {
    /// Life of a code, in seconds. Default 300.
    pub lifetime_seconds: u32,
    /// Sends to one address within the window. Default 3.
    pub sends: u32,
    /// Least time between two sends to one address, in seconds. Default 30.
    pub resend_gap_seconds: u32,
    /// Wrong tries on one address within the window, over all its codes. Default 9.
    pub wrong_tries: u32,
    /// The rolling window of sends and wrong tries, in seconds. Default 3600.
    pub window_seconds: u32,
}

impl Default for Otp {
    fn default() -> Self {
        Self {
            lifetime_seconds: 300,
            sends: 3,
            resend_gap_seconds: 30,
            wrong_tries: 9,
            window_seconds: 3_600,
        }
    }
}

impl Otp {
    /// The same as the domain wants it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            lifetime: Duration::from_secs(self.lifetime_seconds.into()),
            sends: self.sends,
            gap: Duration::from_secs(self.resend_gap_seconds.into()),
            wrong: self.wrong_tries,
            window: Duration::from_secs(self.window_seconds.into()),
        }
    }
}

/// The server mail is handed to (AU-17).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Its name or address. Default `localhost`.
    pub host: String,
    /// Its port. Default 1025, the development stack's inbox.
    pub port: u16,
    /// How the connection is protected. Default `none`; anything that leaves the machine wants another one.
    pub tls: Tls,
    /// The user to sign in as. Default none: no sign-in.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// The one From address, with or without a name. Default `SmileFactory <no-reply@smilefactory.local>`.
    pub from: String,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 1025,
            tls: Tls::None,
            user: None,
            password: None,
            from: "SmileFactory <no-reply@smilefactory.local>".to_owned(),
        }
    }
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all.
    #[default]
    None,
    /// Begins in the clear, must switch to TLS before anything is said.
    Starttls,
    /// TLS from the first byte.
    Implicit,
}
