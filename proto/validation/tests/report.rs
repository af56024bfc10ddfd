//! What is wrong is said by path, and how much of it.

use super::*;

#[test]
fn cv_3_every_violation_is_reported_by_its_json_path() {
    let mut request = CreateProfileRequest {
        profile_type: 0,
        display_name: Some("x".repeat(256)),
        avatar_url: Some("javascript:alert(1)".into()),
        tags: vec!["ok".into(), "c++".into(), " ".into()],
        ..Default::default()
    };
    assert_eq!(
        wrong(&mut request),
        [
            "profileType is required",
            "displayName must have at most 255 characters",
            "avatarUrl must be an http or https URL",
            "tags[1] must have 1 to 30 letters, digits, - or _",
            "tags[2] is required",
        ]
    );
}

#[test]
fn cv_3_paths_lead_into_nested_messages() {
    let viewer = Viewer {
        profile_id: "x".into(),
        account_id: String::new(),
    };
    let mut request = BatchGetCardsRequest {
        ids: vec!["y".into()],
        viewer: Some(viewer),
    };
    assert_eq!(
        wrong(&mut request),
        ["ids[0] must be a UUID", "viewer.profileId must be a UUID"]
    );
}

#[test]
fn cv_3_an_answer_lists_no_more_than_a_header_can_carry() {
    let mut request = BatchGetCardsRequest {
        ids: vec!["y".into(); 200],
        viewer: None,
    };
    assert_eq!(wrong(&mut request).len(), MOST_VIOLATIONS);
    request.ids.push("z".into());
    assert_eq!(wrong(&mut request), ["ids must have at most 200 items"]);
}

#[test]
fn k_1_the_codec_refuses_with_reason_and_details() {
    let refused = checked(SendOtpRequest { email: "x".into() }).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        ("VALIDATION_ERROR", "smilefactory")
    );
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(
        (violation.field.as_str(), violation.description.as_str()),
        ("email", "must be an e-mail address")
    );
    assert!(
        checked(SendOtpRequest {
            email: "ada@example.com".into()
        })
        .is_ok()
    );
}

#[test]
fn k_1_replies_are_left_alone() {
    let post = Post {
        content: "  as stored \r\n".into(),
        ..Default::default()
    };
    assert_eq!(checked(post.clone()).unwrap(), post);
}
