//! Normalisation and checks of requests (K-1).
//!
//! The build writes one [`Validate`] per message from the options of its
//! fields; the parts those are made of stand here. Text is normalised first
//! (CV-23), then checked; every violation is reported by its JSON path, not only
//! the first one (CV-3). The rules in short:
//!
//! - A text without content counts as absent. An `optional` one becomes `None`.
//! - Lengths count Unicode scalar values after normalisation.
//! - In an update (a message with `update_mask`) the mask names what is meant to
//!   change: a field outside it is dropped, a field in it without a value is to
//!   be cleared, which only `clearable` fields and lists allow (CV-14). An empty
//!   mask stands for every field that is present (TR-5). A handler therefore
//!   reads the mask and nothing else.

pub mod format;
mod json;
mod list;
mod mask;
mod number;
mod text;
mod time_zone;
mod well_known;

use std::collections::HashMap;
use std::fmt::Write as _;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

pub use format::Format;
pub use list::Items;
pub use mask::Mask;
pub use number::WordRule;
pub use text::{Json, TextRule, normalise};

#[allow(clippy::all, reason = "generated")]
mod generated {
    use super::{Check, Format, Items, Json, TextRule, Validate, WordRule};

    include!(concat!(env!("OUT_DIR"), "/checks.rs"));
}

/// How many violations one reply lists at most; they travel in a header, whose
/// block is limited (N-16).
const MOST_VIOLATIONS: usize = 50;

/// How many bytes the listed violations take at most, for the same reason.
const MOST_BYTES: usize = 8 * 1024;

/// A message that can be normalised and checked. Replies and events pass as they are.
pub trait Validate {
    /// Whether an RPC takes the message, or a message that contains it.
    const REQUEST: bool = false;

    /// Normalises the message and reports to `check` what is wrong with it.
    fn validate(&mut self, check: &mut Check) {
        let _ = check;
    }
}

/// Where a check stands and what it has found.
#[derive(Debug, Default)]
pub struct Check {
    path: String,
    found: Vec<FieldViolation>,
    bytes: usize,
}

impl Check {
    /// Reports that a field of the message at hand is wrong. `message` completes
    /// a sentence that begins with the field: `must have six digits`.
    pub fn violate(&mut self, field: &str, message: impl Into<String>) {
        let violation = FieldViolation::new(self.path_of(field), message.into());
        self.bytes += violation.field.len() + violation.description.len();
        if self.found.len() < MOST_VIOLATIONS && (self.bytes <= MOST_BYTES || self.found.is_empty())
        {
            self.found.push(violation);
        }
    }

    /// Runs a check inside a field: what it reports is named `field.inner`.
    pub fn within(&mut self, field: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.path.len();
        if outer > 0 {
            self.path.push('.');
        }
        self.path.push_str(field);
        check(self);
        self.path.truncate(outer);
    }

    /// Runs a check inside an item of a list: what it reports is named `field[index].inner`.
    pub fn within_item(&mut self, field: &str, index: usize, check: impl FnOnce(&mut Self)) {
        self.within(&item(field, index), check);
    }

    /// Reports a field that has no value.
    pub fn present(&mut self, field: &str, present: bool) {
        if !present {
            self.violate(field, "is required");
        }
    }

    /// What was found, in the order of the checks; at most 50 violations.
    #[must_use]
    pub fn violations(&self) -> &[FieldViolation] {
        &self.found
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }
}

/// The path of one item of a list: `tags[2]`.
fn item(field: &str, index: usize) -> String {
    let mut path = String::with_capacity(field.len() + 4);
    path.push_str(field);
    // Writing to a String cannot fail.
    write!(path, "[{index}]").unwrap_or_default();
    path
}

/// The message, normalised; or `INVALID_ARGUMENT` with reason
/// `VALIDATION_ERROR` and every violation.
///
/// # Errors
/// The status the codec ends a call with: `google.rpc.ErrorInfo` of domain
/// `smilefactory` and `google.rpc.BadRequest` in its details.
pub fn checked<T: Validate>(mut message: T) -> Result<T, Status> {
    let mut check = Check::default();
    message.validate(&mut check);
    if check.found.is_empty() {
        Ok(message)
    } else {
        Err(refusal(check.found))
    }
}

fn refusal(violations: Vec<FieldViolation>) -> Status {
    let message = match violations.as_slice() {
        [only] => format!("{}: {}", only.field, only.description),
        all => format!("{} fields are not valid", all.len()),
    };
    let mut details = ErrorDetails::new();
    details.set_error_info("VALIDATION_ERROR", "smilefactory", HashMap::new());
    details.set_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

#[cfg(test)]
mod tests;
