//! One post everybody likes (T56), and the tail of latencies below saturation.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use uuid::Uuid;

use super::Options;
use super::load::{Requests, whole};
use super::ratio::Ratios;
use super::stage::{Person, Stage};
use super::table::{Table, median};
use crate::deployment::{Ask, until};
use crate::load::{Report, Tokens};

/// Likes a second, unless that is more than the machine can do.
const RATE: f64 = 1_000.0;
/// The part of what it can do that is asked for.
const PART: f64 = 0.7;

/// Latencies of reads at 70 % of what can be done.
///
/// # Errors
/// A request fails.
pub(super) async fn tail(stage: &Stage, options: &Options, ratios: &Ratios) -> Result<()> {
    let columns = [
        "what",
        "a second",
        "p50 (ms)",
        "p99 (ms)",
        "p99.9 (ms)",
        "p99 / p50 (≤ 6)",
    ];
    let mut table = Table::new("At 70 % of saturation", &columns);
    let reader = stage.people().await?;
    let reader = reader.first().context("too few people")?;
    let by = || Ok::<_, anyhow::Error>(Tokens::One(stage.token(reader)?));
    let posts = stage.posts().await?;
    let cases = [
        ("post", ratios.post, Requests::posts(&posts).by(by()?)),
        ("feed, cold", ratios.feed, Requests::feed().by(by()?)),
    ];
    for (name, most, requests) in cases {
        let rate = PART * most.context("it was not measured")?;
        let mut rounds = Vec::new();
        for _ in 0..options.rounds {
            rounds.push(requests.open(stage, rate, options.time()).await?);
        }
        let of =
            |figure: fn(&Report) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        table.row([
            name.to_owned(),
            format!("{rate:.0}"),
            format!("{:.2}", of(|it| it.latency.p50) / 1e3),
            format!("{:.2}", of(|it| it.latency.p99) / 1e3),
            format!("{:.2}", of(|it| it.latency.p999) / 1e3),
            format!("{:.1}", of(|it| it.latency.p99 / it.latency.p50)),
        ]);
    }
    table.print();
    Ok(())
}

/// Likes of one post against likes of many, at the same rate and by the same people.
///
/// # Errors
/// A request fails, or the count is not exact.
pub(super) async fn one_post(stage: &Stage, options: &Options, most: f64) -> Result<()> {
    let rate = RATE.min(PART * most);
    let people = stage.people().await?;
    let posts = stage.posts().await?;
    // Everybody likes a post once: there are likes for so long.
    let enough = people.len() as f64 / rate - (whole(Duration::ZERO)).as_secs_f64();
    ensure!(
        enough > 1.0,
        "{} people are too few to like a post",
        people.len()
    );
    let time = options.time().min(Duration::from_secs_f64(enough));
    let tokens = Tokens::Once {
        file: stage.tokens(&people)?,
        skip: 0,
    };
    let (mut spread, mut hot) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        // Everybody likes other posts in every round.
        let mut other = posts.clone();
        other.rotate_left(1 + round * people.len() % posts.len());
        let likes = Requests::likes(&other).by(tokens.clone());
        spread.push(likes.open(stage, rate, time).await?);
        let one = post(stage, people.first().context("nobody")?).await?;
        let likes = Requests::likes(&[one]).by(tokens.clone());
        let report = likes.open(stage, rate, time).await?;
        exact(stage, one, report.tokens).await?;
        hot.push(report);
    }
    let of = |rounds: &[Report], figure: fn(&Report) -> f64| {
        median(&rounds.iter().map(figure).collect::<Vec<_>>()) / 1e3
    };
    let columns = ["likes", "a second", "p50 (ms)", "p99 (ms)"];
    let mut table = Table::new("One post everybody likes (T56)", &columns);
    for (name, rounds) in [("of many posts", &spread), ("of one post", &hot)] {
        table.row([
            name.to_owned(),
            format!("{rate:.0}"),
            format!("{:.2}", of(rounds, |it| it.latency.p50)),
            format!("{:.2}", of(rounds, |it| it.latency.p99)),
        ]);
    }
    let ratios: Vec<f64> = spread
        .iter()
        .zip(&hot)
        .map(|(spread, hot)| hot.latency.p99 / spread.latency.p99)
        .collect();
    table.row([
        "one against many (≤ 5), counts exact".to_owned(),
        String::new(),
        String::new(),
        format!("{:.1}", median(&ratios)),
    ]);
    table.print();
    Ok(())
}

/// A new post of somebody's.
async fn post(stage: &Stage, author: &Person) -> Result<Uuid> {
    let body = json!({"type": "general", "content": "Everybody will like this."});
    let ask = Ask::post("/api/v1/posts", &body).token(&stage.token(author)?);
    Ok(stage.ask(ask, 201).await?.text("id").parse()?)
}

/// As many rows as were liked, and as many counted.
async fn exact(stage: &Stage, post: Uuid, liked: usize) -> Result<()> {
    let rows = format!("select count(*) from feed.likes where post_id = '{post}'");
    let rows = stage.number(&rows).await?;
    ensure!(
        usize::try_from(rows)? == liked,
        "{liked} likes were acknowledged, {rows} are stored"
    );
    let counted = format!("select likes::bigint from feed.post_stats where post_id = '{post}'");
    let at_rest = async || Ok(stage.number(&counted).await? == rows);
    until("the counter is the number of likes", at_rest)
        .await
        .map(drop)
}
