//! Masks: what an update means.

use super::*;

#[test]
fn cv_14_absent_in_the_mask_clears_what_can_be_empty() {
    let mut request = update(&["bio", "tags"]);
    assert_eq!(wrong(&mut request), [""; 0]);
    let mut request = update(&["display_name", "visibility"]);
    assert_eq!(
        wrong(&mut request),
        ["displayName cannot be empty", "visibility cannot be empty"]
    );
    let mut request = UpdateProfileRequest {
        display_name: Some("  ".into()),
        ..update(&["display_name"])
    };
    assert_eq!(wrong(&mut request), ["displayName cannot be empty"]);
}

#[test]
fn tr_5_the_mask_decides_what_an_update_means() {
    let mut request = UpdateProfileRequest {
        bio: Some("new".into()),
        headline: Some("dropped".into()),
        avatar_url: Some("not looked at".into()),
        tags: vec!["dropped".into()],
        ..update(&["bio", "bio"])
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.bio.as_deref(), Some("new"));
    assert_eq!(
        (request.headline, request.avatar_url, request.tags.len()),
        (None, None, 0)
    );
    assert_eq!(request.update_mask.unwrap().paths, ["bio"]);
}

#[test]
fn tr_5_an_empty_mask_means_every_present_field() {
    let mut request = UpdateProfileRequest {
        bio: Some("new".into()),
        tags: vec!["Ai".into()],
        update_mask: None,
        ..update(&[])
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.update_mask.unwrap().paths, ["bio", "tags"]);
    assert_eq!(request.tags, ["ai"]);
}

#[test]
fn tr_5_a_mask_is_read_in_both_spellings_and_names_fields_only() {
    let mut request = UpdateProfileRequest {
        display_name: Some("Ada".into()),
        ..update(&["displayName", "wrong"])
    };
    assert_eq!(
        wrong(&mut request),
        ["updateMask names no field of the request: wrong"]
    );
    assert_eq!(request.display_name.as_deref(), Some("Ada"));
}
