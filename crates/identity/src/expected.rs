//! The version a client expects of what it changes (CQ-2, K-4).

use std::fmt;
use std::sync::Arc;

use fault::{Fault, Reason, Result};

use crate::entity_tag::{EntityTag, EntityTags};

/// The field and metadata key the expectation travels in.
const NAME: &str = "If-Match";

/// What has to be true of a resource for it to be changed or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: the last write wins.
    #[default]
    None,
    /// That it exists, which every change asks for anyway.
    Any,
    /// That it has one of these versions. 0 stands for tags no resource has.
    Versions(Arc<[i32]>),
}

impl Expected {
    /// Reads the HTTP field `If-Match`: a list of entity tags, of which the part before the dash is the version, or `*`.
    /// Weak tags match nothing, since the comparison is a strong one (RFC 9110 §13.1.1); neither do tags without a
    /// version, which other things have.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` naming `If-Match` when the field is there and breaks the grammar.
    pub fn from_header<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self> {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Ok(Self::None);
        }
        match EntityTags::read(values) {
            Some(EntityTags::Any) => Ok(Self::Any),
            Some(EntityTags::List(tags)) => {
                Ok(Self::Versions(tags.iter().map(version_of).collect()))
            }
            None => Err(Fault::invalid(
                NAME,
                "must be * or a list of entity tags as the ETag of a reply gives them, quotes included",
            )),
        }
    }

    /// Reads the gRPC metadata `if-match`: as the HTTP field, or bare versions with commas between them.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` naming `If-Match` when the metadata is there and is neither.
    pub fn from_metadata<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self> {
        let values: Vec<&[u8]> = values.into_iter().collect();
        match bare(&values) {
            Some(versions) if !versions.is_empty() => Ok(Self::Versions(versions.into())),
            _ => Self::from_header(values),
        }
    }

    /// Whether anything is expected.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Asks whether a resource that exists in this version may be changed.
    ///
    /// # Errors
    /// `PRECONDITION_FAILED` when it may not.
    pub fn admit(&self, version: i32) -> Result<()> {
        match self {
            Self::None | Self::Any => Ok(()),
            Self::Versions(versions) if versions.contains(&version) => Ok(()),
            Self::Versions(_) => Err(Fault::of(Reason::PreconditionFailed)),
        }
    }
}

/// As metadata: `*`, or the versions. Nothing expected is written as nothing.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Any => f.write_str("*"),
            Self::Versions(versions) => {
                for (position, version) in versions.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(f, "{comma}{version}")?;
                }
                Ok(())
            }
        }
    }
}

fn version_of(tag: &EntityTag<'_>) -> i32 {
    let version = tag.opaque.split(|byte| *byte == b'-').next();
    version
        .filter(|_| !tag.weak)
        .and_then(number)
        .unwrap_or_default()
}

fn bare(values: &[&[u8]]) -> Option<Vec<i32>> {
    values
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|value| number(value.trim_ascii()))
        .collect()
}

/// A version as it is printed: digits only, so that one version has one spelling.
fn number(text: &[u8]) -> Option<i32> {
    let digits = std::str::from_utf8(text).ok()?;
    let number: i32 = digits.parse().ok()?;
    (number.to_string() == digits && number >= 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(versions: &[i32]) -> Expected {
        Expected::Versions(versions.into())
    }

    #[test]
    fn k_4_the_version_part_of_a_strong_tag_is_what_is_expected() {
        for (header, expected) in [
            ("\"7-0123456789abcdef\"", versions(&[7])),
            ("\"7-0123456789abcdef\", \"9-x\"", versions(&[7, 9])),
            ("\"12\"", versions(&[12])),
            ("*", Expected::Any),
            // Nothing has these.
            ("\"0-0123456789abcdef\"", versions(&[0])),
            ("W/\"7-0123456789abcdef\"", versions(&[0])),
            ("\"\"", versions(&[0])),
            ("\"abc\"", versions(&[0])),
            ("\"-7\"", versions(&[0])),
            ("\"+7-a\"", versions(&[0])),
            ("\"07-a\"", versions(&[0])),
            ("\"99999999999-a\"", versions(&[0])),
        ] {
            let read = Expected::from_header([header.as_bytes()]).unwrap();
            assert_eq!(read, expected, "{header}");
        }
        assert_eq!(Expected::from_header([]).unwrap(), Expected::None);
    }

    #[test]
    fn k_4_metadata_is_a_tag_or_a_version_and_comes_back_as_it_was_written() {
        for (metadata, expected) in [
            ("7", versions(&[7])),
            ("7, 9", versions(&[7, 9])),
            ("\"7-0123456789abcdef\"", versions(&[7])),
            ("*", Expected::Any),
        ] {
            let read = Expected::from_metadata([metadata.as_bytes()]).unwrap();
            assert_eq!(read, expected, "{metadata}");
            let written = read.to_string();
            let again = Expected::from_metadata([written.as_bytes()]).unwrap();
            assert_eq!(again, expected, "{written}");
        }
        assert_eq!(Expected::from_metadata([]).unwrap(), Expected::None);
    }

    #[test]
    fn cq_2_what_breaks_the_grammar_is_refused_by_its_name() {
        for header in [
            "",
            "7",
            "7-0123456789abcdef",
            "\"7",
            "*, \"7-a\"",
            "\"a\" \"b\"",
        ] {
            let fault = Expected::from_header([header.as_bytes()]).unwrap_err();
            assert_eq!(fault.reason(), Reason::ValidationError, "{header}");
            assert_eq!(fault.get_violations()[0].field, "If-Match", "{header}");
        }
        for metadata in ["", "-7", "7 9", "7,", "seven", "7, \"9-a\""] {
            let fault = Expected::from_metadata([metadata.as_bytes()]).unwrap_err();
            assert_eq!(fault.reason(), Reason::ValidationError, "{metadata}");
        }
    }

    #[test]
    fn cq_2_only_a_named_version_is_admitted() {
        assert!(Expected::None.admit(3).is_ok());
        assert!(Expected::Any.admit(3).is_ok());
        assert!(versions(&[2, 3]).admit(3).is_ok());
        for refused in [versions(&[0]), versions(&[2]), versions(&[4, 5])] {
            let fault = refused.admit(3).unwrap_err();
            assert_eq!(fault.reason(), Reason::PreconditionFailed);
        }
    }
}
