//! The whole system over PostgreSQL and Redis, against the bare SQL statements of the same work in the same run.

mod bare;
mod fixed;
mod growth;
mod hot;
mod load;
pub mod plans;
mod ratio;
mod sign_in;
mod stage;
mod table;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

pub use stage::{Person, Stage};

use crate::processes::{Others, load_average};
use table::Table;

/// Connections of every load, and clients of pgbench.
const CLIENTS: usize = 32;

/// What is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Sizes of the community, in posts, growing; everything but the growth curves is measured at the last.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,1000000"
    )]
    posts: Vec<u64>,
    /// Rounds of every comparison; its sides take turns, and the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load each side has in a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

impl Options {
    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// `smilefactory-bench system`.
///
/// # Errors
/// Something does not start, or answers wrongly.
pub async fn command(options: Options) -> Result<()> {
    ensure!(options.rounds > 0, "--rounds must not be 0");
    ensure!(
        options.posts.is_sorted() && !options.posts.is_empty(),
        "--posts must grow"
    );
    let binary = std::env::current_exe()?.with_file_name("smilefactory");
    ensure!(
        binary.is_file(),
        "{} is missing: build it first",
        binary.display()
    );
    let others = Others::look()?;
    let stage = Stage::start(&binary, &["shared_buffers=512MB"]).await?;
    let measured = Box::pin(measure(&stage, &options)).await;
    let busy = others.since(&[std::process::id()])?;
    let busy = busy.iter().take(3);
    let busy: Vec<String> = busy
        .map(|(name, time)| format!("{name} {} s", time.as_secs()))
        .collect();
    let mut note = Table::new("The machine", &["what", "then"]);
    note.row(["load average at the end".to_owned(), load_average()]);
    note.row(["CPU of other processes".to_owned(), busy.join(", ")]);
    note.print();
    if let Err(error) = measured {
        let log = stage.up.log();
        let said: Vec<&str> = log
            .lines()
            .filter(|line| !line.contains(r#""level":"INFO""#))
            .collect();
        let said = said[said.len().saturating_sub(5)..].join("\n");
        return Err(error.context(format!("the process warned at last:\n{said}")));
    }
    stage.stop().await
}

async fn measure(stage: &Stage, options: &Options) -> Result<()> {
    growth::measure(stage, options).await?;
    let ratios = ratio::measure(stage, options).await?;
    sign_in::measure(stage, options).await?;
    hot::tail(stage, options, &ratios).await?;
    hot::one_post(
        stage,
        options,
        ratios.like.context("likes were not measured")?,
    )
    .await
}
