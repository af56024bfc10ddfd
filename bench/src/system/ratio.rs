//! Throughput against the bare statements, and of what is kept against an answer that is always the same.

use anyhow::{Context as _, Result};

use super::fixed::Fixed;
use super::load::Requests;
use super::stage::Stage;
use super::table::{Table, median, spread};
use super::{Options, bare};
use crate::deployment::Ask;
use crate::load::Tokens;

/// What can be done a second, at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ratios {
    pub(super) post: Option<f64>,
    pub(super) feed: Option<f64>,
    pub(super) like: Option<f64>,
}

/// One comparison.
struct Case {
    name: &'static str,
    target: Option<f64>,
    requests: Requests,
    against: Against,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

enum Against {
    Script(&'static str),
    Fixed(Fixed),
}

/// Compares, side by side in turns.
///
/// # Errors
/// A side fails.
pub(super) async fn measure(stage: &Stage, options: &Options) -> Result<Ratios> {
    let mut cases = cases(stage).await?;
    for round in 0..options.rounds {
        for case in &mut cases {
            case.round(stage, options, round)
                .await
                .with_context(|| case.name.to_owned())?;
        }
    }
    let columns = [
        "what",
        "a second",
        "bare, a second",
        "ratio",
        "rounds",
        "target",
    ];
    let mut table = Table::new("Against the bare statements", &columns);
    for case in &cases {
        let ratios: Vec<f64> = case
            .ours
            .iter()
            .zip(&case.theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        table.row([
            case.name.to_owned(),
            format!("{:.0}", median(&case.ours)),
            format!("{:.0}", median(&case.theirs)),
            format!("{:.2}", median(&ratios)),
            spread(&ratios),
            case.target.map(|it| format!("≥ {it}")).unwrap_or_default(),
        ]);
    }
    table.print();
    let of = |name: &str| {
        let case = cases.iter().find(|case| case.name == name);
        case.map(|case| median(&case.ours))
    };
    Ok(Ratios {
        post: of(POST),
        feed: of(FEED),
        like: of(LIKE),
    })
}

const POST: &str = "post";
const FEED: &str = "feed, cold";
const LIKE: &str = "like";

async fn cases(stage: &Stage) -> Result<Vec<Case>> {
    let posts = stage.posts().await?;
    let body = stage
        .ask(Ask::get("/api/v1/feed?limit=20"), 200)
        .await?
        .body;
    let people = stage.people().await?;
    let reader = people.first().context("too few people")?;
    let reader = || Ok::<_, anyhow::Error>(Tokens::One(stage.token(reader)?));
    let case = |name, target, requests, against| Case {
        name,
        target,
        requests,
        against,
        ours: Vec::new(),
        theirs: Vec::new(),
    };
    let fixed = Against::Fixed(Fixed::start(body).await?);
    Ok(vec![
        case(
            "feed, kept (against a fixed reply)",
            Some(0.4),
            Requests::feed(),
            fixed,
        ),
        case(
            FEED,
            None,
            Requests::feed().by(reader()?),
            Against::Script(bare::FEED),
        ),
        case(
            POST,
            Some(0.25),
            Requests::posts(&posts).by(reader()?),
            Against::Script(bare::POST),
        ),
        case(
            LIKE,
            Some(0.3),
            Requests::likes(&posts),
            Against::Script(bare::LIKE),
        ),
        case(
            "comment",
            None,
            Requests::comments(&posts).by(reader()?),
            Against::Script(bare::COMMENT),
        ),
    ])
}

impl Case {
    async fn round(&mut self, stage: &Stage, options: &Options, round: usize) -> Result<()> {
        let time = options.time();
        // Somebody else in every round, so that a like is one.
        let requests = if self.name == LIKE {
            let people = stage.people().await?;
            let fan = people.get(round + 1).context("too few people")?;
            self.requests.clone().by(Tokens::One(stage.token(fan)?))
        } else {
            self.requests.clone()
        };
        let report = requests.closed(stage.door.address(), time).await?;
        self.ours.push(report.per_second());
        self.theirs.push(match &self.against {
            Against::Script(script) => bare::per_second(stage, script, time).await?,
            Against::Fixed(fixed) => requests.closed(fixed.address, time).await?.per_second(),
        });
        Ok(())
    }
}
