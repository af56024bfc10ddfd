//! How much of a questionnaire is answered (PR-14).

use contracts::profile::v1::ProfileType;

use super::answers::Answers;
use super::questions::{Question, questions};

/// The least completion a profile has, in percent (N-30).
pub const FLOOR: i32 = 20;

/// What completion is counted over.
#[derive(Clone, Copy, Debug)]
pub struct Filled<'a> {
    /// The answers that are kept.
    pub answers: &'a Answers,
    /// The answers of an unfinished wizard, which count before the kept ones.
    pub draft: &'a Answers,
    /// The profile's text, which answers the question of that name.
    pub bio: Option<&'a str>,
    /// The profile's site, which answers the question of that name.
    pub website: Option<&'a str>,
}

impl Filled<'_> {
    /// Returns the completion of a profile of type `kind`, 20..100 percent.
    #[must_use]
    pub fn percentage(&self, kind: ProfileType) -> i32 {
        let visible: Vec<_> = questions(kind)
            .filter(|question| self.shows(question))
            .collect();
        let filled = visible
            .iter()
            .filter(|question| self.fills(question.id))
            .count();
        rounded_percentage(filled, visible.len()).max(FLOOR)
    }

    fn shows(&self, question: &Question) -> bool {
        question.shown_by.is_none_or(|by| {
            let answer = self.draft.get(by).or_else(|| self.answers.get(by));
            answer.is_some_and(|answer| answer.value.is_true())
        })
    }

    fn fills(&self, id: &str) -> bool {
        let column = match id {
            "bio" => self.bio,
            "website" => self.website,
            _ => None,
        };
        let answer = self.draft.get(id).or_else(|| self.answers.get(id));
        column.is_some_and(|text| !text.trim().is_empty())
            || answer.is_some_and(|answer| answer.value.is_filled())
    }
}

/// Returns 100 × part ÷ whole, halves rounded up.
fn rounded_percentage(part: usize, whole: usize) -> i32 {
    let doubled = (part * 200 + whole).checked_div(whole * 2).unwrap_or(0);
    i32::try_from(doubled).unwrap_or(100).clamp(0, 100)
}

#[cfg(test)]
mod tests;
