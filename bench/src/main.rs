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
enum Command {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {}
}
