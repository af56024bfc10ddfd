//! The breaker of one method of one callee (SC-4, N-20).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tonic::Code;

/// Failures in a row that open it.
const IN_A_ROW: u32 = 5;
/// The time over which a share of failures opens it, in seconds.
const WINDOW: usize = 10;
/// The fewest calls in that time that say anything.
const ENOUGH: u32 = 20;
/// How long it stays open before a probe.
const OPEN: Duration = Duration::from_secs(10);
/// When to try again while a probe is under way.
const PROBED: Duration = Duration::from_secs(1);
/// A call that had less time than this and ran out of it says nothing of the callee: how
/// much time a request has may be its client's to choose (50 ms, N-18), and whoever chose
/// too little must not close a method to everybody else. Below the 300 ms of optional parts,
/// the least a contract gives, so that who always hangs is found; until then calls with less
/// time wait no longer than this.
const PATIENCE: Duration = Duration::from_millis(250);

/// Refuses calls of a method that keeps failing, and finds out by one call at a time
/// whether it works again.
///
/// `sf_breaker_state{callee,method}` is 0 while closed, 1 while half-open, 2 while open.
#[derive(Debug)]
pub(crate) struct Breaker {
    callee: &'static str,
    method: &'static str,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Grows with each phase, so that calls of an earlier one do not count in a later.
    phases: u32,
}

#[derive(Debug)]
enum Phase {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { is_probed: bool },
}

/// The calls of the last seconds.
#[derive(Debug, Default)]
struct Window {
    failed_in_a_row: u32,
    /// Calls and failures by second.
    seconds: [(u32, u32); WINDOW],
    /// The latest second counted.
    latest: u64,
}

impl Window {
    /// Counts a call and returns why there are too many failures, if there are.
    fn count(&mut self, second: u64, is_failure: bool) -> Option<&'static str> {
        let passed = second.saturating_sub(self.latest);
        for past in 0..passed.min(WINDOW as u64) {
            self.seconds[Self::slot(second - past)] = (0, 0);
        }
        self.latest = self.latest.max(second);
        let (calls, failures) = &mut self.seconds[Self::slot(self.latest)];
        *calls += 1;
        if !is_failure {
            self.failed_in_a_row = 0;
            return None;
        }
        *failures += 1;
        self.failed_in_a_row += 1;
        if self.failed_in_a_row >= IN_A_ROW {
            return Some("failures in a row");
        }
        let sum = |(calls, failures): (u32, u32), second: &(u32, u32)| {
            (calls + second.0, failures + second.1)
        };
        let (calls, failures) = self.seconds.iter().fold((0, 0), sum);
        (calls >= ENOUGH && failures * 2 >= calls).then_some("share of failures")
    }

    fn slot(second: u64) -> usize {
        (second % WINDOW as u64) as usize
    }
}

impl Breaker {
    /// Returns a closed breaker. `method` is the gRPC path without its first slash.
    pub(crate) fn new(callee: &'static str, method: &'static str) -> Self {
        let breaker = Self {
            callee,
            method,
            began: Instant::now(),
            state: Mutex::new(State {
                phase: Phase::Closed(Window::default()),
                phases: 0,
            }),
        };
        breaker.show(0.0);
        breaker
    }

    /// Whether it refuses calls, but for a probe.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state().phase, Phase::Closed(_))
    }

    /// Lets a call pass, or says after how long to try again.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        let mut state = self.state();
        let is_probe = match &mut state.phase {
            Phase::Closed(_) => false,
            Phase::HalfOpen { is_probed } => {
                if std::mem::replace(is_probed, true) {
                    return Err(PROBED);
                }
                true
            }
            Phase::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Err(left);
                }
                self.turn(&mut state, Phase::HalfOpen { is_probed: true }, "probe");
                true
            }
        };
        Ok(Permit {
            breaker: Arc::clone(self),
            admitted: Instant::now(),
            phase: state.phases,
            is_probe,
        })
    }

    /// Counts how a call of this phase ended.
    fn count(&self, phase: u32, is_failure: bool) {
        let mut state = self.state();
        if state.phases != phase {
            return;
        }
        let open = || Phase::Open {
            until: Instant::now() + OPEN,
        };
        match &mut state.phase {
            Phase::Closed(window) => {
                if let Some(why) = window.count(self.began.elapsed().as_secs(), is_failure) {
                    self.turn(&mut state, open(), why);
                }
            }
            Phase::HalfOpen { .. } if is_failure => self.turn(&mut state, open(), "probe failed"),
            Phase::HalfOpen { .. } => {
                self.turn(
                    &mut state,
                    Phase::Closed(Window::default()),
                    "probe went well",
                );
            }
            Phase::Open { .. } => {}
        }
    }

    /// Lets another call probe, since this one said nothing.
    fn pass_on(&self, phase: u32) {
        let mut state = self.state();
        if state.phases == phase
            && let Phase::HalfOpen { is_probed } = &mut state.phase
        {
            *is_probed = false;
        }
    }

    fn turn(&self, state: &mut State, phase: Phase, why: &'static str) {
        let (callee, method) = (self.callee, self.method);
        match phase {
            Phase::Open { .. } => tracing::warn!(callee, method, why, "breaker open"),
            Phase::HalfOpen { .. } => tracing::info!(callee, method, why, "breaker half-open"),
            Phase::Closed(_) => tracing::info!(callee, method, why, "breaker closed"),
        }
        self.show(match phase {
            Phase::Closed(_) => 0.0,
            Phase::HalfOpen { .. } => 1.0,
            Phase::Open { .. } => 2.0,
        });
        state.phase = phase;
        state.phases = state.phases.wrapping_add(1);
    }

    fn show(&self, state: f64) {
        metrics::gauge!("sf_breaker_state", "callee" => self.callee, "method" => self.method)
            .set(state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One admitted call. Dropped without a judgement it counts as nothing.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    admitted: Instant,
    phase: u32,
    is_probe: bool,
}

impl Permit {
    /// Counts the call by the code it ended with. Failures are the callee's only: it was out
    /// of reach, too slow or broken. That it refused what was asked is a good answer.
    pub(crate) fn judge(mut self, code: Code) {
        let is_failure = match code {
            Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => true,
            Code::DeadlineExceeded if self.admitted.elapsed() < PATIENCE => return,
            Code::DeadlineExceeded => true,
            // Somebody gave up waiting: no answer at all.
            Code::Cancelled => return,
            _ => false,
        };
        self.is_probe = false;
        self.breaker.count(self.phase, is_failure);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.pass_on(self.phase);
        }
    }
}

#[cfg(test)]
mod tests;
