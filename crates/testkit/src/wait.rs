//! Waiting on facts instead of sleeping.

use std::time::{Duration, Instant};

/// Longest wait for a fact: so long that only what never comes is missed, however busy the machine is.
pub const LONGEST: Duration = Duration::from_secs(60);

/// What a test allows for what is promised within `promise`: five times as long.
///
/// A machine that builds and tests at once is late with everything. Tests hold that a promise is kept at all
/// and not by a far slower way; how well it is kept are figures, and figures belong to benchmarks.
pub const fn unhurried(promise: Duration) -> Duration {
    promise.saturating_mul(5)
}

/// What is waited for: `true`, or `Some` of what the test goes on with.
pub trait Fact {
    /// What the fact brings.
    type Found;

    /// Returns it once it is there.
    fn found(self) -> Option<Self::Found>;
}

impl Fact for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Fact for Option<T> {
    type Found = T;

    fn found(self) -> Option<T> {
        self
    }
}

/// Asks again and again until the fact is there, and returns what it brings.
///
/// # Panics
/// After [`LONGEST`], naming the place of the call.
#[track_caller]
pub fn eventually<F, Q>(mut question: F) -> impl Future<Output = <Q::Output as Fact>::Found>
where
    F: FnMut() -> Q,
    Q: Future<Output: Fact>,
{
    let place = std::panic::Location::caller();
    async move {
        let end = Instant::now() + LONGEST;
        loop {
            if let Some(found) = question().await.found() {
                return found;
            }
            assert!(
                Instant::now() < end,
                "not within {LONGEST:?}: the fact waited for at {place}"
            );
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
}
