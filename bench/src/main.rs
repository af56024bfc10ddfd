//! `smilefactory-bench`: the long runs of `./dev bench`.

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
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        // On one thread, so that it can be kept on one core.
        Command::Load => bench::load::command(),
    }
}
