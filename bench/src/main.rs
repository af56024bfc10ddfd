//! `smilefactory-bench`: the long runs of `./dev bench`.

use std::process::ExitCode;

use bench::faults::{self, Scenario};
use bench::{load, peers};
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// As in `smilefactory`, so that what is written by hand beside it is allocated alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Compares the edge with Envoy, NestJS and a gateway written by hand.
    Peers(peers::Options),
    /// One of the processes of a comparison.
    #[command(subcommand, hide = true)]
    StandIn(peers::StandIn),
    /// Measures the whole system over PostgreSQL and Redis, against the bare SQL statements.
    System(bench::system::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    let one_thread = || Builder::new_current_thread().enable_all().build();
    let threads = || Builder::new_multi_thread().enable_all().build();
    match Arguments::parse().command {
        // On one thread, so that it can be kept on one core.
        Command::Load => load::command()?,
        Command::Faults { scenarios } => {
            if !threads()?.block_on(faults::command(scenarios)) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Peers(options) => one_thread()?.block_on(peers::command(options))?,
        // The floor runs as one writes it, with the runtime that is usual.
        Command::StandIn(floor @ peers::StandIn::Floor { .. }) => {
            threads()?.block_on(peers::stand_in(floor))?
        }
        Command::StandIn(other) => one_thread()?.block_on(peers::stand_in(other))?,
        Command::System(options) => threads()?.block_on(bench::system::command(options))?,
    }
    Ok(ExitCode::SUCCESS)
}
