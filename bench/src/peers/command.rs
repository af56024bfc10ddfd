//! `smilefactory-bench peers`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use super::gateways::{Gateways, Places};
use super::results::{Machine, Results};
use super::rounds::{Comparison, Effort};
use super::tokens::Mint;
use super::{ceiling, floor, report, upstream};
use crate::processes::Others;

/// How the comparison is made.
#[derive(Debug, Args)]
pub struct Options {
    /// Rounds; the table shows their median.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of one measurement.
    #[arg(long, default_value_t = 1500)]
    measure: u64,
    /// Milliseconds of load before each.
    #[arg(long, default_value_t = 300)]
    warm_up: u64,
    /// Requests a second at the fixed rate, for latencies.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Only the cases whose name (`post/no-token`) contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// The core of the gateways.
    #[arg(long, default_value_t = 0)]
    gateway_core: usize,
    /// The core of the load and of what stands behind the gateways.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Envoy's binary; without it Envoy is left out.
    #[arg(long)]
    envoy: Option<PathBuf>,
    /// Where the NestJS gateway is installed; without it NestJS is left out.
    #[arg(long)]
    nestjs: Option<PathBuf>,
    /// Where logs and results are written.
    #[arg(long, default_value = ".dev/bench/peers")]
    folder: PathBuf,
    /// Measures nothing: makes the tables of what an earlier run wrote.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Writes the table and the picture into docs/.
    #[arg(long)]
    write: bool,
    /// Starts everything, checks that all answer the same, and ends.
    #[arg(long)]
    check: bool,
    /// Starts everything, says where it listens, and waits for the end of the input: for a profiler.
    #[arg(long)]
    hold: bool,
}

/// What stands beside the gateways, each in a process of its own.
#[derive(Debug, Subcommand)]
pub enum StandIn {
    /// The service behind every gateway.
    Upstream {
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
        /// A file with the keys tokens are checked with.
        #[arg(long)]
        jwks: PathBuf,
    },
    /// The gateway by hand.
    Floor {
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
        /// What it calls.
        #[arg(long)]
        upstream: SocketAddr,
        /// A file with the keys tokens are checked with.
        #[arg(long)]
        jwks: PathBuf,
        /// Whether verified tokens are kept.
        #[arg(long)]
        cache: bool,
    },
    /// The byte proxy.
    Proxy {
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
        /// What it calls.
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// The answer that is always the same.
    Fixed {
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
    },
}

/// Runs a stand-in until its process ends.
///
/// # Errors
/// It cannot listen, or a file cannot be read.
pub async fn stand_in(what: StandIn) -> Result<()> {
    match what {
        StandIn::Upstream { listen, jwks } => {
            upstream::run(listen, std::fs::read_to_string(jwks)?).await
        }
        StandIn::Floor {
            listen,
            upstream,
            jwks,
            cache,
        } => floor::run(listen, upstream, &std::fs::read_to_string(jwks)?, cache).await,
        StandIn::Proxy { listen, upstream } => ceiling::proxy(listen, upstream).await,
        StandIn::Fixed { listen } => ceiling::fixed(listen).await,
    }
}

/// Makes the comparison.
///
/// # Errors
/// Something does not start, answers differ, or an answer under load is wrong.
#[allow(clippy::print_stdout, reason = "it says how far it is")]
pub async fn command(options: Options) -> Result<()> {
    if let Some(earlier) = &options.from {
        let text = std::fs::read(earlier).with_context(|| earlier.display().to_string())?;
        return told(&serde_json::from_slice(&text)?, options.write);
    }
    std::fs::create_dir_all(&options.folder)
        .with_context(|| options.folder.display().to_string())?;
    let folder = std::fs::canonicalize(&options.folder)?;
    let places = Places {
        folder: folder.clone(),
        gateway_core: options.gateway_core,
        load_core: options.load_core,
        envoy: options.envoy,
        nestjs: options.nestjs,
    };
    let mint = Mint::new()?;
    let gateways = Gateways::start(&places, &mint).await?;
    for missing in &gateways.missing {
        println!("{missing} is not there and left out");
    }
    let effort = Effort {
        rounds: options.rounds,
        measure_ms: options.measure,
        warm_up_ms: options.warm_up,
        rate: options.rate,
        core: options.load_core,
        gateway_core: options.gateway_core,
    };
    let comparison = Comparison {
        gateways: &gateways,
        mint: &mint,
        effort,
        folder: &folder,
        only: &options.only,
    };
    comparison
        .check()
        .await
        .context("the gateways do not answer the same")?;
    println!("all answer the same");
    if options.check {
        return Ok(());
    }
    if options.hold {
        return hold(&gateways, &mint);
    }
    let others = Others::look()?;
    comparison.warm_up().await?;
    let mut samples = Vec::new();
    for round in 0..effort.rounds {
        samples.extend(comparison.measure(round).await?);
        println!("round {} of {}", round + 1, effort.rounds);
    }
    let mut roots = gateways.pids()?;
    roots.push(std::process::id());
    let results = Results {
        machine: Machine::look(&others, &roots)?,
        missing: gateways.missing.clone(),
        samples,
    };
    std::fs::write(
        folder.join("results.json"),
        serde_json::to_vec_pretty(&results)?,
    )?;
    told(&results, options.write)
}

/// Prints the tables, and writes them into docs/ if asked.
#[allow(
    clippy::print_stdout,
    reason = "the tables are what the command is for"
)]
fn told(results: &Results, write: bool) -> Result<()> {
    for (name, cpu) in &results.machine.others {
        println!("meanwhile {name} used {cpu:.1} s of CPU");
    }
    println!("{}", report::text(results));
    if write {
        report::write(results)?;
    }
    Ok(())
}

/// Waits until the input ends.
#[allow(clippy::print_stdout, reason = "the addresses are what is asked for")]
fn hold(gateways: &Gateways, mint: &Mint) -> Result<()> {
    for (who, address) in gateways.all() {
        println!("{} at {address}", who.name());
    }
    println!("token {}", mint.token()?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
