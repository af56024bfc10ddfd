//! The questionnaires of the eight profile types: ids, kinds, which ones are
//! required and which are shown only after a yes.

mod academic_institution;
mod academic_student;
mod industry_expert;
mod innovator;
mod investor;
mod mentor;
mod organization;
mod professional;

use contracts::profile::v1::ProfileType;

/// What kind of answer a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line.
    Text,
    /// Several lines.
    Textarea,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of the offered options.
    Select,
    /// Several of the offered options.
    Multiselect,
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The key of its answer.
    pub id: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether a complete profile answers it.
    pub required: bool,
    /// The yes-or-no question that must be answered yes for this one to be shown.
    pub shown_by: Option<&'static str>,
}

impl Question {
    const fn new(id: &'static str, kind: Kind) -> Self {
        Self {
            id,
            kind,
            required: false,
            shown_by: None,
        }
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn when(mut self, id: &'static str) -> Self {
        self.shown_by = Some(id);
        self
    }
}

/// Questions that stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name within the questionnaire.
    pub id: &'static str,
    /// Its questions, in order.
    pub questions: &'static [Question],
}

impl Section {
    const fn new(id: &'static str, questions: &'static [Question]) -> Self {
        Self { id, questions }
    }
}

const fn text(id: &'static str) -> Question {
    Question::new(id, Kind::Text)
}

const fn textarea(id: &'static str) -> Question {
    Question::new(id, Kind::Textarea)
}

const fn number(id: &'static str) -> Question {
    Question::new(id, Kind::Number)
}

const fn boolean(id: &'static str) -> Question {
    Question::new(id, Kind::Boolean)
}

const fn select(id: &'static str) -> Question {
    Question::new(id, Kind::Select)
}

const fn multiselect(id: &'static str) -> Question {
    Question::new(id, Kind::Multiselect)
}

/// Returns the questionnaire of a type; nothing for no type.
#[must_use]
pub const fn sections(kind: ProfileType) -> &'static [Section] {
    match kind {
        ProfileType::Unspecified => &[],
        ProfileType::Innovator => innovator::SECTIONS,
        ProfileType::Mentor => mentor::SECTIONS,
        ProfileType::Investor => investor::SECTIONS,
        ProfileType::AcademicStudent => academic_student::SECTIONS,
        ProfileType::AcademicInstitution => academic_institution::SECTIONS,
        ProfileType::Organization => organization::SECTIONS,
        ProfileType::Professional => professional::SECTIONS,
        ProfileType::IndustryExpert => industry_expert::SECTIONS,
    }
}

/// Returns the questions of a type in order.
pub fn questions(kind: ProfileType) -> impl Iterator<Item = &'static Question> {
    sections(kind).iter().flat_map(|section| section.questions)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const TYPES: [(ProfileType, usize, usize); 8] = [
        (ProfileType::Innovator, 42, 10),
        (ProfileType::Mentor, 31, 8),
        (ProfileType::Investor, 31, 7),
        (ProfileType::Professional, 33, 8),
        (ProfileType::IndustryExpert, 36, 9),
        (ProfileType::AcademicStudent, 40, 7),
        (ProfileType::AcademicInstitution, 41, 6),
        (ProfileType::Organization, 39, 7),
    ];

    #[test]
    fn pr_17_every_type_has_its_number_of_questions() {
        for (kind, count, required) in TYPES {
            assert_eq!(questions(kind).count(), count, "{kind:?}");
            assert_eq!(
                questions(kind).filter(|q| q.required).count(),
                required,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn pr_17_ids_are_distinct_and_conditions_name_an_earlier_boolean() {
        for (kind, ..) in TYPES {
            let mut seen = HashSet::new();
            let mut booleans = HashSet::new();
            for question in questions(kind) {
                assert!(
                    seen.insert(question.id),
                    "{kind:?} asks {} twice",
                    question.id
                );
                if question.kind == Kind::Boolean {
                    booleans.insert(question.id);
                }
                assert!(
                    question.shown_by.is_none_or(|by| booleans.contains(by)),
                    "{}",
                    question.id
                );
            }
            let ids: HashSet<_> = sections(kind).iter().map(|section| section.id).collect();
            assert_eq!(ids.len(), sections(kind).len(), "{kind:?}");
        }
    }
}
