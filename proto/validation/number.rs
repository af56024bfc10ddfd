//! Numbers, enum values and bytes.

use super::Check;
use crate::Word;

/// What an enum value must satisfy.
#[derive(Debug, Clone, Copy)]
pub struct WordRule {
    /// It must be given.
    pub required: bool,
    /// The words it may be; empty means all.
    pub one_of: &'static [&'static str],
}

impl WordRule {
    /// Any declared value.
    pub const ANY: Self = Self {
        required: false,
        one_of: &[],
    };
}

impl Check {
    /// Checks an integer against a range, both ends included.
    pub fn range(&mut self, field: &str, value: i128, least: i64, most: i64) {
        if value < i128::from(least) || value > i128::from(most) {
            self.violate(field, format!("must be between {least} and {most}"));
        }
    }

    /// Checks that a number is finite (TR-2) and, with a range, within it.
    pub fn decimal(&mut self, field: &str, value: f64, range: Option<(i64, i64)>) {
        #[allow(clippy::cast_precision_loss, reason = "the ends of ranges are small")]
        let outside = |(least, most): (i64, i64)| value < least as f64 || value > most as f64;
        match range {
            _ if !value.is_finite() => self.violate(field, "must be a finite number"),
            Some((least, most)) if outside((least, most)) => {
                self.violate(field, format!("must be between {least} and {most}"));
            }
            _ => {}
        }
    }

    /// Checks the size of bytes; `most` 0 means unlimited.
    pub fn bytes(&mut self, field: &str, size: usize, required: bool, most: usize) {
        if size == 0 && required {
            self.violate(field, "is required");
        } else if most > 0 && size > most {
            self.violate(field, format!("must have at most {most} bytes"));
        }
    }

    /// Checks an enum value whose absence is 0; undeclared numbers are refused.
    pub fn word<E: Word>(&mut self, field: &str, value: i32, rule: &WordRule) {
        let declared = E::WORDS.iter().find(|(_, number)| *number == value);
        let allowed =
            declared.filter(|(word, _)| rule.one_of.is_empty() || rule.one_of.contains(word));
        match (value, allowed) {
            (0, _) => self.present(field, !rule.required),
            (_, Some(_)) => {}
            (_, None) => {
                let all: Vec<&str> = E::WORDS.iter().map(|(word, _)| *word).collect();
                let words = if rule.one_of.is_empty() {
                    &all
                } else {
                    rule.one_of
                };
                self.violate(field, format!("must be one of {}", words.join(", ")));
            }
        }
    }

    /// Checks an enum value that may be absent; 0 becomes absent.
    pub fn optional_word<E: Word>(
        &mut self,
        field: &str,
        value: &mut Option<i32>,
        rule: &WordRule,
    ) {
        *value = value.filter(|number| *number != 0);
        self.word::<E>(field, value.unwrap_or_default(), rule);
    }
}
