//! The checks of protobuf's own messages.

use prost_types::{Duration, FieldMask, Timestamp};

use super::{Check, Validate};

/// The first second of the year 1.
const FIRST: i64 = -62_135_596_800;

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

impl Validate for () {}

impl Validate for FieldMask {}

impl Validate for Timestamp {
    fn validate(&mut self, check: &mut Check) {
        let good =
            (FIRST..=LAST).contains(&self.seconds) && (0..1_000_000_000).contains(&self.nanos);
        check.here(good, "must be a time between the years 0001 and 9999");
    }
}

impl Validate for Duration {
    fn validate(&mut self, check: &mut Check) {
        let same_sign = self.seconds.signum() * i64::from(self.nanos.signum()) >= 0;
        let good = self.seconds.abs_diff(0) <= 315_576_000_000
            && self.nanos.abs_diff(0) < 1_000_000_000
            && same_sign;
        check.here(good, "must be a duration of at most 10000 years");
    }
}

impl Check {
    /// Reports that the message at hand as a whole is wrong.
    fn here(&mut self, good: bool, message: &str) {
        if !good {
            let path = std::mem::take(&mut self.path);
            self.violate(&path, message);
            self.path = path;
        }
    }
}
