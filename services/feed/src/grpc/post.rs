//! Posts between the contract and the domain.

use contracts::Word;
use contracts::feed::v1::{
    CreatePostRequest, FeedTab, ListFeedRequest, ListFeedResponse, Post, PostCard, PostType,
    UpdatePostRequest,
};
use contracts::profile::v1::ProfileType;
use fault::Result;
use identity::Context;
use store::list::{ListQuery, ListRequest, Page};

use super::{moment, optional_id, query, timestamp};
use crate::app::post::New;
use crate::app::view::PostView;
use crate::domain::post::Changes;
use crate::domain::publication::Wish;
use crate::domain::text;
use crate::store::feed::Part;

/// The gRPC path of the feed's list.
const LIST: &str = "/smilefactory.feed.v1.FeedService/ListFeed";

/// What is listed, and how.
pub(super) fn list(
    ctx: &Context,
    request: &ListFeedRequest,
    key: &[u8],
) -> Result<(Part, ListQuery)> {
    let (part, scope) = match request.tab() {
        FeedTab::Latest | FeedTab::Unspecified => (Part::Latest, "latest"),
        FeedTab::Connections => (Part::Connections, "connections"),
        FeedTab::Mine => (Part::Mine, "mine"),
    };
    if part != Part::Latest {
        ctx.require_caller()?;
    }
    let asked = ListRequest {
        page: request.page,
        limit: request.limit,
        cursor: request.cursor.as_deref(),
        sort: &request.sort,
        filter: &request.filter,
        search: &request.search,
    };
    Ok((part, query(ctx, LIST, scope, &asked, key)?))
}

/// The post a request writes.
pub(super) fn new(request: CreatePostRequest) -> Result<New> {
    let kind = request.r#type();
    let visibility = given(request.visibility());
    let body_format = given(request.body_format());
    let target_types = Some(request.target_profile_types().collect());
    let publish_at = request
        .publish_at
        .map(|at| moment(at, "publishAt"))
        .transpose()?;
    Ok(New {
        kind,
        group: optional_id(&request.group_id)?,
        profile: optional_id(&request.profile_id)?,
        changes: Changes {
            content: Some(request.content),
            title: Some(request.title),
            image_url: Some(request.image_url),
            names_media: !request.media_ids.is_empty(),
            tags: Some(request.tags),
            metadata: Some(request.metadata),
            visibility,
            target_types,
            target_tags: Some(request.target_tags),
            body_format,
            excerpt: Some(request.excerpt),
            slug: request.slug,
            category: Some(request.category),
            wish: Wish {
                published: request.is_published,
                publish_at: publish_at.map(Some),
            },
        },
    })
}

/// What a request changes: the fields its mask names, which the contract has filled when it was empty.
pub(super) fn changes(request: UpdatePostRequest) -> Result<Changes> {
    let target_types: Vec<ProfileType> = request.target_profile_types().collect();
    let visibility = given(request.visibility());
    let body_format = given(request.body_format());
    let mask = request.update_mask.unwrap_or_default().paths;
    let named = |field: &str| mask.iter().any(|path| path == field);
    let publish_at = request
        .publish_at
        .map(|at| moment(at, "publishAt"))
        .transpose()?;
    Ok(Changes {
        content: request.content.filter(|_| named("content")),
        title: named("title").then_some(request.title),
        image_url: named("image_url").then_some(request.image_url),
        names_media: named("media_ids") && !request.media_ids.is_empty(),
        tags: named("tags").then_some(request.tags),
        metadata: named("metadata").then_some(request.metadata),
        visibility: visibility.filter(|_| named("visibility")),
        target_types: named("target_profile_types").then_some(target_types),
        target_tags: named("target_tags").then_some(request.target_tags),
        body_format: body_format.filter(|_| named("body_format")),
        excerpt: named("excerpt").then_some(request.excerpt),
        slug: request.slug.filter(|_| named("slug")),
        category: named("category").then_some(request.category),
        wish: Wish {
            published: request.is_published.filter(|_| named("is_published")),
            publish_at: named("publish_at").then_some(publish_at),
        },
    })
}

/// A page of cards.
pub(super) fn page(page: Page<PostView>) -> ListFeedResponse {
    let page = page.map(card);
    ListFeedResponse {
        items: page.items,
        pagination: Some(page.pagination),
        total_capped: page.total_capped,
    }
}

/// The post with its whole text.
pub(super) fn whole(view: PostView) -> Post {
    let content = view.post.content.clone();
    let post = &view.post;
    let is_blog = post.kind == PostType::Blog;
    let (body_format, status) = (post.body_format.into(), post.standing.status.into());
    let (slug, category) = (post.slug.clone(), post.category.clone());
    let target_profile_types = post
        .target_types
        .iter()
        .map(|kind| (*kind).into())
        .collect();
    let target_tags = post.target_tags.clone();
    let publish_at = post.standing.publish_at.map(timestamp);
    let card = card(view);
    Post {
        read_time_minutes: is_blog.then(|| text::minutes(&content)),
        content,
        is_truncated: false,
        body_format,
        slug,
        category,
        status,
        publish_at,
        target_profile_types,
        target_tags,
        shared_post: None,
        id: card.id,
        r#type: card.r#type,
        author: card.author,
        title: card.title,
        excerpt: card.excerpt,
        image_url: card.image_url,
        media: card.media,
        tags: card.tags,
        metadata: card.metadata,
        likes_count: card.likes_count,
        comments_count: card.comments_count,
        shares_count: card.shares_count,
        views_count: card.views_count,
        is_liked: card.is_liked,
        is_bookmarked: card.is_bookmarked,
        is_author: card.is_author,
        visibility: card.visibility,
        group_id: card.group_id,
        is_featured: card.is_featured,
        created_at: card.created_at,
        published_at: card.published_at,
        updated_at: card.updated_at,
        is_edited: card.is_edited,
        version: card.version,
    }
}

/// The post as lists show it.
pub(super) fn card(view: PostView) -> PostCard {
    let PostView {
        post,
        author,
        engagement,
        is_author,
    } = view;
    let (content, is_truncated) = text::card(&post.content);
    PostCard {
        id: post.id.to_string(),
        r#type: post.kind.into(),
        author: Some(author),
        title: post.title,
        excerpt: post.excerpt.unwrap_or_else(|| text::excerpt(&post.content)),
        content: content.to_owned(),
        is_truncated,
        image_url: post.image_url,
        media: Vec::new(),
        tags: post.tags,
        metadata: post.metadata,
        likes_count: engagement.likes,
        comments_count: engagement.comments,
        shares_count: 0,
        views_count: engagement.views,
        is_liked: engagement.is_liked,
        is_bookmarked: false,
        is_author,
        visibility: post.visibility.into(),
        group_id: post.group_id.map(|group| group.to_string()),
        is_featured: post.is_featured,
        created_at: Some(timestamp(post.created_at)),
        published_at: post.standing.published_at.map(timestamp),
        updated_at: Some(timestamp(post.updated_at)),
        is_edited: post.edited_at.is_some(),
        version: post.version,
    }
}

/// The value, unless it says that none was given.
fn given<T: Word>(value: T) -> Option<T> {
    value.word().map(|_| value)
}
