//! A deployment on this machine: the built binary as real processes, on servers that may be killed.

mod address;
mod client;
mod cluster;
mod process;
mod scrape;
mod servers;
mod site;
mod traffic;

pub use address::free_address;
pub use client::{Ask, Door, NoReply, Reply, somewhere};
pub use cluster::{Cluster, Entry, GROUPS, Session};
pub use process::Process;
pub use scrape::Scrape;
pub use servers::Servers;
pub use site::{Place, Site};
pub use traffic::{Running, Traffic, Wrong, post};

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Longest wait for a fact; a slow machine does much else.
pub const LONGEST: Duration = Duration::from_secs(120);

/// Pause between two looks at a fact.
pub const LOOK: Duration = Duration::from_millis(20);

/// Asks until the answer is yes, and returns how long that took.
///
/// # Errors
/// The question failed, or two minutes have passed; `what` names it.
pub async fn until(
    what: &str,
    mut question: impl AsyncFnMut() -> Result<bool>,
) -> Result<Duration> {
    let began = Instant::now();
    while !question().await? {
        if began.elapsed() > LONGEST {
            bail!("after {} s still not: {what}", LONGEST.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(began.elapsed())
}
