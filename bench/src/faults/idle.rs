//! What a system costs that nobody uses, and how long it takes to start (I-25, N-23).

use std::time::{Duration, Instant};

use anyhow::Result;
use testkit::{OwnPostgres, OwnRedis};

use super::Row;
use super::stage::{Stage, beside_me};
use crate::deployment::{Place, Process, Servers, Site, free_address, until};
use crate::processes::Usage;

/// Time after the start that is not counted.
const SETTLE: Duration = Duration::from_secs(20);

/// Time that is.
const WATCH: Duration = Duration::from_secs(60);

pub(super) async fn bench() -> Result<Vec<Row>> {
    let postgres = OwnPostgres::start(&[]).await;
    let redis = OwnRedis::start().await;
    let place = Place {
        binary: beside_me()?,
        servers: Servers::own(&postgres, &redis),
        settings: String::new(),
    };
    let site = Site::new(place)?;
    let folder = site.folder().to_string_lossy().into_owned();
    let port = free_address().port().to_string();
    let own = [
        ("SF__EDGE__PORT", port),
        ("SF__DEVELOPMENT__DATA_DIR", folder),
    ];
    let mut up = site.process("up", &["up"], &own);
    let fresh = start(&mut up, 1).await?;
    tokio::time::sleep(SETTLE).await;
    let before = Usage::of(up.id()?)?;
    tokio::time::sleep(WATCH).await;
    let after = Usage::of(up.id()?)?;
    up.stop().await?;
    let again = start(&mut up, 2).await?;
    up.stop().await?;
    drop(site);
    let stage = Stage::built("").await?;
    let nine = stage.ready;
    stage.stop().await?;

    let mib = after.rss as f64 / f64::from(1 << 20);
    let busy = after.cpu.saturating_sub(before.cpu).as_secs_f64() / WATCH.as_secs_f64() * 100.0;
    let longest = Duration::from_secs(15);
    Ok(vec![
        Row::new(
            "idle: `up` with its demo community, memory",
            format!("{mib:.0} MiB"),
            "<= 150 MB",
            after.rss <= 150_000_000,
        ),
        Row::new(
            "idle: `up`, CPU over a minute",
            format!("{busy:.2} % of a core"),
            "<= 3 %",
            busy <= 3.0,
        ),
        Row::at_most("idle: `up` on an empty database to ready", fresh, longest),
        Row::at_most("idle: `up` again to ready", again, longest),
        Row::at_most(
            "idle: nine processes, from the end of the migration to all ready",
            nine,
            longest,
        ),
    ])
}

/// Starts it for the nth time and waits until it says that it is up.
async fn start(process: &mut Process, nth: usize) -> Result<Duration> {
    let began = Instant::now();
    process.start()?;
    process.ready().await?;
    let log = || process.log();
    until("it says that it is up", async || {
        Ok(log().matches("is up after").count() >= nth)
    })
    .await?;
    Ok(began.elapsed())
}
