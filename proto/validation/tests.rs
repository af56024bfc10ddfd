//! What requests go through, by rule.

use prost_types::{FieldMask, Timestamp};
use tonic_types::StatusExt as _;

use super::text::settle;
use super::*;
use crate::auth::v1::{RefreshTokenRequest, SendOtpRequest};
use crate::feed::v1::{CreatePostRequest, ListFeedRequest, Post, PostType};
use crate::profile::v1::{
    BatchGetCardsRequest, CreateProfileRequest, ProfileType, UpdateProfileRequest, Viewer,
};
use crate::{FilterKind, Word};

const LINE: TextRule = TextRule::PLAIN;
const LINES: TextRule = TextRule {
    multiline: true,
    ..TextRule::PLAIN
};

/// What a rule makes of a text.
fn read(rule: &TextRule, text: &str) -> Result<String, String> {
    let mut text = text.to_owned();
    settle(&mut text, rule).map(|()| text).map_err(Into::into)
}

/// The violations of a message, as `path message`.
fn wrong<T: Validate>(message: &mut T) -> Vec<String> {
    let mut check = Check::default();
    message.validate(&mut check);
    check
        .violations()
        .iter()
        .map(|v| format!("{} {}", v.field, v.description))
        .collect()
}

fn profile() -> CreateProfileRequest {
    CreateProfileRequest {
        profile_type: ProfileType::Mentor.into(),
        ..Default::default()
    }
}

fn update(paths: &[&str]) -> UpdateProfileRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateProfileRequest {
        id: "me".into(),
        update_mask: Some(FieldMask { paths }),
        ..Default::default()
    }
}

#[test]
fn cv_23_text_is_trimmed_and_composed() {
    assert_eq!(read(&LINE, " \u{3000}\tAda \u{a0}\n").as_deref(), Ok("Ada"));
    assert_eq!(read(&LINE, "Ju\u{308}rgen").as_deref(), Ok("J\u{fc}rgen"));
    assert_eq!(read(&LINE, "\u{212b}").as_deref(), Ok("\u{c5}"));
    assert_eq!(
        read(&LINE, "<b>Tom & \"Jerry\"</b>").as_deref(),
        Ok("<b>Tom & \"Jerry\"</b>")
    );
}

proptest::proptest! {
    #[test]
    fn cv_23_normalising_twice_is_normalising_once(text in "[ \\t\\r\\n\u{a0}\u{3000}a\u{301}\u{308}\u{212b}\\PC]{0,20}") {
        for rule in [&LINE, &LINES] {
            if let Ok(once) = read(rule, &text) {
                proptest::prop_assert_eq!(read(rule, &once), Ok(once.clone()), "{:?}", text);
            }
        }
    }
}

#[test]
fn cv_23_control_characters_are_refused() {
    for text in [
        "a\0b",
        "a\u{7}b",
        "a\u{1b}[31mb",
        "a\u{85}b",
        "a\u{9f}b",
        "a\rb",
        "a\u{7f}b",
    ] {
        assert!(
            read(&LINE, text).is_err() && read(&LINES, text).is_err(),
            "{text:?}"
        );
    }
    for text in ["a\nb", "a\tb", "a\r\nb"] {
        assert!(read(&LINE, text).is_err(), "{text:?}");
    }
}

#[test]
fn cv_23_multi_line_text_keeps_line_feeds_and_tabs() {
    assert_eq!(
        read(&LINES, "\r\na\r\n\tb\n\r\nc\r\n").as_deref(),
        Ok("a\n\tb\n\nc")
    );
}

#[test]
fn cv_23_lengths_count_scalar_values_after_normalisation() {
    let rule = TextRule {
        min_len: 3,
        max_len: 5,
        ..LINE
    };
    assert_eq!(
        read(&rule, "  e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}  ").as_deref(),
        Ok("ééééé")
    );
    assert_eq!(read(&rule, "🚀🚀🚀").as_deref(), Ok("🚀🚀🚀"));
    assert_eq!(
        read(&rule, "éé").unwrap_err(),
        "must have 3 to 5 characters"
    );
    assert_eq!(
        read(&rule, "🚀🚀🚀🚀🚀🚀").unwrap_err(),
        "must have 3 to 5 characters"
    );
    assert_eq!(
        read(&TextRule { max_len: 2, ..LINE }, "abc").unwrap_err(),
        "must have at most 2 characters"
    );
    assert_eq!(
        read(&TextRule { min_len: 2, ..LINE }, "a").unwrap_err(),
        "must have at least 2 characters"
    );
    assert!(
        read(
            &TextRule {
                max_bytes: 3,
                ..LINE
            },
            "éé"
        )
        .is_err()
    );
}

#[test]
fn t_8_a_line_break_beside_an_address_is_refused_not_trimmed() {
    for email in [
        "ada@example.com\r\n",
        "\nada@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
    ] {
        assert_eq!(
            wrong(&mut SendOtpRequest {
                email: email.into()
            }),
            ["email must be an e-mail address"],
            "{email:?}"
        );
    }
    let mut padded = SendOtpRequest {
        email: "  Ada@Example.com ".into(),
    };
    assert_eq!(wrong(&mut padded), [""; 0]);
    assert_eq!(padded.email, "ada@example.com");
}

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

#[test]
fn fd_4_repeated_tags_are_made_one_before_they_are_counted() {
    let mut tags: Vec<String> = (0..20).map(|n| format!("tag {n}")).collect();
    tags.extend(["#TAG-3".to_owned(), "tag-19".to_owned()]);
    let mut request = CreateProfileRequest { tags, ..profile() };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.tags.len(), 20);
    request.tags.push("one more".into());
    assert_eq!(wrong(&mut request), ["tags must have at most 20 items"]);
}

#[test]
fn repeats_are_named_where_they_are_refused() {
    let mut check = Check::default();
    let mut values = vec![7, 8, 7, 8];
    check.distinct(
        "profileTypes",
        &mut values,
        &Items {
            unique: true,
            max: 8,
            ..Items::ANY
        },
    );
    let told: Vec<_> = check
        .violations()
        .iter()
        .map(|v| format!("{} {}", v.field, v.description))
        .collect();
    assert_eq!(
        told,
        [
            "profileTypes[2] repeats profileTypes[0]",
            "profileTypes[3] repeats profileTypes[1]"
        ]
    );
}

#[test]
fn lists_have_a_least_and_a_greatest_size() {
    let told = |count: usize, rule: Items| {
        let mut check = Check::default();
        check.items("ids", count, &rule);
        check.violations().first().map(|v| v.description.clone())
    };
    assert_eq!(
        told(
            0,
            Items {
                required: true,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("is required")
    );
    assert_eq!(
        told(
            1,
            Items {
                min: 2,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("must have at least 2 items")
    );
    assert_eq!(
        told(
            3,
            Items {
                max: 2,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("must have at most 2 items")
    );
    assert_eq!(
        told(
            2,
            Items {
                min: 2,
                max: 2,
                ..Items::ANY
            }
        ),
        None
    );
}

#[test]
fn numbers_have_a_range_and_are_finite() {
    let mut check = Check::default();
    check.range("a", 12, 1, 12);
    check.range("b", 13, 1, 12);
    check.range("c", i128::from(u64::MAX), 0, i64::MAX);
    check.decimal("d", f64::NAN, None);
    check.decimal("e", 0.5, Some((1, 2)));
    check.decimal("f", 1.5, Some((1, 2)));
    let fields: Vec<_> = check
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["b", "c", "d", "e"]);
}

#[test]
fn cv_27_years_outside_0001_to_9999_are_refused() {
    let mut request = CreatePostRequest {
        r#type: PostType::Blog.into(),
        content: "x".into(),
        ..Default::default()
    };
    for (seconds, nanos, good) in [
        (-62_135_596_800, 0, true),
        (-62_135_596_801, 0, false),
        (253_402_300_799, 999_999_999, true),
        (253_402_300_800, 0, false),
        (0, -1, false),
        (0, 1_000_000_000, false),
    ] {
        request.publish_at = Some(Timestamp { seconds, nanos });
        let told = wrong(&mut request);
        assert_eq!(told.is_empty(), good, "{seconds} {nanos}");
        assert!(
            told.iter()
                .all(|told| told.starts_with("publishAt must be a time")),
            "{told:?}"
        );
    }
}

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

#[test]
fn tr_4_free_json_stays_verbatim() {
    let text = "{ \"b\": 1.0, \"a\": [1e2, \"\\u0041\", {\"b\": null}] }";
    let mut request = CreateProfileRequest {
        draft_data: Some(text.into()),
        ..profile()
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.draft_data.as_deref(), Some(text));
}

#[test]
fn tr_4_free_json_is_one_whole_value_without_repeated_keys() {
    let object = TextRule {
        json: Json::Object,
        ..LINE
    };
    let any = TextRule {
        json: Json::Any,
        ..LINE
    };
    for text in [
        "{",
        "{}}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{'a':1}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":01}",
    ] {
        assert!(
            read(&object, text)
                .unwrap_err()
                .starts_with("must be valid JSON"),
            "{text}"
        );
    }
    for text in ["[]", "1", "null", "\"a\""] {
        assert_eq!(
            read(&object, text).unwrap_err(),
            "must be a JSON object",
            "{text}"
        );
        assert!(read(&any, text).is_ok(), "{text}");
    }
    assert_eq!(
        read(&any, "[{\"a\":{\"b\":1,\"b\":2}}]").unwrap_err(),
        "must not contain the key \"b\" twice"
    );
    assert_eq!(
        read(&any, "{\"a\":\"\\u0000\"}").unwrap_err(),
        "must not contain NUL"
    );
    assert!(read(&any, "1\n2").unwrap_err().contains("line 2 column 1"));
}

#[test]
fn n_15_free_json_is_at_most_64_deep_and_has_10_000_values() {
    let any = TextRule {
        json: Json::Any,
        ..LINE
    };
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&any, &nested(64)).is_ok());
    assert_eq!(
        read(&any, &nested(65)).unwrap_err(),
        "must be nested at most 64 levels deep"
    );
    assert!(read(&any, &nested(100_000)).is_err());
    let wide = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert!(read(&any, &wide(9_999)).is_ok());
    assert_eq!(
        read(&any, &wide(10_000)).unwrap_err(),
        "must have at most 10000 values"
    );
}

#[test]
fn cv_24_managed_and_declared_names_are_never_answers() {
    let answers = "{\"city\":\"Bonn\",\"isVerified\":true,\"displayName\":\"x\"}";
    let mut request = CreateProfileRequest {
        answers: answers.into(),
        ..profile()
    };
    assert_eq!(
        wrong(&mut request),
        [
            "isVerified is managed by the server and cannot be set",
            "displayName is a field of the request and cannot stand in answers",
        ]
    );
}

#[test]
fn verbatim_text_is_kept_as_given() {
    let mut request = RefreshTokenRequest {
        refresh_token: " e\u{301} ".into(),
    };
    let rule = TextRule {
        verbatim: true,
        max_len: 4,
        required: true,
        ..LINE
    };
    assert_eq!(
        read(&rule, &request.refresh_token).as_deref(),
        Ok(" e\u{301} ")
    );
    assert!(
        read(&rule, "a\0").is_err() && read(&rule, "").is_err() && read(&rule, "abcde").is_err()
    );
    request.refresh_token = String::new();
    assert_eq!(wrong(&mut request), ["refreshToken is required"]);
}

#[test]
fn k_2_cursor_and_filter_reach_the_store_untouched() {
    let filter = "{\n\t\"type\": \"blog\" }".to_owned();
    let mut request = ListFeedRequest {
        cursor: Some(String::new()),
        filter: filter.clone(),
        ..Default::default()
    };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(
        (request.cursor.as_deref(), request.filter),
        (Some(""), filter)
    );
}

#[test]
fn the_rules_of_an_rpc_are_found_by_its_path() {
    let rule = crate::rpc("/smilefactory.feed.v1.FeedService/ListFeed").unwrap();
    assert_eq!(
        (rule.domain(), rule.name(), rule.public, rule.status),
        ("feed", "ListFeed", true, 200)
    );
    let list = rule.list.as_ref().unwrap();
    assert!(list.sort[0].starts_with('-') && list.max_limit == 100);
    let types = list
        .filters
        .iter()
        .find(|filter| filter.name == "type")
        .unwrap();
    assert_eq!(types.kind, FilterKind::Word);
    assert!(types.words.contains(&("blog", "blog")));
    assert!(crate::rpc("/smilefactory.feed.v1.FeedService/Nothing").is_none());
    assert!(crate::rpcs().is_sorted_by_key(|rule| rule.path));
}
