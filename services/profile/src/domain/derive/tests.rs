//! Columns from answers.

use super::*;
use crate::domain::answers::{Limits, changes};

fn answers(json: &str) -> Answers {
    let mut answers = Answers::default();
    for (key, change) in changes(json, &Limits::default()).unwrap() {
        answers.apply(&key, &change);
    }
    answers
}

#[test]
fn pr_7_location_joins_city_and_country() {
    let location = |json| Derived::from(&answers(json)).location;
    assert_eq!(
        location(r#"{"city":"Harare","country":"Zimbabwe"}"#).as_deref(),
        Some("Harare, Zimbabwe")
    );
    assert_eq!(
        location(r#"{"country":"Zimbabwe"}"#).as_deref(),
        Some("Zimbabwe")
    );
    assert_eq!(location("{}"), None);
}

#[test]
fn pr_7_a_name_comes_from_the_first_answer_that_is_one() {
    let name = |json| Derived::from(&answers(json)).display_name;
    assert_eq!(
        name(r#"{"firm_name":"Firm","full_name":"Ada"}"#).as_deref(),
        Some("Ada")
    );
    assert_eq!(
        name(r#"{"full_name":"New Profile","firm_name":"Firm"}"#).as_deref(),
        Some("Firm")
    );
    assert!(!is_name("Draft Profile"));
    assert!(!is_name(" "));
}

#[test]
fn pr_7_a_phone_may_be_a_number_and_is_cut_to_the_column() {
    assert_eq!(
        Derived::from(&answers(r#"{"contact_phone":263771}"#))
            .phone
            .as_deref(),
        Some("263771")
    );
    let long = format!(r#"{{"contact_phone":"{}"}}"#, "1".repeat(80));
    assert_eq!(
        Derived::from(&answers(&long))
            .phone
            .map(|phone| phone.len()),
        Some(50)
    );
}

#[test]
fn pr_16_the_role_is_the_own_types_answer_else_the_first() {
    let both = answers(r#"{"mentor_current_role":"CTO","job_title":"Analyst"}"#);
    assert_eq!(role(ProfileType::Mentor, &both).as_deref(), Some("CTO"));
    assert_eq!(
        role(ProfileType::Professional, &both).as_deref(),
        Some("Analyst")
    );
    assert_eq!(role(ProfileType::Investor, &both).as_deref(), Some("CTO"));
    assert_eq!(role(ProfileType::Investor, &Answers::default()), None);
}

#[test]
fn pr_16_expertise_is_distinct_and_at_most_ten() {
    let many: Vec<_> = (0..12).map(|n| format!(r#""e{n}""#)).collect();
    let json = format!(
        r#"{{"innovation_area":"e0","team_expertise":[{}]}}"#,
        many.join(",")
    );
    let found = expertise(ProfileType::Innovator, &answers(&json));
    assert_eq!(found.len(), 10);
    assert_eq!(found[..2], ["e0", "e1"]);
    assert!(expertise(ProfileType::Mentor, &answers(&json)).is_empty());
}
