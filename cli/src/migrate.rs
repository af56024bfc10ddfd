//! `smilefactory migrate`: the database schema.

use std::io::Write;

use anyhow::{Result, ensure};
use clap::Subcommand;
use migration::Target;

use crate::settings::Settings;

/// What to do with the schema.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Action {
    /// Applies every pending migration.
    Up,
    /// Takes the last migration back.
    Down,
    /// Lists the migrations and whether they are applied.
    Status,
}

/// The database these settings name.
#[must_use]
pub fn target(settings: &Settings) -> Target {
    Target::new(
        settings.database.url.expose().clone(),
        settings.host().role_secret(),
    )
}

/// Runs the command.
///
/// # Errors
/// When settings are missing or the database refuses.
pub async fn command(settings: &Settings, action: Action) -> Result<()> {
    ensure!(
        !settings.database.url.is_unset(),
        "database.url is not set (DATABASE_URL)"
    );
    ensure!(
        !settings.secret.is_unset() || !settings.database.role_secret.is_unset(),
        "neither secret nor database.role_secret is set (SF__SECRET): the services' roles get their passwords from it"
    );
    let target = target(settings);
    let mut out = std::io::stdout().lock();
    match action {
        Action::Up => {
            let applied = migration::up(&target).await?;
            for name in &applied {
                writeln!(out, "applied {name}")?;
            }
            writeln!(out, "{} applied", applied.len())?;
        }
        Action::Down => match migration::down(&target).await? {
            Some(name) => writeln!(out, "taken back {name}")?,
            None => writeln!(out, "nothing to take back")?,
        },
        Action::Status => {
            for (name, applied) in migration::status(&target).await? {
                writeln!(
                    out,
                    "{} {name}",
                    if applied { "applied" } else { "pending" }
                )?;
            }
        }
    }
    Ok(())
}
