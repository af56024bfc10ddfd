//! Which calls are tried again, when, and how often (SC-4, N-20).

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use contracts::{Effect, RpcRule};

/// The most retries of one call.
pub(crate) const RETRIES: u32 = 2;
/// The delay before the first; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(50);
/// What a call brings into the budget; a retry takes [`RETRY`] out: 20 %.
const CALL: u32 = 1;
const RETRY: u32 = 5;
/// What the budget begins with, so that rare calls have retries too: 10.
const BEGINNING: u32 = 10 * RETRY;
/// The most it holds: 100 retries, for the calls a replica had when it died.
const FULL: u32 = 100 * RETRY;

/// Whether a call may take effect twice: only what the contract declares safe or idempotent
/// is repeated when the first try may have been acted upon.
pub(crate) fn is_repeatable(rule: Option<&RpcRule>) -> bool {
    rule.is_some_and(|rule| matches!(rule.effect, Effect::Safe | Effect::Idempotent))
}

/// Returns the delay before a retry, the first being 0: half of it more or less, so that
/// callers that failed together do not come again together.
pub(crate) fn delay(retry: u32) -> Duration {
    (FIRST_DELAY * (1 << retry.min(8))).mul_f64(rand::random_range(0.5..1.5))
}

/// How many retries one callee is sent: a fifth of its calls, so that a callee in trouble is
/// not buried in them.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(BEGINNING))
    }

    /// Counts a call.
    pub(crate) fn deposit(&self) {
        let add = |held: u32| (held < FULL).then(|| (held + CALL).min(FULL));
        // A full budget stays as it is.
        let _full = self.0.fetch_update(Relaxed, Relaxed, add);
    }

    /// Takes a retry out, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
        let take = |held: u32| held.checked_sub(RETRY);
        self.0.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_20_retries_are_a_fifth_of_the_calls() {
        let budget = Budget::new();
        let mut retries = 0;
        while budget.withdraw() {
            retries += 1;
        }
        assert_eq!(retries, 10, "what there is to begin with");
        for _ in 0..1000 {
            budget.deposit();
            retries += u32::from(budget.withdraw());
        }
        assert_eq!(retries, 10 + 200);
        for _ in 0..1000 {
            budget.deposit();
        }
        assert_eq!(
            (0..1000).filter(|_| budget.withdraw()).count(),
            100,
            "saved up"
        );
    }

    #[test]
    fn n_20_delays_double_and_vary_by_half() {
        for (retry, middle) in [(0, 50), (1, 100)] {
            let middle = Duration::from_millis(middle);
            for _ in 0..100 {
                let delay = delay(retry);
                assert!(delay >= middle / 2 && delay <= middle * 3 / 2, "{delay:?}");
            }
        }
    }

    #[test]
    fn sc_4_what_may_be_repeated_is_the_contracts_word() {
        let repeatable = |name: &str| {
            is_repeatable(contracts::rpc(&format!(
                "/smilefactory.feed.v1.FeedService/{name}"
            )))
        };
        assert!(repeatable("GetPost") && !repeatable("CreatePost") && !repeatable("NoSuchRpc"));
        for rule in contracts::rpcs() {
            assert_eq!(
                is_repeatable(Some(rule)),
                rule.effect != Effect::Unsafe,
                "{}",
                rule.path
            );
        }
    }
}
