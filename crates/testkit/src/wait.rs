//! Waiting on facts instead of sleeping.

use std::time::{Duration, Instant};

/// Longest wait.
const LONGEST: Duration = Duration::from_secs(10);

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
/// After 10 s, naming the place of the call.
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
                "not within 10 s: the fact waited for at {place}"
            );
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
}
