//! Access tokens as the auth service mints them, and files full of others.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use identity::Role;
use identity::access::{AccessGrant, Signer, generate_pem};
use uuid::Uuid;

/// Whose tokens are sent once each. The edge signs an identity for its services once a session and half a minute, which no
/// other gateway does.
const SESSIONS: usize = 1_000;

/// Mints tokens with a key of its own.
#[derive(Debug)]
pub(super) struct Mint(Signer);

impl Mint {
    /// Makes a key.
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Signer::new(
            "smilefactory",
            "smilefactory-api",
            &generate_pem()?,
            &[],
        )?))
    }

    /// Returns the public keys as JSON.
    pub(super) fn jwks(&self) -> String {
        self.0.jwks().to_json()
    }

    /// Mints the token of somebody who never called before.
    pub(super) fn token(&self) -> Result<String> {
        self.token_of(&session())
    }

    /// Writes a file of other tokens, one a line, all different, of [`SESSIONS`] sessions in turn.
    pub(super) fn write(&self, file: &Path, count: usize) -> Result<()> {
        let sessions: Vec<_> = std::iter::repeat_with(session).take(SESSIONS).collect();
        let mut text = String::new();
        for session in sessions.iter().cycle().take(count) {
            writeln!(text, "{}", self.token_of(session)?)?;
        }
        Ok(std::fs::write(file, text)?)
    }

    fn token_of(&self, session: &AccessGrant<'_>) -> Result<String> {
        let hour = Duration::from_secs(3600);
        Ok(self.0.access(session, identity::clock::unix(), hour)?)
    }
}

fn session() -> AccessGrant<'static> {
    AccessGrant {
        account_id: Uuid::now_v7(),
        email: "miriam@example.org",
        profile_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        role: Role::User,
    }
}
