//! What follows from a change.

use contracts::profile::v1::ProfileVisibility;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::domain::account::Settings;
use crate::domain::answers::{Limits, changes as parse};

fn new() -> Whole {
    Whole::new(
        Uuid::from_u128(1),
        Uuid::from_u128(2),
        Settings::default(),
        OffsetDateTime::UNIX_EPOCH,
    )
}

fn answering(json: &str) -> Changes {
    Changes {
        answers: parse(json, &Limits::default()).unwrap(),
        ..Changes::default()
    }
}

fn named(name: &str) -> Whole {
    let mut whole = new();
    let changes = Changes {
        display_name: Some(name.to_owned()),
        ..Changes::default()
    };
    whole.apply(
        &changes,
        Naming {
            fallback: None,
            replaceable: true,
        },
    );
    whole
}

#[test]
fn pr_7_empty_columns_are_filled_and_follow_their_answers() {
    let mut whole = named("Ada");
    whole.apply(
        &answering(r#"{"city":"Harare","contact_phone":"1"}"#),
        Naming::default(),
    );
    assert_eq!(whole.profile.location.as_deref(), Some("Harare"));
    assert_eq!(whole.private.phone.as_deref(), Some("1"));
    whole.apply(&answering(r#"{"city":"Oslo"}"#), Naming::default());
    assert_eq!(whole.profile.location.as_deref(), Some("Oslo"));
}

#[test]
fn pr_7_a_column_set_by_hand_is_not_overwritten() {
    let mut whole = named("Ada");
    let by_hand = Changes {
        location: Change::Set("Here".to_owned()),
        ..answering(r#"{"city":"Harare"}"#)
    };
    whole.apply(&by_hand, Naming::default());
    assert_eq!(whole.profile.location.as_deref(), Some("Here"));
    whole.apply(
        &answering(r#"{"city":"Oslo","full_name":"Grace"}"#),
        Naming::default(),
    );
    assert_eq!(whole.profile.location.as_deref(), Some("Here"));
    assert_eq!(whole.profile.display_name, "Ada");
}

#[test]
fn pr_7_clearing_holds_against_the_answers_there_are() {
    let mut whole = named("Ada");
    whole.apply(&answering(r#"{"city":"Harare"}"#), Naming::default());
    whole.apply(
        &Changes {
            location: Change::Clear,
            ..Changes::default()
        },
        Naming::default(),
    );
    assert_eq!(whole.profile.location, None);
    whole.apply(&answering(r#"{"skills":["x"]}"#), Naming::default());
    assert_eq!(whole.profile.location, None);
}

#[test]
fn pr_7_names_fall_back_from_given_to_answers_to_the_primary() {
    let naming = Naming {
        fallback: Some("Primary"),
        replaceable: true,
    };
    for (given, json, expected) in [
        (Some("Ada"), r#"{"full_name":"Grace"}"#, "Ada"),
        (Some("New Profile"), r#"{"full_name":"Grace"}"#, "Grace"),
        (Some("Draft Profile"), "{}", "Primary"),
        (None, "{}", "Primary"),
    ] {
        let mut whole = new();
        let changes = Changes {
            display_name: given.map(str::to_owned),
            ..answering(json)
        };
        whole.apply(&changes, naming);
        assert_eq!(whole.profile.display_name, expected, "{given:?} {json}");
    }
}

#[test]
fn pr_10_a_new_type_keeps_answers_and_counts_anew() {
    let mut whole = named("Ada");
    let json = r#"{"mentor_current_role":"CTO","expertise_areas":["a"],"firm_type":"fund","investment_focus":["b"]}"#;
    whole.apply(
        &Changes {
            kind: Some(ProfileType::Mentor),
            ..answering(json)
        },
        Naming::default(),
    );
    assert_eq!(whole.profile.role.as_deref(), Some("CTO"));
    assert_eq!(whole.profile.expertise, ["a"]);
    let kept = whole.answers.clone();
    whole.apply(
        &Changes {
            kind: Some(ProfileType::Investor),
            ..Changes::default()
        },
        Naming::default(),
    );
    assert_eq!(whole.answers, kept);
    assert_eq!(whole.profile.role.as_deref(), Some("fund"));
    assert_eq!(whole.profile.expertise, ["b"]);
}

#[test]
fn pr_13_a_new_name_or_type_clears_the_verification() {
    for (changes, stays) in [
        (
            Changes {
                display_name: Some("Grace".to_owned()),
                ..Changes::default()
            },
            false,
        ),
        (
            Changes {
                kind: Some(ProfileType::Mentor),
                ..Changes::default()
            },
            false,
        ),
        (
            Changes {
                display_name: Some("Ada".to_owned()),
                kind: Some(ProfileType::Innovator),
                ..Changes::default()
            },
            true,
        ),
        (
            Changes {
                bio: Change::Set("b".to_owned()),
                ..Changes::default()
            },
            true,
        ),
    ] {
        let mut whole = named("Ada");
        whole.profile.is_verified = true;
        whole.apply(&changes, Naming::default());
        assert_eq!(whole.profile.is_verified, stays, "{changes:?}");
    }
}

#[test]
fn vis_2_a_private_account_narrows_what_is_set() {
    let mut whole = named("Ada");
    whole.private.settings.private_account = true;
    whole.apply(
        &Changes {
            visibility: Some(ProfileVisibility::Public),
            ..Changes::default()
        },
        Naming::default(),
    );
    assert_eq!(whole.profile.visibility, ProfileVisibility::Public);
    assert_eq!(
        whole.profile.effective_visibility,
        ProfileVisibility::Connections
    );
}

#[test]
fn cq_3_a_change_names_its_fields_and_nothing_else() {
    let before = named("Ada");
    let mut after = before.clone();
    after.apply(
        &Changes {
            bio: Change::Set("b".to_owned()),
            ..answering(r#"{"city":"Oslo"}"#)
        },
        Naming::default(),
    );
    assert_eq!(changed(&before, &after), ["bio", "location", "metadata"]);
    let mut same = after.clone();
    same.apply(&answering(r#"{"city":"Oslo"}"#), Naming::default());
    assert_eq!(changed(&after, &same), Vec::<String>::new());
}
