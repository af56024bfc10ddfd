//! What breaks, and what the system does then: each scenario on a deployment of its own.
//!
//! A scenario is a function that does the damage and returns what it found. The bench turns that into rows of a table; the tests of
//! the binary run the same functions with less of everything and look at what must hold on any machine.

pub mod idle;
pub mod invariants;
pub mod journal;
pub mod kills;
pub mod logout;
pub mod overload;
pub mod postgres;
pub mod redis;
pub mod replica;
pub mod roll;
mod stage;
mod table;
mod writers;

pub use stage::Stage;
pub use table::{Row, print};

use anyhow::Result;
use clap::ValueEnum;

/// A scenario by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Every process, Redis and PostgreSQL killed outright while people write, 50 times.
    Kills,
    /// Every process restarted in order under load, until 20 000 requests were answered.
    Roll,
    /// One of two replicas dead, then hung.
    Replica,
    /// Redis killed and emptied.
    Redis,
    /// PostgreSQL down and back.
    Postgres,
    /// Three times the load the system can carry.
    Overload,
    /// A logout at one edge, seen at the other.
    Logout,
    /// What a system costs that nobody uses, and how long it takes to start.
    Idle,
}

/// Runs scenarios, all when none is named, and prints one table. Returns whether every target was met; one that could not be carried
/// out is a target that was not.
pub async fn command(mut named: Vec<Scenario>) -> bool {
    if named.is_empty() {
        named = Scenario::value_variants().to_vec();
    }
    let mut rows = Vec::new();
    for scenario in named {
        table::say(&format!("{scenario:?}"));
        match run(scenario).await {
            Ok(found) => rows.extend(found),
            Err(error) => {
                let what = format!("{scenario:?} was not carried out").to_lowercase();
                rows.push(Row::new(what, format!("{error:#}"), "carried out", false));
            }
        }
    }
    print(&rows);
    rows.iter().all(Row::is_met)
}

async fn run(scenario: Scenario) -> Result<Vec<Row>> {
    match scenario {
        Scenario::Kills => kills::bench().await,
        Scenario::Roll => roll::bench().await,
        Scenario::Replica => replica::bench().await,
        Scenario::Redis => redis::bench().await,
        Scenario::Postgres => postgres::bench().await,
        Scenario::Overload => overload::bench().await,
        Scenario::Logout => logout::bench().await,
        Scenario::Idle => idle::bench().await,
    }
}
