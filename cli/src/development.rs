//! What the development stack makes for itself: a secret and a signing key, kept between runs.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use chassis::Secret;

use crate::settings::Settings;

/// Fills in what a developer need not set. What is set stays.
///
/// # Errors
/// When the data folder cannot be written.
pub fn fill(settings: &mut Settings) -> Result<()> {
    let dir = settings.development.data_dir.clone();
    if settings.secret.is_unset() {
        settings.secret = Secret::new(kept(&dir, "secret", random_secret)?);
    }
    if settings.auth.signing.active.is_unset() {
        let pem = kept(&dir, "signing-key.pem", || {
            Ok(identity::access::generate_pem()?.to_string())
        })?;
        settings.auth.signing.active = Secret::new(pem);
    }
    Ok(())
}

/// The text in a file that only this user can read, made by `make` the first time.
fn kept(dir: &Path, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
    let path = dir.join(name);
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(text);
    }
    let text = make()?;
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(text)
}

/// 256 bits of the operating system's randomness in hexadecimal digits.
fn random_secret() -> Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
    Ok(hex::encode(bytes))
}
