//! The floor's JSON: types by hand for exactly these messages, as serde prints and reads them.

use contracts::Word;
use contracts::common::v1::Pagination;
use contracts::feed::v1::{
    BodyFormat, CreatePostRequest, ListFeedResponse, Post, PostCard, PostMedia, PostStatus,
    PostType, PostVisibility,
};
use contracts::profile::v1::{ProfileCard, ProfileType};
use prost_types::Timestamp;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// A timestamp as RFC 3339 in milliseconds.
fn time<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    let Some(at) = at else {
        return to.serialize_none();
    };
    let moment = time::OffsetDateTime::from_unix_timestamp(at.seconds).map_err(S::Error::custom)?;
    let (date, clock) = (moment.date(), moment.time());
    to.collect_str(&format_args!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        at.nanos / 1_000_000
    ))
}

/// A text that is JSON already.
fn raw<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
    raw.serialize(to)
}

/// An enum as its word; the zero value is null.
#[derive(Clone, Copy)]
struct Named<E>(E);

impl<E: Word> Named<E> {
    fn of(number: i32) -> Option<Self> {
        E::try_from(number).ok().filter(|_| number != 0).map(Self)
    }
}

impl<E: Word> Serialize for Named<E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.word().serialize(to)
    }
}

/// The fields of a message, each from the field of the same name.
macro_rules! json {
    ($(#[$doc:meta])* $name:ident of $message:ty { $($(#[$attribute:meta])* $field:ident: $kind:ty = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name<'a> { $($(#[$attribute])* $field: $kind,)* }

        impl<'a> From<&'a $message> for $name<'a> {
            fn from(message: &'a $message) -> Self {
                Self { $($field: { let of: fn(&'a $message) -> $kind = $value; of(message) },)* }
            }
        }
    };
}

json! {
    /// An author.
    AuthorJson of ProfileCard {
        id: &'a str = |it| &it.id,
        name: &'a str = |it| &it.name,
        username: Option<&'a str> = |it| it.username.as_deref(),
        avatar_url: Option<&'a str> = |it| it.avatar_url.as_deref(),
        profile_type: Option<Named<ProfileType>> = |it| Named::of(it.profile_type),
        headline: Option<&'a str> = |it| it.headline.as_deref(),
        location: Option<&'a str> = |it| it.location.as_deref(),
        is_verified: bool = |it| it.is_verified,
        is_deleted: bool = |it| it.is_deleted,
    }
}

json! {
    /// A file.
    MediaJson of PostMedia {
        id: &'a str = |it| &it.id,
        url: &'a str = |it| &it.url,
        thumbnail_url: Option<&'a str> = |it| it.thumbnail_url.as_deref(),
        width: Option<i32> = |it| it.width,
        height: Option<i32> = |it| it.height,
        mime_type: &'a str = |it| &it.mime_type,
    }
}

json! {
    /// A post of a list.
    CardJson of PostCard {
        id: &'a str = |it| &it.id,
        r#type: Option<Named<PostType>> = |it| Named::of(it.r#type),
        author: Option<AuthorJson<'a>> = |it| it.author.as_ref().map(Into::into),
        title: Option<&'a str> = |it| it.title.as_deref(),
        content: &'a str = |it| &it.content,
        is_truncated: bool = |it| it.is_truncated,
        excerpt: &'a str = |it| &it.excerpt,
        image_url: Option<&'a str> = |it| it.image_url.as_deref(),
        media: Vec<MediaJson<'a>> = |it| it.media.iter().map(Into::into).collect(),
        tags: &'a [String] = |it| &it.tags,
        #[serde(serialize_with = "raw")]
        metadata: &'a str = |it| &it.metadata,
        likes_count: i32 = |it| it.likes_count,
        comments_count: i32 = |it| it.comments_count,
        shares_count: i32 = |it| it.shares_count,
        views_count: i32 = |it| it.views_count,
        is_liked: bool = |it| it.is_liked,
        is_bookmarked: bool = |it| it.is_bookmarked,
        is_author: bool = |it| it.is_author,
        visibility: Option<Named<PostVisibility>> = |it| Named::of(it.visibility),
        group_id: Option<&'a str> = |it| it.group_id.as_deref(),
        is_featured: bool = |it| it.is_featured,
        #[serde(serialize_with = "time")]
        created_at: Option<Timestamp> = |it| it.created_at,
        #[serde(serialize_with = "time")]
        published_at: Option<Timestamp> = |it| it.published_at,
        #[serde(serialize_with = "time")]
        updated_at: Option<Timestamp> = |it| it.updated_at,
        is_edited: bool = |it| it.is_edited,
        version: i32 = |it| it.version,
    }
}

json! {
    /// A whole post.
    PostJson of Post {
        id: &'a str = |it| &it.id,
        r#type: Option<Named<PostType>> = |it| Named::of(it.r#type),
        author: Option<AuthorJson<'a>> = |it| it.author.as_ref().map(Into::into),
        title: Option<&'a str> = |it| it.title.as_deref(),
        content: &'a str = |it| &it.content,
        is_truncated: bool = |it| it.is_truncated,
        excerpt: &'a str = |it| &it.excerpt,
        image_url: Option<&'a str> = |it| it.image_url.as_deref(),
        media: Vec<MediaJson<'a>> = |it| it.media.iter().map(Into::into).collect(),
        tags: &'a [String] = |it| &it.tags,
        #[serde(serialize_with = "raw")]
        metadata: &'a str = |it| &it.metadata,
        likes_count: i32 = |it| it.likes_count,
        comments_count: i32 = |it| it.comments_count,
        shares_count: i32 = |it| it.shares_count,
        views_count: i32 = |it| it.views_count,
        is_liked: bool = |it| it.is_liked,
        is_bookmarked: bool = |it| it.is_bookmarked,
        is_author: bool = |it| it.is_author,
        visibility: Option<Named<PostVisibility>> = |it| Named::of(it.visibility),
        group_id: Option<&'a str> = |it| it.group_id.as_deref(),
        is_featured: bool = |it| it.is_featured,
        #[serde(serialize_with = "time")]
        created_at: Option<Timestamp> = |it| it.created_at,
        #[serde(serialize_with = "time")]
        published_at: Option<Timestamp> = |it| it.published_at,
        #[serde(serialize_with = "time")]
        updated_at: Option<Timestamp> = |it| it.updated_at,
        is_edited: bool = |it| it.is_edited,
        version: i32 = |it| it.version,
        body_format: Option<Named<BodyFormat>> = |it| Named::of(it.body_format),
        slug: Option<&'a str> = |it| it.slug.as_deref(),
        category: Option<&'a str> = |it| it.category.as_deref(),
        read_time_minutes: Option<i32> = |it| it.read_time_minutes,
        status: Option<Named<PostStatus>> = |it| Named::of(it.status),
        #[serde(serialize_with = "time")]
        publish_at: Option<Timestamp> = |it| it.publish_at,
        target_profile_types: Vec<Option<Named<ProfileType>>> = |it| it.target_profile_types.iter().map(|it| Named::of(*it)).collect(),
        target_tags: &'a [String] = |it| &it.target_tags,
        shared_post: Option<CardJson<'a>> = |it| it.shared_post.as_ref().map(Into::into),
    }
}

json! {
    /// Where a page stands.
    PaginationJson of Pagination {
        page: Option<i32> = |it| it.page,
        limit: i32 = |it| it.limit,
        total: Option<i32> = |it| it.total,
        total_pages: Option<i32> = |it| it.total_pages,
        has_next: bool = |it| it.has_next,
        has_prev: bool = |it| it.has_prev,
        next_cursor: Option<&'a str> = |it| it.next_cursor.as_deref(),
    }
}

json! {
    /// A page of the feed.
    PageJson of ListFeedResponse {
        items: Vec<CardJson<'a>> = |it| it.items.iter().map(Into::into).collect(),
        pagination: Option<PaginationJson<'a>> = |it| it.pagination.as_ref().map(Into::into),
        total_capped: bool = |it| it.total_capped,
    }
}

/// A post to be written, as clients send it. What is not in it is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateJson {
    r#type: String,
    content: String,
    title: Option<String>,
    image_url: Option<String>,
    #[serde(default)]
    media_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    metadata: Option<Box<RawValue>>,
    visibility: Option<String>,
    #[serde(default)]
    target_profile_types: Vec<String>,
    #[serde(default)]
    target_tags: Vec<String>,
    #[serde(default)]
    group_id: String,
    #[serde(default)]
    profile_id: String,
    is_published: Option<bool>,
    body_format: Option<String>,
    excerpt: Option<String>,
    slug: Option<String>,
    category: Option<String>,
}

/// Returns the number a word stands for; `None` when it stands for none.
fn number<E: Word>(word: &str) -> Option<i32> {
    E::from_word(word).map(Into::into)
}

impl CreateJson {
    /// Makes the message; `None` when a word is none of its enum.
    pub(super) fn message(self) -> Option<CreatePostRequest> {
        let optional = |word: Option<String>, number: fn(&str) -> Option<i32>| match word {
            Some(word) => number(&word),
            None => Some(0),
        };
        let targets = self
            .target_profile_types
            .iter()
            .map(|word| number::<ProfileType>(word));
        Some(CreatePostRequest {
            r#type: number::<PostType>(&self.r#type)?,
            content: self.content,
            title: self.title,
            image_url: self.image_url,
            media_ids: self.media_ids,
            tags: self.tags,
            metadata: self.metadata.map(|raw| raw.get().to_owned()),
            visibility: optional(self.visibility, number::<PostVisibility>)?,
            target_profile_types: targets.collect::<Option<_>>()?,
            target_tags: self.target_tags,
            group_id: self.group_id,
            profile_id: self.profile_id,
            is_published: self.is_published,
            publish_at: None,
            body_format: optional(self.body_format, number::<BodyFormat>)?,
            excerpt: self.excerpt,
            slug: self.slug,
            category: self.category,
        })
    }
}
