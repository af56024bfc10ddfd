//! Access tokens as the auth service mints them, and files full of others.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use identity::Role;
use identity::access::{AccessGrant, Signer, generate_pem};
use uuid::Uuid;

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
        let grant = AccessGrant {
            account_id: Uuid::now_v7(),
            email: "miriam@example.org",
            profile_id: Uuid::now_v7(),
            session_id: Uuid::now_v7(),
            role: Role::User,
        };
        Ok(self
            .0
            .access(&grant, identity::clock::unix(), Duration::from_secs(3600))?)
    }

    /// Writes a file of other tokens, one a line.
    pub(super) fn write(&self, file: &Path, count: usize) -> Result<()> {
        let mut text = String::new();
        for _ in 0..count {
            writeln!(text, "{}", self.token()?)?;
        }
        Ok(std::fs::write(file, text)?)
    }
}
