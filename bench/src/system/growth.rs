//! What becomes of the same requests when the community grows, and the plans of their statements.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::load::Requests;
use super::plans::{self, Plans};
use super::stage::Stage;
use super::table::{Table, median};
use super::{Options, bare};
use crate::deployment::Ask;
use crate::load::Tokens;

/// How often the feed's statements are looked at.
const LOOKS: usize = 30;

/// The figures of one size.
#[derive(Debug)]
struct Size {
    posts: u64,
    seeded: Duration,
    disk: f64,
    sql: f64,
    feed: f64,
    post: f64,
    like: f64,
    bare: f64,
}

/// Measures every size, growing the community in between.
///
/// # Errors
/// A request fails.
pub(super) async fn measure(stage: &Stage, options: &Options) -> Result<()> {
    let mut sizes = Vec::new();
    let mut complaints = Table::new("Plans (K-12)", &["posts", "statements", "complaints"]);
    for (nth, posts) in options.posts.iter().enumerate() {
        let seeded = stage.grow(*posts).await?;
        let (said, seen) = plans::check(stage).await?;
        let said = if said.is_empty() {
            "none".to_owned()
        } else {
            said.join("; ")
        };
        complaints.row([posts.to_string(), seen.to_string(), said]);
        sizes.push(size(stage, options, *posts, seeded, nth).await?);
    }
    complaints.print();
    print(&sizes);
    Ok(())
}

async fn size(
    stage: &Stage,
    options: &Options,
    posts: u64,
    seeded: Duration,
    nth: usize,
) -> Result<Size> {
    let people = stage.people().await?;
    let all = stage.posts().await?;
    // Somebody else at every size, so that a like is one.
    let reader = people.get(nth + 10).context("too few people")?;
    let by = || Ok::<_, anyhow::Error>(Tokens::One(stage.token(reader)?));
    let p50 = async |requests: Requests| -> Result<f64> {
        Ok(requests.alone(stage, options.time()).await?.latency.p50 / 1e3)
    };
    Ok(Size {
        posts,
        seeded,
        disk: stage
            .number("select pg_database_size(current_database())")
            .await? as f64
            / 1e6,
        sql: sql(stage, &stage.token(reader)?).await?,
        feed: p50(Requests::feed().by(by()?)).await?,
        post: p50(Requests::posts(&all).by(by()?)).await?,
        like: p50(Requests::likes(&all).by(by()?)).await?,
        bare: bare::per_second(stage, bare::FEED, options.time()).await?,
    })
}

/// Milliseconds PostgreSQL works for one page of the feed.
async fn sql(stage: &Stage, token: &str) -> Result<f64> {
    let ask = Ask::get("/api/v1/feed?limit=20").token(token);
    let mut plans = Plans::begin(stage).await?;
    let mut took = Vec::new();
    for _ in 0..LOOKS {
        stage.ask(ask.clone(), 200).await?;
        let taken = plans.taken().await?;
        let asked = taken.iter().filter(|it| it.is_of_request());
        took.push(asked.map(|it| it.took).sum());
    }
    plans.end().await?;
    Ok(median(&took))
}

fn print(sizes: &[Size]) {
    let columns = [
        "posts",
        "seeded in (s)",
        "database (MB)",
        "feed page, SQL (ms)",
        "feed page (ms)",
        "post (ms)",
        "like (ms)",
        "bare feed (a second)",
    ];
    let mut table = Table::new("Growth (one request at a time, medians)", &columns);
    for size in sizes {
        table.row([
            size.posts.to_string(),
            format!("{:.0}", size.seeded.as_secs_f64()),
            format!("{:.0}", size.disk),
            format!("{:.2}", size.sql),
            format!("{:.2}", size.feed),
            format!("{:.2}", size.post),
            format!("{:.2}", size.like),
            format!("{:.0}", size.bare),
        ]);
    }
    let of = |posts| sizes.iter().find(|size| size.posts == posts);
    if let (Some(small), Some(large)) = (of(10_000), sizes.last()) {
        table.row([
            format!("{} against 10000 (≤ 1.3)", large.posts),
            String::new(),
            String::new(),
            format!("{:.2}", large.sql / small.sql),
            format!("{:.2}", large.feed / small.feed),
            format!("{:.2}", large.post / small.post),
            format!("{:.2}", large.like / small.like),
            format!("{:.2}", large.bare / small.bare),
        ]);
    }
    table.print();
}
