//! Completion of every type, and what its conditions do to it.

use super::*;
use crate::domain::answers::{Limits, changes};

fn answers(json: &str) -> Answers {
    let mut answers = Answers::default();
    for (key, change) in changes(json, &Limits::default()).unwrap() {
        answers.apply(&key, &change);
    }
    answers
}

fn percentage(kind: ProfileType, json: &str) -> i32 {
    Filled {
        answers: &answers(json),
        draft: &Answers::default(),
        bio: None,
        website: None,
    }
    .percentage(kind)
}

/// Answers to the first `count` questions that are shown from the start.
fn first(kind: ProfileType, count: usize) -> String {
    let shown =
        questions(kind).filter(|q| q.shown_by.is_none() && !["bio", "website"].contains(&q.id));
    let entries: Vec<_> = shown
        .take(count)
        .map(|q| format!(r#""{}":"x""#, q.id))
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[test]
fn pr_14_every_type_counts_its_shown_questions() {
    // Questions shown while every yes-or-no question is unanswered.
    for (kind, shown) in [
        (ProfileType::Innovator, 36),
        (ProfileType::Mentor, 30),
        (ProfileType::Investor, 31),
        (ProfileType::Professional, 32),
        (ProfileType::IndustryExpert, 35),
        (ProfileType::AcademicStudent, 38),
        (ProfileType::AcademicInstitution, 37),
        (ProfileType::Organization, 37),
    ] {
        for filled in 0..=(shown - 2) {
            let exact = f64::from(filled) * 100.0 / f64::from(shown);
            #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
            let expected = ((exact + 0.5).floor() as i32).max(20);
            let json = first(kind, usize::try_from(filled).unwrap());
            assert_eq!(
                percentage(kind, &json),
                expected,
                "{kind:?} {filled}/{shown}"
            );
        }
    }
}

#[test]
fn pr_14_the_floor_is_20_and_the_top_100() {
    assert_eq!(percentage(ProfileType::Mentor, "{}"), 20);
    let json = first(ProfileType::Investor, 31);
    let whole = Filled {
        answers: &answers(&json),
        draft: &Answers::default(),
        bio: Some("b"),
        website: Some("w"),
    };
    assert_eq!(whole.percentage(ProfileType::Investor), 100);
}

#[test]
fn pr_14_halves_round_up() {
    assert_eq!(rounded_percentage(1, 8), 13);
    assert_eq!(rounded_percentage(1, 200), 1);
    assert_eq!(rounded_percentage(1, 201), 0);
    assert_eq!(rounded_percentage(0, 0), 0);
}

#[test]
fn pr_14_a_condition_counts_only_after_a_yes() {
    let many = first(ProfileType::Mentor, 20);
    let with = |more: &str| {
        percentage(
            ProfileType::Mentor,
            &many.replacen('{', &format!("{{{more},"), 1),
        )
    };
    // 20 of 30 shown; a no is no answer, and what it hides does not count.
    assert_eq!(percentage(ProfileType::Mentor, &many), 67);
    assert_eq!(with(r#""willing_to_relocate":false"#), 67);
    assert_eq!(
        with(r#""willing_to_relocate":false,"preferred_locations":["x"]"#),
        67
    );
    assert_eq!(with(r#""preferred_locations":["x"]"#), 67);
    // A yes shows one more question: 21 of 31, then 22 of 31.
    assert_eq!(with(r#""willing_to_relocate":true"#), 68);
    assert_eq!(
        with(r#""willing_to_relocate":true,"preferred_locations":["x"]"#),
        71
    );
    // Only the boolean itself shows it.
    assert_eq!(with(r#""willing_to_relocate":"true""#), 70);
}

#[test]
fn pr_14_blank_texts_and_empty_lists_are_no_answers() {
    let many = first(ProfileType::Investor, 20);
    let with = |more: &str| {
        percentage(
            ProfileType::Investor,
            &many.replacen('{', &format!("{{{more},"), 1),
        )
    };
    assert_eq!(percentage(ProfileType::Investor, &many), 65);
    assert_eq!(with(r#""looking_for":[]"#), 65);
    assert_eq!(with(r#""looking_for":["x"]"#), 68);
    let few = first(ProfileType::Investor, 10).replacen('{', r#"{"successful_exits":0,"#, 1);
    assert_eq!(
        percentage(ProfileType::Investor, &few),
        35,
        "zero is a number"
    );
}

#[test]
fn pr_14_bio_and_website_read_their_columns() {
    let given = answers(&first(ProfileType::Investor, 10));
    let none = Answers::default();
    let at = |bio, website| {
        Filled {
            answers: &given,
            draft: &none,
            bio,
            website,
        }
        .percentage(ProfileType::Investor)
    };
    assert_eq!(at(None, None), 32);
    assert_eq!(at(Some("text"), None), 35);
    assert_eq!(at(Some("text"), Some("https://x.org")), 39);
    assert_eq!(at(Some(" "), None), 32);
}

#[test]
fn pr_8_a_draft_counts_what_the_wizard_keeps() {
    let draft = answers(&first(ProfileType::Investor, 20));
    let none = Answers::default();
    let filled = Filled {
        answers: &none,
        draft: &draft,
        bio: None,
        website: None,
    };
    assert_eq!(filled.percentage(ProfileType::Investor), 65);
}
