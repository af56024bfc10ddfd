//! Questionnaire answers: read from JSON, checked, kept word for word (PR-6).
//!
//! An answer keeps the JSON text it came as, so that number texts come back
//! exactly; only texts that need normalising are written anew.

mod parse;

pub use parse::{Limits, Refusal, changes, draft, stored};

/// Who sees an answer (PR-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Whoever sees the profile.
    Public,
    /// The owner, and connections when the account says so.
    Contact,
    /// The owner only.
    Owner,
}

impl Class {
    /// Returns the class of the answer to a question.
    #[must_use]
    pub fn of(key: &str) -> Self {
        match key {
            "current_revenue" | "average_return" => Self::Owner,
            "contact_email"
            | "contact_phone"
            | "contact_person"
            | "contact_role"
            | "whatsapp"
            | "preferred_contact_method"
            | "address" => Self::Contact,
            _ => Self::Public,
        }
    }
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number, which only its JSON text tells.
    Number,
    /// Yes or no.
    Bool(bool),
    /// Texts.
    List(Vec<String>),
}

impl Value {
    /// Returns whether it counts as answered: a text that is not blank, any
    /// number, yes, or a list with entries.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        match self {
            Self::Text(text) => !text.trim().is_empty(),
            Self::Number => true,
            Self::Bool(yes) => *yes,
            Self::List(items) => !items.is_empty(),
        }
    }

    /// Returns whether it is a yes.
    #[must_use]
    pub const fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its JSON text.
    pub json: String,
    /// What it says.
    pub value: Value,
}

/// What a request says about one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerChange {
    /// It is to be this.
    Set(Answer),
    /// It is to go.
    Delete,
}

/// The answers of one profile, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(Vec<(String, Answer)>);

impl Answers {
    /// Returns the answer to a question.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Answer> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, answer)| answer)
    }

    /// Iterates in the order the answers were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.0.iter().map(|(key, answer)| (key.as_str(), answer))
    }

    /// Sets or deletes one answer and returns whether that changed anything. A
    /// known answer keeps its place.
    pub fn apply(&mut self, key: &str, change: &AnswerChange) -> bool {
        let at = self.0.iter().position(|(known, _)| known == key);
        match (change, at) {
            (AnswerChange::Delete, None) => false,
            (AnswerChange::Delete, Some(at)) => {
                self.0.remove(at);
                true
            }
            (AnswerChange::Set(answer), None) => {
                self.0.push((key.to_owned(), answer.clone()));
                true
            }
            (AnswerChange::Set(answer), Some(at)) => {
                let changed = self.0[at].1 != *answer;
                self.0[at].1 = answer.clone();
                changed
            }
        }
    }

    /// Returns the answers up to `most` as one JSON object, in order.
    #[must_use]
    pub fn to_json(&self, most: Class) -> String {
        let mut out = String::from("{");
        for (key, answer) in self.iter().filter(|(key, _)| Class::of(key) <= most) {
            if out.len() > 1 {
                out.push(',');
            }
            // Names are letters, digits and `_`: nothing to escape.
            out.extend(["\"", key, "\":", &answer.json]);
        }
        out.push('}');
        out
    }

    /// Checks what holds for all answers together: their number and size.
    ///
    /// # Errors
    ///
    /// Names the answer by which a limit is passed.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let mut bytes = 0;
        for (count, (key, answer)) in self.iter().enumerate() {
            bytes += key.len() + answer.json.len();
            if count >= limits.keys {
                return Err(Refusal::new(
                    key,
                    format!("a profile has at most {} answers", limits.keys),
                ));
            }
            if bytes > limits.bytes {
                return Err(Refusal::new(
                    key,
                    format!(
                        "the answers of a profile take at most {} bytes",
                        limits.bytes
                    ),
                ));
            }
        }
        Ok(())
    }
}

impl FromIterator<(String, Answer)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, Answer)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
