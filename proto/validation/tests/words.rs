//! Closed sets: enums, words, and what is absent.

use super::*;

#[test]
fn tr_3_undeclared_enum_numbers_are_refused_with_the_words() {
    let mut request = CreatePostRequest {
        r#type: 99,
        content: "x".into(),
        ..Default::default()
    };
    let told = wrong(&mut request);
    assert!(
        told[0].starts_with("type must be one of ") && told[0].contains("blog"),
        "{told:?}"
    );
    request.r#type = PostType::Blog.into();
    request.target_profile_types = vec![ProfileType::Mentor.into(), 77, 0];
    let told = wrong(&mut request);
    assert!(
        told[0].starts_with("targetProfileTypes[1] must be one of innovator, mentor,"),
        "{told:?}"
    );
    assert_eq!(told[1], "targetProfileTypes[2] is required");
}

#[test]
fn tr_3_an_optional_enum_of_zero_is_absent() {
    let mut request = CreateProfileRequest {
        visibility: Some(0),
        ..profile()
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.visibility, None);
}

#[test]
fn tr_3_words_are_read_in_any_case_with_dashes_and_aliases() {
    assert_eq!(
        ProfileType::AcademicStudent.word(),
        Some("academic_student")
    );
    assert_eq!(ProfileType::Unspecified.word(), None);
    assert_eq!(
        ProfileType::from_word("Academic-STUDENT"),
        Some(ProfileType::AcademicStudent)
    );
    assert_eq!(
        ProfileType::from_word("organisation"),
        Some(ProfileType::Organization)
    );
    assert_eq!(ProfileType::from_word("unspecified"), None);
    assert_eq!(ProfileType::from_word("wizard"), None);
    assert_eq!(ProfileType::from_word(""), None);
}

#[test]
fn an_optional_text_without_content_is_absent() {
    let mut request = CreateProfileRequest {
        bio: Some(" \n ".into()),
        website: Some(String::new()),
        ..profile()
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!((request.bio, request.website), (None, None));
}

#[test]
fn a_closed_set_of_words_is_stored_in_its_own_spelling() {
    let rule = TextRule {
        one_of: &["current", "all_of_it"],
        ..LINE
    };
    assert_eq!(read(&rule, " All-of-IT ").as_deref(), Ok("all_of_it"));
    assert_eq!(
        read(&rule, "some").unwrap_err(),
        "must be one of current, all_of_it"
    );
    let id = TextRule {
        one_of: &["me", "current-user"],
        format: Format::Uuid,
        ..LINE
    };
    assert_eq!(read(&id, "ME").as_deref(), Ok("me"));
    assert_eq!(read(&id, "current_user").as_deref(), Ok("current-user"));
    assert_eq!(read(&id, "you").unwrap_err(), "must be a UUID");
}
