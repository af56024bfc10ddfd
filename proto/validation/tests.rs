//! What requests go through, by rule.

mod json;
mod mask;
mod report;
mod sizes;
mod text;
mod words;

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
