//! `smilefactory`: every role of the backend in one binary.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use smilefactory::settings::Settings;
use smilefactory::{events, inbox, migrate, probe, seed, serve, settings, up};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The SmileFactory backend.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// Settings that replace the compiled-in defaults (TOML); the environment replaces both.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hosts everything in this process, with captured mail and a demo community.
    Up,
    /// Hosts the edge, services, or several of them: one process of a deployment.
    Serve {
        /// What to host.
        #[arg(required = true, value_enum)]
        roles: Vec<serve::Role>,
    },
    /// Asks the process whose admin listener the settings name whether it is ready.
    Probe,
    /// Captures mail and shows it, for a development stack of many processes.
    Inbox,
    /// Changes or shows the database schema.
    Migrate {
        /// What to do.
        #[command(subcommand)]
        action: migrate::Action,
    },
    /// Looks after events that did not come to their effect.
    Events {
        /// What to do.
        #[command(subcommand)]
        action: events::Action,
    },
    /// Makes the demo community, as far as it is missing; or a large one, for measurements.
    Seed {
        /// Makes a community of this many posts instead, by statements straight into the database, as far as it is
        /// missing. It does not touch the demo community.
        #[arg(long, value_name = "POSTS", value_parser = clap::value_parser!(u64).range(1..=seed::scale::MOST))]
        scale: Option<u64>,
    },
    /// Shows the settings in force.
    Config {
        /// Prints them as TOML, secrets redacted.
        #[arg(long, required = true)]
        print: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            up::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Before any TLS client is made: rustls must not have to choose a provider itself.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings: Settings = settings::load(arguments.config.as_deref())?;
    match arguments.command {
        Command::Up => up::command(settings).await,
        Command::Serve { roles } => Box::pin(serve::command(settings, roles)).await,
        Command::Probe => probe::command(&settings).await,
        Command::Inbox => inbox::command(settings).await,
        Command::Migrate { action } => migrate::command(&settings, action).await,
        Command::Events { action } => {
            events::command(&settings.host(), action, &mut std::io::stdout()).await
        }
        Command::Seed { scale: None } => seed::command(settings).await,
        Command::Seed { scale: Some(posts) } => seed::scale::command(&settings, posts).await,
        Command::Config { .. } => settings::print(&settings),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
