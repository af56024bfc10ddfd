//! Normalisation of text (CV-23) and the checks every text shares.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::format::{self, Format};
use super::{Check, json};
use crate::word::same;

/// Whether a text carries JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json {
    /// It is plain text.
    No,
    /// Any JSON value, passed on verbatim.
    Any,
    /// A JSON object, passed on verbatim.
    Object,
}

/// What a text must satisfy; the options of `smilefactory.api.v1.Field`.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// It must have content.
    pub required: bool,
    /// Least number of Unicode scalar values.
    pub min_len: u32,
    /// Greatest number of Unicode scalar values; 0 means unlimited.
    pub max_len: u32,
    /// Greatest number of bytes; 0 means unlimited.
    pub max_bytes: u32,
    /// Line feeds and tabs are allowed.
    pub multiline: bool,
    /// It is kept exactly as given; only NUL is refused.
    pub verbatim: bool,
    /// The format it must have.
    pub format: Format,
    /// The words it may be; with a format, the words it may be instead.
    pub one_of: &'static [&'static str],
    /// Whether it carries JSON.
    pub json: Json,
}

impl TextRule {
    /// One line of any length.
    pub const PLAIN: Self = Self {
        required: false,
        min_len: 0,
        max_len: 0,
        max_bytes: 0,
        multiline: false,
        verbatim: false,
        format: Format::Plain,
        one_of: &[],
        json: Json::No,
    };
}

/// What is wrong with a value, as a message of [`Check::violate`].
pub(super) type Wrong = Cow<'static, str>;

impl Check {
    /// Normalises and checks a text whose absence is the empty text.
    pub fn text(&mut self, field: &str, value: &mut String, rule: &TextRule) {
        if let Err(wrong) = settle(value, rule) {
            self.violate(field, wrong);
        }
    }

    /// Normalises and checks a text that may be absent; one without content
    /// becomes absent, unless it is verbatim.
    pub fn optional_text(&mut self, field: &str, value: &mut Option<String>, rule: &TextRule) {
        match value {
            Some(text) => {
                self.text(field, text, rule);
                if text.is_empty() && !rule.verbatim {
                    *value = None;
                }
            }
            None => self.present(field, !rule.required),
        }
    }

    /// Checks the unknown top-level keys of a request (TR-6): one JSON object,
    /// none of whose keys is `declared` by the message or `managed` by the
    /// server (CV-24). Violations are named by the key.
    pub fn catch_all(
        &mut self,
        field: &str,
        value: &mut String,
        rule: &TextRule,
        managed: &[&str],
        declared: &[&str],
    ) {
        if let Err(wrong) = settle(value, rule) {
            return self.violate(field, wrong);
        }
        for key in json::keys(value) {
            if managed.contains(&key.as_str()) {
                self.violate(&key, "is managed by the server and cannot be set");
            } else if declared.contains(&key.as_str()) {
                self.violate(
                    &key,
                    format!("is a field of the request and cannot stand in {field}"),
                );
            }
        }
    }
}

/// Normalises a text in place and says what is wrong with it.
pub(super) fn settle(text: &mut String, rule: &TextRule) -> Result<(), Wrong> {
    if rule.json != Json::No {
        return settle_json(text, rule);
    }
    if rule.verbatim {
        if text.contains('\0') {
            return Err("must not contain NUL".into());
        }
    } else {
        // White space is trimmed everywhere else, but a line break beside an
        // address is an attempt to reach the mail protocol, not a typing slip.
        if rule.format == Format::Email && text.contains(char::is_control) {
            return Err("must be an e-mail address".into());
        }
        normalise(text, rule.multiline)?;
    }
    if text.is_empty() {
        return if rule.required {
            Err("is required".into())
        } else {
            Ok(())
        };
    }
    if let Some(word) = rule.one_of.iter().find(|word| same(word, text)) {
        (*word).clone_into(text);
        return Ok(());
    }
    if rule.format == Format::Plain && !rule.one_of.is_empty() {
        return Err(format!("must be one of {}", rule.one_of.join(", ")).into());
    }
    format::apply(rule.format, text)?;
    measure(text, rule)
}

fn settle_json(text: &str, rule: &TextRule) -> Result<(), Wrong> {
    if text.is_empty() {
        return if rule.required {
            Err("is required".into())
        } else {
            Ok(())
        };
    }
    measure(text, rule)?;
    json::check(text, rule.json == Json::Object)
}

fn measure(text: &str, rule: &TextRule) -> Result<(), Wrong> {
    let (least, most) = (rule.min_len as usize, rule.max_len as usize);
    // Bytes bound characters from above; only a text near its limits is counted.
    let characters = if least > 0 || text.len() > most {
        text.chars().count()
    } else {
        least
    };
    let bad = characters < least || (most > 0 && characters > most);
    match (least, most) {
        _ if !bad => {}
        (0, most) => return Err(format!("must have at most {most} characters").into()),
        (least, 0) => return Err(format!("must have at least {least} characters").into()),
        (least, most) => return Err(format!("must have {least} to {most} characters").into()),
    }
    let bytes = rule.max_bytes as usize;
    if bytes > 0 && text.len() > bytes {
        return Err(format!("must have at most {bytes} bytes").into());
    }
    Ok(())
}

/// Brings a text to the form it is stored in (CV-23): NFC, without leading and
/// trailing white space, line ends as LF.
///
/// # Errors
/// The text contains a control character other than line feed and tab in a
/// multi-line text. It is then left as it was, or only trimmed.
pub fn normalise(text: &mut String, multiline: bool) -> Result<(), Cow<'static, str>> {
    let trimmed = text.trim();
    if trimmed.len() < text.len() {
        *text = trimmed.to_owned();
    }
    if multiline && text.contains('\r') {
        *text = text.replace("\r\n", "\n");
    }
    let refused =
        |letter: char| letter.is_control() && !(multiline && matches!(letter, '\n' | '\t'));
    match text.chars().find(|letter| refused(*letter)) {
        Some('\n' | '\r') if !multiline => return Err("must be a single line".into()),
        Some(letter) => {
            return Err(format!(
                "must not contain the control character U+{:04X}",
                u32::from(letter)
            )
            .into());
        }
        None => {}
    }
    if !text.is_ascii() && !is_nfc(text) {
        *text = text.nfc().collect();
    }
    Ok(())
}
