//! The messages that are converted: a post of one kibibyte and a page of twenty, as tables, as types and as texts.

use std::collections::HashMap;
use std::path::Path;

use prost_types::Timestamp;
use serde_json::{Value, json};

/// Name of the post in its descriptor.
pub(crate) const POST: &str = "test.v1.Post";
/// Name of the page in its descriptor.
pub(crate) const PAGE: &str = "test.v1.PostList";

/// Compiles the transcoder's own test contract.
pub(crate) fn descriptor() -> anyhow::Result<Vec<u8>> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/transcode/tests/proto");
    let mut compiler = protox::Compiler::new([include])?;
    compiler.include_imports(true);
    compiler.open_file("test/v1/post.proto")?;
    Ok(compiler.encode_file_descriptor_set())
}

/// Returns a post as the API prints it.
pub(crate) fn post(number: usize) -> Value {
    json!({
        "id": format!("0190b6a0-1111-7000-8000-{number:012}"),
        "type": "opportunity",
        "title": "Looking for a co-founder with a background in \"green\" chemistry",
        "content": "We are a team of three building a catalyst that turns captured carbon into fuel.\nThe laboratory \
                    phase is done, the pilot starts in spring, and we need somebody who has scaled a process before. \
                    Remote is possible für die ersten Monate, afterwards near Zürich.",
        "author": {
            "id": "0190b6a0-2222-7000-8000-000000000001",
            "displayName": "Ada Lovelace",
            "username": "ada.lovelace",
            "avatarUrl": "https://media.example.org/avatars/0190b6a0.webp",
            "isVerified": true
        },
        "media": [{
            "id": "0190b6a0-3333-7000-8000-000000000001",
            "url": "https://media.example.org/posts/0190b6a0/large.webp",
            "width": 1600,
            "height": 900
        }],
        "tags": ["chemistry", "climate", "co-founder"],
        "likeCount": 1234,
        "commentCount": 56,
        "viewCount": 78901,
        "createdAt": "2026-01-02T03:04:05.678Z",
        "updatedAt": "2026-02-03T04:05:06.789Z",
        "reactions": {"insightful": 12},
        "histogram": [1, 5, 20, 300, 4000, 17, 3],
        "score": 0.8734512,
        "checksum": "3q2+78r+ur4BAgMEBQYHCA==",
        "featured": true
    })
}

/// Returns a page of twenty posts as the API prints it.
pub(crate) fn page() -> Value {
    json!({"items": (0..20).map(post).collect::<Vec<_>>()})
}

/// `test.v1.PostAuthor`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PostAuthor {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    display_name: String,
    #[prost(string, tag = "3")]
    username: String,
    #[prost(string, tag = "4")]
    avatar_url: String,
    #[prost(bool, tag = "5")]
    is_verified: bool,
}

/// `test.v1.PostMedia`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PostMedia {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    url: String,
    #[prost(int32, tag = "3")]
    width: i32,
    #[prost(int32, tag = "4")]
    height: i32,
}

/// `test.v1.Post`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Post {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(string, tag = "3")]
    title: String,
    #[prost(string, tag = "4")]
    content: String,
    #[prost(message, optional, tag = "5")]
    author: Option<PostAuthor>,
    #[prost(message, repeated, tag = "6")]
    media: Vec<PostMedia>,
    #[prost(string, repeated, tag = "7")]
    tags: Vec<String>,
    #[prost(int32, tag = "8")]
    like_count: i32,
    #[prost(int32, tag = "9")]
    comment_count: i32,
    #[prost(int64, tag = "10")]
    view_count: i64,
    #[prost(message, optional, tag = "11")]
    created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "12")]
    updated_at: Option<Timestamp>,
    #[prost(map = "string, int32", tag = "13")]
    reactions: HashMap<String, i32>,
    #[prost(int32, repeated, tag = "14")]
    histogram: Vec<i32>,
    #[prost(double, tag = "15")]
    score: f64,
    #[prost(bytes = "vec", tag = "16")]
    checksum: Vec<u8>,
    #[prost(bool, tag = "17")]
    featured: bool,
}

/// `test.v1.PostList`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PostList {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Post>,
}
