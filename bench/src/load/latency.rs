//! Latencies: an HDR histogram of three significant digits, in nanoseconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The figures of a latency distribution, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Half are not longer.
    pub p50: f64,
    /// 99 of 100 are not longer.
    pub p99: f64,
    /// 999 of 1000 are not longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Counts latencies up to a minute; what is longer counts as a minute.
#[derive(Clone, Debug)]
pub(super) struct Histogram(Option<hdrhistogram::Histogram<u64>>);

/// A minute, in ns.
const MOST: u64 = 60_000_000_000;

impl Default for Histogram {
    fn default() -> Self {
        // Bounds that can be: 1 to a minute with three digits.
        Self(hdrhistogram::Histogram::new_with_bounds(1, MOST, 3).ok())
    }
}

impl Histogram {
    pub(super) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(MOST);
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanos.clamp(1, MOST));
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds.
            let added = histogram.add(other);
            debug_assert!(added.is_ok(), "{added:?}");
        }
    }

    pub(super) fn summary(&self) -> Latency {
        let Some(histogram) = self.0.as_ref().filter(|it| !it.is_empty()) else {
            return Latency::default();
        };
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Latency {
            count: histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded_in_either_part() {
        let (mut low, mut high) = (Histogram::default(), Histogram::default());
        assert_eq!(low.summary(), Latency::default());
        (1..=990).for_each(|us| low.record(Duration::from_micros(us)));
        (0..10).for_each(|_| high.record(Duration::from_secs(100)));
        low.add(&high);
        let summary = low.summary();
        assert_eq!(summary.count, 1000);
        assert!((summary.p50 - 500.0).abs() < 1.0, "{summary:?}");
        assert!((summary.p99 - 990.0).abs() < 1.0, "{summary:?}");
        assert!(
            (summary.p999 - 6e7).abs() < 1e5,
            "beyond a minute counts as a minute: {summary:?}"
        );
    }
}
