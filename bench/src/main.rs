//! `smilefactory-bench`: the long runs of `./dev bench`.

use std::process::ExitCode;

use bench::faults::{self, Scenario};
use clap::{Parser, Subcommand};

/// Whole-system load, comparisons and faults.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Loads a server as a plan on the input says (JSON), and prints what came of it (JSON).
    Load,
    /// Breaks deployments and says what they did then; status 1 when a target is missed.
    Faults {
        /// Which; all when none is named.
        scenarios: Vec<Scenario>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        // On one thread, so that it can be kept on one core.
        Command::Load => bench::load::command()?,
        Command::Faults { scenarios } => {
            let runtime = tokio::runtime::Runtime::new()?;
            if !runtime.block_on(faults::command(scenarios)) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
