//! What was measured, and figures of it.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::case::Who;
use super::rounds::Sample;
use crate::load::{Pace, Report};
use crate::processes::{self, Others};

/// Everything one comparison found, as it is written to a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) machine: Machine,
    /// Peers that were not there.
    pub(super) missing: Vec<String>,
    pub(super) samples: Vec<Sample>,
}

/// Where and when, and what else ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The day, UTC.
    pub(super) date: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) system: String,
    /// Load averages at the end.
    pub(super) load: String,
    /// CPU seconds of other processes meanwhile, by name.
    pub(super) others: Vec<(String, f64)>,
}

impl Machine {
    /// Looks at the machine; `ours` are the processes of the comparison.
    pub(super) fn look(others: &Others, ours: &[u32]) -> Result<Self> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let release = read("/proc/sys/kernel/osrelease");
        let busiest = others.since(ours)?.into_iter().take(5);
        Ok(Self {
            date: OffsetDateTime::from_unix_timestamp(identity::clock::unix())?
                .date()
                .to_string(),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            system: format!("Linux {}", release.trim()),
            load: processes::load_average(),
            others: busiest
                .map(|(name, cpu)| (name, cpu.as_secs_f64()))
                .collect(),
        })
    }
}

/// A figure of all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Figure {
    /// Returns the median and the ends; `None` of nothing.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let half = values.len() / 2;
        let upper = *values.get(half)?;
        let median = match values.len() % 2 {
            0 => f64::midpoint(*values.get(half - 1)?, upper),
            _ => upper,
        };
        Some(Self {
            median,
            least,
            most,
        })
    }
}

/// Which load a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Load {
    /// As fast as answers come.
    Closed,
    /// At the fixed rate.
    Open,
    /// At 70 % of what the edge took in the same round.
    Near,
}

impl Results {
    /// The samples of somebody at something, in the order of the rounds.
    fn of<'a>(&'a self, case: &'a str, who: Who, load: Load) -> impl Iterator<Item = &'a Sample> {
        let right = move |it: &&Sample| it.load == load && it.case == case && it.who == who.name();
        self.samples.iter().filter(right)
    }

    /// The fixed rate; `None` when nothing was measured at one.
    pub(super) fn rate(&self) -> Option<f64> {
        self.samples.iter().find_map(|it| match (it.load, it.pace) {
            (Load::Open, Pace::PerSecond(rate)) => Some(rate),
            _ => None,
        })
    }

    /// A figure of the reports of somebody at something.
    pub(super) fn figure(
        &self,
        case: &str,
        who: Who,
        load: Load,
        value: impl Fn(&Report) -> Option<f64>,
    ) -> Option<Figure> {
        Figure::of(
            self.of(case, who, load)
                .filter_map(|it| value(&it.report))
                .collect(),
        )
    }

    /// One's figure divided by another's, round by round, so that what else ran in a round cancels out.
    pub(super) fn ratio(
        &self,
        case: &str,
        one: Who,
        other: Who,
        value: impl Fn(&Report) -> Option<f64>,
    ) -> Option<Figure> {
        let ratios = self.of(case, one, Load::Closed).filter_map(|sample| {
            let twin = self
                .of(case, other, Load::Closed)
                .find(|it| it.round == sample.round)?;
            let ratio = value(&sample.report)? / value(&twin.report)?;
            // Too little was used to be counted.
            ratio.is_finite().then_some(ratio)
        });
        Figure::of(ratios.collect())
    }

    /// The most memory somebody held at the end of a measurement, in bytes.
    pub(super) fn memory(&self, who: Who) -> Option<u64> {
        let of = self.samples.iter().filter(|it| it.who == who.name());
        of.filter_map(|it| Some(it.report.watched.first()?.rss))
            .max()
    }
}
