//! How busy and how quick an endpoint is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How far back the latency remembers: after this time a measurement weighs a third.
const MEMORY: Duration = Duration::from_secs(5);
/// Differences of latency below this are noise; only the calls in flight count then.
const NOISE: Duration = Duration::from_millis(1);

/// What a call is to its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One reply.
    Unary,
    /// A stream of replies, which says little of how busy its endpoint is.
    Stream,
}

/// The calls of one endpoint and how long they take. All fields are independent figures:
/// an update lost to a race is as good as one that came a moment later.
#[derive(Debug)]
pub(super) struct Load {
    began: Instant,
    calls: AtomicUsize,
    streams: AtomicUsize,
    /// Of both, those whose reply has not begun.
    waiting: AtomicUsize,
    /// When the first of those that wait began, in µs since `began`.
    busy_since: AtomicU64,
    /// When the endpoint last said anything, in µs since `began`.
    heard_at: AtomicU64,
    /// The moving average of its latency, in µs.
    latency: AtomicU64,
    /// When that was last measured, in µs since `began`.
    measured_at: AtomicU64,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            calls: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            busy_since: AtomicU64::new(0),
            heard_at: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            measured_at: AtomicU64::new(0),
        }
    }

    /// Counts a call until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, kind: Kind) -> InFlight {
        let now = self.now();
        if self.waiting.fetch_add(1, Relaxed) == 0 {
            self.busy_since.store(now, Relaxed);
        }
        self.counter(kind).fetch_add(1, Relaxed);
        InFlight {
            load: Arc::clone(self),
            kind,
            began: now,
            is_answered: false,
        }
    }

    /// Returns what one more call would cost here: the calls in flight and itself, each
    /// for as long as calls take. Who says nothing takes as long as it has been silent, so
    /// that a hung endpoint is avoided long before it is known to hang.
    pub(super) fn cost(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Unary => {
                let each = self.latency().max(self.silence()).max(NOISE);
                (self.calls.load(Relaxed) + 1) as f64 * each.as_secs_f64()
            }
            Kind::Stream => self.streams.load(Relaxed) as f64,
        }
    }

    /// Returns how long calls take here, as far as that is still worth knowing.
    pub(super) fn latency(&self) -> Duration {
        let age = self.now().saturating_sub(self.measured_at.load(Relaxed));
        Duration::from_micros(self.latency.load(Relaxed)).mul_f64(weight(age))
    }

    /// Returns for how long calls have been waiting without a word from the endpoint;
    /// zero when none waits.
    pub(super) fn silence(&self) -> Duration {
        if self.waiting.load(Relaxed) == 0 {
            return Duration::ZERO;
        }
        let since = self
            .heard_at
            .load(Relaxed)
            .max(self.busy_since.load(Relaxed));
        Duration::from_micros(self.now().saturating_sub(since))
    }

    /// Whether nothing is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.load(Relaxed) == 0 && self.streams.load(Relaxed) == 0
    }

    /// Forgets how long calls took: the endpoint is another than it was.
    pub(super) fn forget(&self) {
        self.latency.store(0, Relaxed);
    }

    /// Notes that the endpoint said something.
    pub(super) fn heard(&self) {
        self.heard_at.store(self.now(), Relaxed);
    }

    fn measured(&self, took: u64) {
        let now = self.now();
        let last = self.measured_at.swap(now, Relaxed);
        let old = self.latency.load(Relaxed);
        // The first measurement has nothing to be weighed against.
        let kept = if old == 0 {
            0.0
        } else {
            weight(now.saturating_sub(last))
        };
        let mean = old as f64 * kept + took as f64 * (1.0 - kept);
        self.latency.store((mean as u64).max(1), Relaxed);
    }

    fn counter(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Unary => &self.calls,
            Kind::Stream => &self.streams,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// What a measurement of this age, in µs, still weighs.
fn weight(age: u64) -> f64 {
    (-(age as f64) / MEMORY.as_micros() as f64).exp()
}

/// One call in flight; dropping it ends it.
#[derive(Debug)]
pub(super) struct InFlight {
    load: Arc<Load>,
    kind: Kind,
    began: u64,
    is_answered: bool,
}

impl InFlight {
    /// Notes that there is a connection: what it took says nothing of calls.
    pub(super) fn connected(&mut self) {
        self.began = self.load.now();
    }

    /// Notes that the head of the reply has come.
    pub(super) fn answered(&mut self) {
        self.is_answered = true;
        self.load.waiting.fetch_sub(1, Relaxed);
        self.load.heard();
        if self.kind == Kind::Unary {
            self.load
                .measured(self.load.now().saturating_sub(self.began));
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.load.counter(self.kind).fetch_sub(1, Relaxed);
        if self.is_answered {
            return;
        }
        self.load.waiting.fetch_sub(1, Relaxed);
        // Given up before an answer: it would have taken this long at least.
        let waited = self.load.now().saturating_sub(self.began);
        if self.kind == Kind::Unary && waited > self.load.latency.load(Relaxed) {
            self.load.measured(waited);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn sc_4_cost_is_calls_in_flight_times_latency() {
        let load = Arc::new(Load::new());
        assert_eq!(load.cost(Kind::Unary), NOISE.as_secs_f64());
        let mut call = load.begin(Kind::Unary);
        pass(Duration::from_millis(100)).await;
        call.answered();
        assert_eq!(load.latency(), Duration::from_millis(100));
        let (one, free) = (load.cost(Kind::Unary), {
            drop(call);
            load.cost(Kind::Unary)
        });
        assert!((one - 0.2).abs() < 1e-6 && (free - 0.1).abs() < 1e-6);
        pass(MEMORY * 20).await;
        assert_eq!(load.cost(Kind::Unary), NOISE.as_secs_f64(), "forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn t_47_who_is_silent_costs_as_long_as_the_silence() {
        let load = Arc::new(Load::new());
        pass(Duration::from_secs(60)).await;
        let call = load.begin(Kind::Unary);
        assert_eq!(load.silence(), Duration::ZERO);
        pass(Duration::from_millis(300)).await;
        assert_eq!(load.silence(), Duration::from_millis(300));
        assert!(load.cost(Kind::Unary) >= 0.6);
        load.heard();
        assert_eq!(load.silence(), Duration::ZERO);
        pass(Duration::from_millis(700)).await;
        drop(call);
        assert_eq!(load.silence(), Duration::ZERO);
        let latency = load.latency();
        assert!(latency >= Duration::from_millis(999), "given up after 1 s");
        load.forget();
        assert_eq!(load.latency(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn st_5_streams_do_not_weigh_on_calls() {
        let load = Arc::new(Load::new());
        let begun = (0..100).map(|_| {
            let mut stream = load.begin(Kind::Stream);
            stream.answered();
            stream
        });
        let _streams: Vec<_> = begun.collect();
        pass(Duration::from_secs(60)).await;
        assert_eq!(load.cost(Kind::Unary), NOISE.as_secs_f64());
        assert!((load.cost(Kind::Stream) - 100.0).abs() < 1e-6);
    }
}
