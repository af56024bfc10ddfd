//! `smilefactory-instructions`: counts the instructions of what every request passes and holds them to a baseline.
#![doc = include_str!("../README.md")]

mod baseline;
mod callgrind;
mod case;
mod codec;
mod door;
mod envelope;
mod message;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use self::baseline::Baseline;
use self::case::{Case, Counted};

/// The allocator of the binary that ships: what a message costs is half what its allocations cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Counts instructions and compares them with the baseline.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Writes what was counted into the baseline instead of comparing.
    #[arg(long)]
    update: bool,
    /// Counts only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// The baseline.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt"))]
    baseline: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one case; this is what valgrind runs.
    #[command(hide = true)]
    Run {
        /// The case.
        name: String,
    },
}

fn cases() -> Vec<Case> {
    let mut cases = codec::cases();
    cases.extend(envelope::cases());
    cases.extend(door::cases());
    cases
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut cases = cases();
    if let Some(Command::Run { name }) = arguments.command {
        let case = cases.iter().find(|case| case.name == name);
        return case.context("no such case")?.run();
    }
    cases.retain(|case| case.name.contains(&arguments.only));
    let counted = cases
        .iter()
        .map(Counted::of)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let known = Baseline::read(&arguments.baseline)?;
    baseline::print(&counted, &known);
    if arguments.update {
        return Baseline::of(&counted)?.write(&arguments.baseline);
    }
    known.check(&counted)
}
