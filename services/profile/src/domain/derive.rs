//! What the columns of a profile take from its answers (PR-7, PR-16).

use contracts::profile::v1::ProfileType;

use super::answers::{Answers, Value};

/// Most entries of `expertise`.
const MAX_EXPERTISE: usize = 10;
/// Longest text of the derived columns, in characters (N-25).
const MAX_TEXT: usize = 255;
/// Longest phone number, in characters (N-25).
const MAX_PHONE: usize = 50;
/// Names that clients send for want of one.
const ABSENT_NAMES: [&str; 2] = ["New Profile", "Draft Profile"];
/// Answers that name a profile, the first one counts.
const NAMES: [&str; 4] = [
    "full_name",
    "institution_name",
    "organisation_name",
    "firm_name",
];
/// Answers that say what somebody does, the first one counts.
const ROLES: [&str; 7] = [
    "mentor_current_role",
    "job_title",
    "degree_program",
    "institution_type",
    "organisation_type",
    "firm_type",
    "innovation_area",
];

/// Columns as the answers would fill them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// From `full_name`, `institution_name`, `organisation_name` or `firm_name`.
    pub display_name: Option<String>,
    /// From `city` and `country`.
    pub location: Option<String>,
    /// From `contact_phone`.
    pub phone: Option<String>,
}

impl Derived {
    /// Returns what the answers say.
    #[must_use]
    pub fn from(answers: &Answers) -> Self {
        let location = ["city", "country"]
            .iter()
            .filter_map(|key| line(answers, key))
            .collect::<Vec<_>>()
            .join(", ");
        Self {
            display_name: NAMES
                .iter()
                .filter_map(|key| line(answers, key))
                .find(|name| is_name(name)),
            location: Some(clipped(&location, MAX_TEXT)).filter(|text| !text.is_empty()),
            phone: line(answers, "contact_phone").map(|text| clipped(&text, MAX_PHONE)),
        }
    }
}

/// Returns whether a text is a name and not what clients send for want of one.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && !ABSENT_NAMES
            .iter()
            .any(|absent| absent.eq_ignore_ascii_case(text))
}

/// Returns what a profile does: the answer of its own type's question, else the
/// first one there is.
#[must_use]
pub fn role(kind: ProfileType, answers: &Answers) -> Option<String> {
    let own = match kind {
        ProfileType::Mentor => Some("mentor_current_role"),
        ProfileType::Professional | ProfileType::IndustryExpert => Some("job_title"),
        ProfileType::AcademicStudent => Some("degree_program"),
        ProfileType::AcademicInstitution => Some("institution_type"),
        ProfileType::Organization => Some("organisation_type"),
        ProfileType::Investor => Some("firm_type"),
        ProfileType::Innovator => Some("innovation_area"),
        ProfileType::Unspecified => None,
    };
    own.into_iter()
        .chain(ROLES)
        .find_map(|key| line(answers, key))
}

/// Returns what a profile knows: the answers of its type's questions, at most 10.
#[must_use]
pub fn expertise(kind: ProfileType, answers: &Answers) -> Vec<String> {
    let keys: &[&str] = match kind {
        ProfileType::Mentor | ProfileType::IndustryExpert => &["expertise_areas"],
        ProfileType::Professional => &["skills"],
        ProfileType::Investor => &["investment_focus"],
        ProfileType::Innovator => &["innovation_area", "team_expertise"],
        ProfileType::AcademicStudent => &["academic_skills", "research_interests"],
        ProfileType::AcademicInstitution => &["research_areas"],
        ProfileType::Organization => &["innovation_focus"],
        ProfileType::Unspecified => &[],
    };
    let mut found: Vec<String> = Vec::new();
    for text in keys
        .iter()
        .filter_map(|key| answers.get(key))
        .flat_map(|answer| texts(&answer.value))
    {
        let text = clipped(&text.replace(['\n', '\t'], " "), MAX_TEXT);
        if found.len() < MAX_EXPERTISE && !text.is_empty() && !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// Returns an answer as one line of at most 255 characters; nothing for a blank one.
fn line(answers: &Answers, key: &str) -> Option<String> {
    let answer = answers.get(key)?;
    let text = match &answer.value {
        Value::Number => answer.json.as_str(),
        value => texts(value).first()?,
    };
    Some(clipped(&text.replace(['\n', '\t'], " "), MAX_TEXT)).filter(|text| !text.is_empty())
}

fn texts(value: &Value) -> &[String] {
    match value {
        Value::Text(text) => std::slice::from_ref(text),
        Value::List(items) => items,
        Value::Number | Value::Bool(_) => &[],
    }
}

fn clipped(text: &str, longest: usize) -> String {
    text.trim()
        .chars()
        .take(longest)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests;
