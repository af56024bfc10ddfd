//! Everything that can be set: the sum of what the parts can be told, and where it is read from.
//!
//! `config.default.toml` beside this crate is the reference: it names every setting with its unit and default and is
//! compiled in. A file and then the environment replace values; `SF__EDGE__PORT` sets `edge.port`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use chassis::{Database, HostConfig, Listen, RedisServer, Secret};
use serde::{Deserialize, Serialize};

/// The compiled-in defaults, which are also the documentation of every setting.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// All settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The secret that every derived key comes from.
    pub secret: Secret<String>,
    /// PostgreSQL.
    pub database: Database,
    /// Redis.
    pub redis: RedisServer,
    /// Log lines.
    pub log: telemetry::Config,
    /// Exported traces.
    pub trace: telemetry::Traces,
    /// Metrics and probes.
    pub admin: Admin,
    /// The port other processes call the services by that `serve` hosts.
    pub listen: Listen,
    /// Where the services are that this process does not host.
    pub mesh: mesh::Config,
    /// How `serve` ends.
    pub drain: Drain,
    /// The public door.
    pub edge: edge::Config,
    /// The auth service.
    pub auth: auth::Config,
    /// The profile service.
    pub profile: profile::Config,
    /// The feed service.
    pub feed: feed::Config,
    /// What only `up` uses.
    pub development: Development,
}

/// The listener for metrics and probes, which is not reachable from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Where it listens.
    pub address: std::net::SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            address: ([127, 0, 0, 1], 9000).into(),
        }
    }
}

/// The end of a process that serves. Times are milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// How long it goes on serving once it says that it is not ready.
    pub pause_ms: u64,
    /// After this time what has not ended is dropped (N-22).
    pub most_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            pause_ms: 0,
            most_ms: 30_000,
        }
    }
}

/// The development stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Development {
    /// Where `up` keeps the secret and the signing key it makes.
    pub data_dir: PathBuf,
    /// Whether `up` makes the demo community.
    pub seed: bool,
    /// Where `inbox` takes mail.
    pub smtp_address: std::net::SocketAddr,
    /// Where `inbox` shows it.
    pub inbox_address: std::net::SocketAddr,
}

impl Default for Development {
    fn default() -> Self {
        Self {
            data_dir: ".dev".into(),
            seed: true,
            smtp_address: ([127, 0, 0, 1], 1025).into(),
            inbox_address: ([127, 0, 0, 1], 8025).into(),
        }
    }
}

impl Settings {
    /// What the services of one process share.
    #[must_use]
    pub fn host(&self) -> HostConfig {
        HostConfig {
            database: self.database.clone(),
            redis: self.redis.clone(),
            mesh: self.mesh.clone(),
            secret: self.secret.clone(),
        }
    }

    /// Refuses settings that contradict each other.
    ///
    /// # Errors
    /// Names the settings.
    pub fn check(&self) -> anyhow::Result<()> {
        self.host().check()?;
        self.check_tokens()
    }

    /// Refuses an edge that would not take the tokens auth makes.
    ///
    /// # Errors
    /// Names the settings.
    pub fn check_tokens(&self) -> anyhow::Result<()> {
        ensure!(
            self.edge.issuer == self.auth.issuer && self.edge.audience == self.auth.audience,
            "edge.issuer and edge.audience must be auth.issuer and auth.audience: tokens made by one are checked by the other"
        );
        Ok(())
    }
}

/// Reads defaults, file and environment.
///
/// # Errors
/// Names the setting that is unknown or cannot be read.
pub fn load(file: Option<&Path>) -> anyhow::Result<Settings> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    chassis::settings::load(DEFAULTS, file, environment).context("settings")
}

/// Prints the settings as TOML; secrets show only whether they are set.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(settings: &Settings) -> anyhow::Result<()> {
    let text = chassis::settings::print(settings)?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("writing to standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_with(environment: &[(&str, &str)]) -> Result<Settings, chassis::settings::BadSetting> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        chassis::settings::load(DEFAULTS, None, environment)
    }

    #[test]
    fn dl_3_the_documented_defaults_are_the_ones_in_force() {
        let documented = chassis::settings::print(&load_with(&[]).unwrap()).unwrap();
        let compiled = chassis::settings::print(&Settings::default()).unwrap();
        assert_eq!(documented, compiled);
    }

    #[test]
    fn dl_3_every_setting_is_named_in_the_documented_defaults() {
        let printed = chassis::settings::print(&Settings::default()).unwrap();
        let names = printed
            .lines()
            .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
        let missing: Vec<&str> = names
            .filter(|name| {
                !DEFAULTS.lines().any(|line| {
                    line.trim_start_matches("# ")
                        .starts_with(&format!("{name} ="))
                })
            })
            .collect();
        assert!(missing.is_empty(), "not documented: {missing:?}");
    }

    #[test]
    fn dl_3_the_environment_wins_and_an_unknown_name_is_refused_by_name() {
        let settings =
            load_with(&[("SF__EDGE__PORT", "4000"), ("DATABASE_URL", "postgres://x")]).unwrap();
        assert_eq!(settings.edge.port, 4000);
        assert_eq!(settings.database.url.expose(), "postgres://x");
        let error = load_with(&[("SF__EDGE__PROT", "4000")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("SF__EDGE__PROT"), "{error}");
    }

    #[test]
    fn dl_3_a_missing_secret_is_named() {
        let error = Settings::default().check().unwrap_err().to_string();
        assert!(error.contains("database.url"), "{error}");
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = load_with(&[("SF__SECRET", "do-not-show-this-to-anyone-at-all")]).unwrap();
        let printed = chassis::settings::print(&settings).unwrap();
        assert!(!printed.contains("do-not-show"), "{printed}");
    }
}
