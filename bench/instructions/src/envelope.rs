//! A reply on its way out: the envelope around a post and a page of the feed, by the real contracts.

use std::hint::black_box;

use anyhow::Context as _;
use contracts::common::v1::Pagination;
use contracts::feed::v1::{ListFeedResponse, Post, PostCard, PostType, PostVisibility};
use contracts::profile::v1::{ProfileCard, ProfileType};
use prost::Message;
use prost_types::Timestamp;
use transcode::{ReplyMeta, Transcoder};

use crate::case::{Call, Case};

/// An envelope may cost this many typed decodes of what is in it.
const ENVELOPE: f64 = 2.5;

/// The cases of the envelope.
pub(crate) fn cases() -> Vec<Case> {
    let both = |name: &str, path: &'static str, message: Vec<u8>, decode: fn(&[u8]) -> bool| {
        let decoded = format!("{name}: prost decode");
        let bytes = message.clone();
        [
            Case {
                name: decoded.clone(),
                yardstick: None,
                prepare: Box::new(move || {
                    let bytes = bytes.clone();
                    Ok(Box::new(move || {
                        black_box(decode(black_box(&bytes)));
                    }))
                }),
            },
            Case {
                name: format!("{name}: envelope"),
                yardstick: Some((decoded, ENVELOPE)),
                prepare: Box::new(move || enveloped(path, message.clone())),
            },
        ]
    };
    let post = post().encode_to_vec();
    let page = page().encode_to_vec();
    let decodes = |bytes: &[u8]| Post::decode(bytes).is_ok();
    let [one, two] = both(
        "feed post",
        "/v1/posts/0190b6a0-1111-7000-8000-000000000001",
        post,
        decodes,
    );
    let decodes = |bytes: &[u8]| ListFeedResponse::decode(bytes).is_ok();
    let [three, four] = both("feed page", "/v1/feed", page, decodes);
    vec![one, two, three, four]
}

fn enveloped(path: &'static str, message: Vec<u8>) -> anyhow::Result<Call> {
    // Kept for the life of the process: the route is part of it.
    let transcoder: &Transcoder = Box::leak(Box::new(Transcoder::new(contracts::DESCRIPTOR)?));
    let paths = [path.to_owned(), format!("/api{path}")];
    let found = paths
        .iter()
        .find_map(|path| transcoder.find("GET", path).ok());
    let route = found.context("the contract has no such route")?.route;
    Ok(Box::new(move || {
        let meta = ReplyMeta {
            request_id: "0190b6a011117000800000000000abcd",
            timestamp: "2026-01-02T03:04:05.678Z",
            stale: false,
        };
        drop(black_box(transcoder.reply(
            route,
            black_box(&message),
            &meta,
            None,
        )));
    }))
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds,
        nanos: 481_000_000,
    })
}

fn author() -> ProfileCard {
    ProfileCard {
        id: "0190b6a0-2222-7000-8000-000000000001".to_owned(),
        name: "Ada Lovelace".to_owned(),
        username: Some("ada.lovelace".to_owned()),
        avatar_url: Some("https://media.example.org/avatars/0190b6a0.webp".to_owned()),
        profile_type: ProfileType::Innovator.into(),
        headline: Some("Engines that think about engines".to_owned()),
        location: Some("London, England".to_owned()),
        is_verified: true,
        is_deleted: false,
    }
}

const CONTENT: &str = "We are a team of three building a catalyst that turns captured carbon into fuel.\nThe laboratory phase is \
    done, the pilot starts in spring, and we need somebody who has \"scaled\" a process before. Remote is possible für die ersten \
    Monate, afterwards near Zürich.";

fn post() -> Post {
    Post {
        id: "0190b6a0-1111-7000-8000-000000000001".to_owned(),
        r#type: PostType::Opportunity.into(),
        author: Some(author()),
        title: Some("Looking for a co-founder".to_owned()),
        content: CONTENT.to_owned(),
        tags: ["chemistry", "climate"].map(str::to_owned).to_vec(),
        metadata: r#"{"stage":"pilot","budget":12500.5}"#.to_owned(),
        likes_count: 1234,
        comments_count: 56,
        views_count: 78901,
        visibility: PostVisibility::Public.into(),
        created_at: at(1_762_700_000),
        published_at: at(1_762_700_060),
        updated_at: at(1_762_703_600),
        version: 3,
        ..Post::default()
    }
}

fn page() -> ListFeedResponse {
    let card = PostCard {
        id: "0190b6a0-1111-7000-8000-000000000001".to_owned(),
        r#type: PostType::Opportunity.into(),
        author: Some(author()),
        title: Some("Looking for a co-founder".to_owned()),
        content: CONTENT.to_owned(),
        tags: ["chemistry", "climate"].map(str::to_owned).to_vec(),
        metadata: r#"{"stage":"pilot","budget":12500.5}"#.to_owned(),
        likes_count: 1234,
        comments_count: 56,
        views_count: 78901,
        visibility: PostVisibility::Public.into(),
        created_at: at(1_762_700_000),
        published_at: at(1_762_700_060),
        ..PostCard::default()
    };
    ListFeedResponse {
        items: vec![card; 20],
        pagination: Some(Pagination::default()),
        ..ListFeedResponse::default()
    }
}
