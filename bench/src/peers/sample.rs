//! The messages of the comparison: a post of about 1 KB of JSON, a page of twenty of about 22 KB, and a post to be made.

use contracts::common::v1::Pagination;
use contracts::feed::v1::{
    BodyFormat, ListFeedResponse, Post, PostCard, PostMedia, PostStatus, PostType, PostVisibility,
};
use contracts::profile::v1::{ProfileCard, ProfileType};
use prost_types::Timestamp;

/// The post that is asked for.
pub(super) const POST_ID: &str = "0192f7a4-6c1e-7b90-8d55-3f1c2a9b7e10";

/// What is posted: the body of the request, as all gateways take it.
pub(super) const CREATE: &str = r##"{"type":"general","title":"A second pilot for the grid","content":"We are looking for two towns that would host a pilot of the small storage unit this winter. The unit is the size of a wardrobe, needs one wall of a cellar and pays for itself within four years. Write to us if you run a municipal building; we bring the unit, the permits and the people who install it.","tags":["energy","pilot","storage"],"visibility":"public","bodyFormat":"plain"}"##;

const CONTENT: &str = "After eighteen months in the laboratory the first unit is running in a real cellar. It stores what the \
roof makes at noon and gives it back in the evening, and it has done so for forty days without anybody touching it. The \
numbers are better than we promised: 91 % of what goes in comes out, \"even on cold days\", as the town's engineer wrote.";

/// What a card shows.
const BEGINNING: &str = "After eighteen months in the laboratory the first unit is running in a real cellar. It stores what the \
roof makes at noon and gives it back in the evening, \"even on cold days\".";

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds,
        nanos: 481_000_000,
    })
}

fn author() -> ProfileCard {
    ProfileCard {
        id: "0192f7a0-11aa-7c3e-9d21-5b6f0c8d4e77".to_owned(),
        name: "Miriam Åkesson".to_owned(),
        username: Some("miriam".to_owned()),
        avatar_url: Some("https://cdn.example.org/a/0192f7a0.webp".to_owned()),
        profile_type: ProfileType::Innovator.into(),
        headline: Some("Small storage for old houses".to_owned()),
        location: Some("Lund, Sweden".to_owned()),
        is_verified: true,
        is_deleted: false,
    }
}

fn media() -> PostMedia {
    PostMedia {
        id: "0192f7a4-6c20-7011-b7b2-90ab12cd34ef".to_owned(),
        url: "https://cdn.example.org/m/0192f7a4.webp".to_owned(),
        thumbnail_url: Some("https://cdn.example.org/m/0192f7a4-s.webp".to_owned()),
        width: Some(1600),
        height: Some(900),
        mime_type: "image/webp".to_owned(),
    }
}

fn tags() -> Vec<String> {
    ["energy", "storage", "pilot"].map(str::to_owned).to_vec()
}

const METADATA: &str = r#"{"stage":"pilot","budget":12500.5,"open":true}"#;

/// The post.
pub(super) fn post() -> Post {
    Post {
        id: POST_ID.to_owned(),
        r#type: PostType::General.into(),
        author: Some(author()),
        title: Some("Forty days in a real cellar".to_owned()),
        content: CONTENT.to_owned(),
        excerpt:
            "After eighteen months in the laboratory the first unit is running in a real cellar."
                .to_owned(),
        image_url: Some("https://cdn.example.org/m/0192f7a4.webp".to_owned()),
        media: Vec::new(),
        tags: tags(),
        metadata: METADATA.to_owned(),
        likes_count: 128,
        comments_count: 17,
        shares_count: 4,
        views_count: 5321,
        visibility: PostVisibility::Public.into(),
        created_at: at(1_762_700_000),
        published_at: at(1_762_700_060),
        updated_at: at(1_762_703_600),
        is_edited: true,
        version: 3,
        body_format: BodyFormat::Plain.into(),
        status: PostStatus::Published.into(),
        ..Post::default()
    }
}

fn card(number: i64) -> PostCard {
    PostCard {
        id: format!("0192f7a4-6c1e-7b90-8d55-3f1c2a9b{number:04x}"),
        r#type: if number % 5 == 0 {
            PostType::Event.into()
        } else {
            PostType::General.into()
        },
        author: Some(author()),
        title: (number % 3 != 0).then(|| format!("Day {number} in a real cellar")),
        content: BEGINNING.to_owned(),
        is_truncated: number % 4 == 0,
        excerpt: "After eighteen months the first unit is running in a real cellar.".to_owned(),
        media: if number % 10 == 0 {
            vec![media()]
        } else {
            Vec::new()
        },
        tags: tags(),
        metadata: METADATA.to_owned(),
        likes_count: 128 + number as i32,
        comments_count: 17,
        shares_count: 4,
        views_count: 5321,
        is_liked: number % 2 == 0,
        visibility: PostVisibility::Public.into(),
        created_at: at(1_762_700_000 - number * 3600),
        published_at: at(1_762_700_060 - number * 3600),
        updated_at: at(1_762_703_600 - number * 3600),
        version: 1,
        ..PostCard::default()
    }
}

/// The page.
pub(super) fn page() -> ListFeedResponse {
    ListFeedResponse {
        items: (0..20).map(card).collect(),
        pagination: Some(Pagination {
            page: Some(1),
            limit: 20,
            total: Some(4711),
            total_pages: Some(236),
            has_next: true,
            has_prev: false,
            next_cursor: Some("djE6MTc2MjcwMDA2MDo0ODE6MDE5MmY3YTQ".to_owned()),
        }),
        total_capped: false,
    }
}
