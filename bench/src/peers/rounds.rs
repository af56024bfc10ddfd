//! The measuring: rounds in which everybody is asked everything in turn, so that what else the machine does meets all alike.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::case::{Auth, Case, Endpoint, Who};
use super::equal;
use super::gateways::Gateways;
use super::results::Load;
use super::tokens::Mint;
use crate::load::{self, Pace, Plan, Report, Tokens};

/// Callers of the load, each with a connection of its own unless they share one.
const CALLERS: usize = 32;

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Rounds.
    pub(super) rounds: usize,
    /// Milliseconds of one measurement.
    pub(super) measure_ms: u64,
    /// Milliseconds of load before each.
    pub(super) warm_up_ms: u64,
    /// Requests a second at the fixed rate.
    pub(super) rate: f64,
    /// The core of the load.
    pub(super) core: usize,
    /// The core of the gateways.
    pub(super) gateway_core: usize,
}

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) round: usize,
    /// What was asked, as `endpoint/auth`.
    pub(super) case: String,
    /// Of whom.
    pub(super) who: String,
    pub(super) load: Load,
    pub(super) pace: Pace,
    pub(super) report: Report,
}

/// A comparison that runs.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) gateways: &'a Gateways,
    pub(super) mint: &'a Mint,
    pub(super) effort: Effort,
    pub(super) folder: &'a Path,
    /// Part of the names of the cases that are measured; empty for all.
    pub(super) only: &'a str,
}

impl Comparison<'_> {
    /// Checks that all answer the same, before anything is measured.
    ///
    /// # Errors
    /// What is different, and where.
    pub(super) async fn check(&self) -> Result<()> {
        let token = self.mint.token()?;
        for case in Case::all() {
            for who in case.whom() {
                // The proxy's upstream and the static answer are the floor's JSON; asked all the same.
                if let Some((address, _)) = self.gateways.get(*who)? {
                    equal::check(*who, address, case.endpoint, &token).await?;
                }
            }
        }
        Ok(())
    }

    /// Loads everything once, uncounted: Node compiles what it ran some thousand times.
    ///
    /// # Errors
    /// As [`Comparison::measure`].
    pub(super) async fn warm_up(&self) -> Result<()> {
        for case in self.cases().filter(|case| case.auth != Auth::EachTime) {
            for who in case.whom() {
                self.ask(case, *who, Pace::Closed, &self.tokens(case)?, 2_000)
                    .await?;
            }
        }
        Ok(())
    }

    /// Measures one round.
    ///
    /// # Errors
    /// A gateway ended, the generator could not run, or an answer was wrong.
    pub(super) async fn measure(&self, round: usize) -> Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for case in self.cases() {
            let tokens = self.tokens(case)?;
            let mut whom = case.whom().to_vec();
            // Nobody is always first.
            let places = whom.len();
            whom.rotate_left(round % places);
            for who in &whom {
                samples.extend(
                    self.sample(round, case, *who, (Load::Closed, Pace::Closed), &tokens)
                        .await?,
                );
            }
            if case.auth == Auth::None && matches!(case.endpoint, Endpoint::Post | Endpoint::Page) {
                for who in whom.iter().filter(|who| is_compared(**who)) {
                    let how = (Load::Open, Pace::PerSecond(self.effort.rate));
                    samples.extend(self.sample(round, case, *who, how, &tokens).await?);
                }
            }
        }
        for who in [Who::Edge, Who::Floor, Who::Envoy] {
            samples.extend(self.near_saturation(round, who, &samples).await?);
        }
        Ok(samples)
    }

    /// Asks for the post at 70 % of what the gateway took in this round.
    async fn near_saturation(
        &self,
        round: usize,
        who: Who,
        samples: &[Sample],
    ) -> Result<Option<Sample>> {
        let case = Case {
            endpoint: Endpoint::Post,
            auth: Auth::None,
        };
        let closed = |it: &&Sample| {
            it.who == who.name() && it.case == case.name() && it.load == Load::Closed
        };
        let Some(most) = samples.iter().find(closed) else {
            return Ok(None);
        };
        let pace = Pace::PerSecond((most.report.per_second() * 0.7).round());
        self.sample(round, case, who, (Load::Near, pace), &Tokens::None)
            .await
    }

    fn cases(&self) -> impl Iterator<Item = Case> + use<'_> {
        Case::all().filter(|case| case.name().contains(self.only))
    }

    /// Tokens for everybody who is asked this: each gateway sees every one of them once.
    fn tokens(&self, case: Case) -> Result<Tokens> {
        Ok(match case.auth {
            Auth::None => Tokens::None,
            Auth::Kept => Tokens::One(self.mint.token()?),
            Auth::EachTime => {
                let file = self.folder.join("tokens");
                let seconds = (self.effort.warm_up_ms + self.effort.measure_ms) as f64 / 1e3;
                // More than anybody verifies on one core.
                self.mint.write(&file, (seconds * 20_000.0) as usize)?;
                Tokens::Once { file, skip: 0 }
            }
        })
    }

    async fn sample(
        &self,
        round: usize,
        case: Case,
        who: Who,
        (load, pace): (Load, Pace),
        tokens: &Tokens,
    ) -> Result<Option<Sample>> {
        let report = self
            .ask(case, who, pace, tokens, self.effort.measure_ms)
            .await?;
        Ok(report.map(|report| Sample {
            round,
            case: case.name(),
            who: who.name().to_owned(),
            load,
            pace,
            report,
        }))
    }

    async fn ask(
        &self,
        case: Case,
        who: Who,
        pace: Pace,
        tokens: &Tokens,
        measure_ms: u64,
    ) -> Result<Option<Report>> {
        let Some((address, pid)) = self.gateways.get(who)? else {
            return Ok(None);
        };
        let (connections, callers) = match who {
            Who::DirectByOne => (1, CALLERS),
            _ => (CALLERS, 1),
        };
        let core = match who {
            Who::DirectApart => self.effort.gateway_core,
            _ => self.effort.core,
        };
        let plan = Plan {
            address,
            connections,
            callers,
            pace,
            warm_up_ms: self.effort.warm_up_ms,
            measure_ms,
            request: case.endpoint.template(who)?,
            tokens: tokens.clone(),
            watch: vec![pid],
        };
        let named = || format!("{} of {}", case.name(), who.name());
        let report = load::in_process(&plan, Some(core))
            .await
            .with_context(named)?;
        let failed: u64 = report.failures.values().sum();
        // A machine that stops for a moment may cost a connection; more is no result.
        ensure!(
            failed * 1000 <= report.requests,
            "{}: {:?}",
            named(),
            report.failures
        );
        ensure!(report.requests > 0, "{}: nothing was answered", named());
        Ok(Some(report))
    }
}

/// Whether latencies at a fixed rate are compared.
fn is_compared(who: Who) -> bool {
    matches!(who, Who::Edge | Who::Floor | Who::Envoy | Who::Nest)
}
