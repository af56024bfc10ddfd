//! When requests are sent, and which of them are counted.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use super::Pace;

const WARMING: u8 = 0;
const COUNTING: u8 = 1;
const OVER: u8 = 2;

/// More than there are workers.
const MANY: usize = 1 << 20;

/// The time table all workers share.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    warm_up: Duration,
    measure: Duration,
    started: OnceLock<Instant>,
    phase: AtomicU8,
    /// Requests that are due and were not taken yet.
    due: Semaphore,
    taken: AtomicUsize,
    tokens: AtomicUsize,
    spent: Notify,
}

/// A request a worker is to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// Its number, from 0.
    pub(super) number: usize,
    /// When it was due; its latency counts from here.
    pub(super) at: Instant,
}

impl Schedule {
    pub(super) fn new(pace: Pace, warm_up: Duration, measure: Duration) -> Self {
        Self {
            pace,
            warm_up,
            measure,
            started: OnceLock::new(),
            phase: AtomicU8::new(WARMING),
            due: Semaphore::new(0),
            taken: AtomicUsize::new(0),
            tokens: AtomicUsize::new(0),
            spent: Notify::new(),
        }
    }

    /// Starts the clock; at a fixed rate also a thread that calls requests due: the runtime's timer counts in
    /// milliseconds only.
    pub(super) fn start(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let started = *self.started.get_or_init(Instant::now);
        let Pace::PerSecond(rate) = self.pace else {
            return None;
        };
        let schedule = Arc::clone(self);
        Some(std::thread::spawn(move || schedule.call(started, rate)))
    }

    fn call(&self, started: Instant, rate: f64) {
        let all = planned(rate, self.warm_up + self.measure);
        let mut called = 0;
        while called < all && !self.is_over() {
            let next = started + time_of(rate, called);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            // Whatever became due while this thread slept, at once.
            let due = planned(rate, started.elapsed()).clamp(called + 1, all);
            self.due.add_permits(due - called);
            called = due;
        }
        // Workers that wait find that nothing is due any more.
        self.due.add_permits(MANY);
    }

    /// Waits for the next request; `None` when there is none any more.
    pub(super) async fn next(&self) -> Option<Due> {
        match self.pace {
            Pace::Closed => {
                let number = self.taken.fetch_add(1, Ordering::Relaxed);
                (!self.is_over()).then(|| Due {
                    number,
                    at: Instant::now(),
                })
            }
            Pace::PerSecond(rate) => {
                self.due.acquire().await.ok()?.forget();
                let number = self.taken.fetch_add(1, Ordering::Relaxed);
                let at = *self.started.get()? + time_of(rate, number);
                // What was due is sent, however late.
                let all = planned(rate, self.warm_up + self.measure);
                (number < all).then_some(Due { number, at })
            }
        }
    }

    /// Returns the number of the next token.
    pub(super) fn token(&self) -> usize {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns how many tokens were asked for.
    pub(super) fn tokens(&self) -> usize {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Says that there are no more tokens.
    pub(super) fn run_out(&self) {
        self.spent.notify_one();
    }

    /// Reports whether an answer that came now is counted.
    pub(super) fn is_counting(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == COUNTING
    }

    fn is_over(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == OVER
    }

    /// Reports whether the latency of a request is recorded that is answered now.
    pub(super) fn records(&self, due: Due) -> bool {
        match self.pace {
            Pace::Closed => self.is_counting(),
            Pace::PerSecond(_) => {
                let since = self.started.get().map(|started| due.at - *started);
                since.is_some_and(|since| {
                    since >= self.warm_up && since < self.warm_up + self.measure
                })
            }
        }
    }

    pub(super) async fn wait_for_warmth(&self) {
        self.wait(self.warm_up).await;
    }

    pub(super) async fn wait_for_end(&self) {
        self.wait(self.warm_up + self.measure).await;
    }

    async fn wait(&self, since_start: Duration) {
        let Some(started) = self.started.get() else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep_until((*started + since_start).into()) => {}
            () = self.spent.notified() => self.spent.notify_one(),
        }
    }

    /// From now on answers are counted.
    pub(super) fn count(&self) -> Instant {
        self.phase.store(COUNTING, Ordering::Relaxed);
        Instant::now()
    }

    /// From now on none are. Returns how long they were.
    pub(super) fn end(&self, begun: Instant) -> Duration {
        self.phase.store(OVER, Ordering::Relaxed);
        begun.elapsed()
    }
}

/// Returns how many requests are due within a time.
fn planned(rate: f64, time: Duration) -> usize {
    (rate * time.as_secs_f64()).ceil() as usize
}

/// Returns when a request is due, after the start.
fn time_of(rate: f64, number: usize) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}
