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
    let post_path = "/v1/posts/0190b6a0-1111-7000-8000-000000000001";
    let post = both("feed post", post_path, &post());
    let page = both("feed page", "/v1/feed", &page());
    post.into_iter().chain(page).collect()
}

/// A message decoded into its type, and in its envelope.
fn both<M: Message + Default>(name: &str, path: &'static str, message: &M) -> [Case; 2] {
    let bytes = message.encode_to_vec();
    let wire = bytes.clone();
    let decode = Case::of(format!("{name}: prost decode"), move || {
        let wire = wire.clone();
        Ok(Box::new(move || {
            black_box(M::decode(black_box(wire.as_slice())).is_ok());
        }))
    });
    let envelope = Case::of(format!("{name}: envelope"), move || {
        enveloped(path, bytes.clone())
    });
    let envelope = envelope.at_most(ENVELOPE, &decode);
    [decode, envelope]
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

/// The post as lists show it.
fn card(post: Post) -> PostCard {
    PostCard {
        id: post.id,
        r#type: post.r#type,
        author: post.author,
        title: post.title,
        content: post.content,
        tags: post.tags,
        metadata: post.metadata,
        likes_count: post.likes_count,
        comments_count: post.comments_count,
        views_count: post.views_count,
        visibility: post.visibility,
        created_at: post.created_at,
        published_at: post.published_at,
        ..PostCard::default()
    }
}

fn page() -> ListFeedResponse {
    ListFeedResponse {
        items: vec![card(post()); 20],
        pagination: Some(Pagination::default()),
        ..ListFeedResponse::default()
    }
}
