//! Posts by id: the finder all requests for one post start from, and their rows.

use contracts::Word;
use contracts::feed::v1::{BodyFormat, PostStatus, PostType, PostVisibility};
use contracts::profile::v1::ProfileType;
use entity::feed::{post_stats, posts};
use fault::{Fault, Reason, Result};
use identity::Viewer;
use sea_orm::sea_query::{Alias, Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use store::visibility::Columns;
use time::OffsetDateTime;
use uuid::Uuid;

use super::may_see;
use crate::domain::post::Post;
use crate::domain::publication::Standing;

/// Where the visibility rule finds what it needs of a post.
pub(super) const COLUMNS: Columns = Columns {
    author_profile: "posts.profile_id",
    author_account: "posts.account_id",
    visibility: "posts.visibility::text",
    target_types: "posts.target_profile_types",
    target_tags: "posts.target_tags",
    group_id: "posts.group_id",
};

/// The transaction that published the post first; of one that was not published yet, the last that saved it.
const FIRST_PUBLICATION: &str =
    "case when published_at is null then pg_current_xact_id() else published_xid end";

/// The published posts a viewer may see: what every list starts from. The words are those of the feed's index, as
/// constants, so that the planner can use it whatever is bound.
pub(super) fn published(viewer: &Viewer) -> Select<posts::Entity> {
    posts::Entity::find()
        .filter(Expr::cust(
            "posts.status = 'published' and posts.deleted_at is null",
        ))
        .filter(may_see(&COLUMNS, viewer))
}

/// The post, if this viewer may see it: published ones by the rule, others their author's account only, deleted ones
/// nobody (VIS-4).
pub(crate) async fn visible(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<Post>> {
    let published = posts::Column::Status.eq(posts::Status::Published);
    let own = viewer
        .account_id
        .map(|account| posts::Column::AccountId.eq(account));
    let found = posts::Entity::find_by_id(id)
        .filter(posts::Column::DeletedAt.is_null())
        .filter(Condition::any().add(published).add_option(own))
        .filter(may_see(&COLUMNS, viewer))
        .one(on)
        .await;
    found.map_err(store::fault)?.map(to_domain).transpose()
}

/// The post whatever its visibility, unless it was deleted; nobody else changes it until the transaction ends.
/// Likes and comments are not kept waiting.
pub(crate) async fn lock(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Post>> {
    let found = posts::Entity::find_by_id(id)
        .filter(posts::Column::DeletedAt.is_null())
        .lock(LockType::NoKeyUpdate)
        .one(on)
        .await;
    found.map_err(store::fault)?.map(to_domain).transpose()
}

/// Scheduled posts whose time has come, oldest first; those another runner holds are left to it.
pub(crate) async fn due(
    on: &impl ConnectionTrait,
    now: OffsetDateTime,
    most: u64,
) -> Result<Vec<Post>> {
    let found = posts::Entity::find()
        // In the words of its index; a bound status would not be known to be this one.
        .filter(Expr::cust("posts.status = 'scheduled'"))
        .filter(posts::Column::PublishAt.lte(now))
        .order_by_asc(posts::Column::PublishAt)
        .limit(most)
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
        .all(on)
        .await;
    found
        .map_err(store::fault)?
        .into_iter()
        .map(to_domain)
        .collect()
}

/// Stores a new post with counters of nothing.
pub(crate) async fn insert(on: &impl ConnectionTrait, post: &Post) -> Result<()> {
    let mut row = to_row(post);
    row.id = Set(post.id);
    row.created_at = Set(post.created_at);
    row.updated_at = Set(post.updated_at);
    row.profile_id = Set(post.profile_id);
    row.account_id = Set(post.account_id);
    row.post_type = Set(stored_kind(post.kind));
    row.group_id = Set(post.group_id);
    posts::Entity::insert(row)
        .exec_without_returning(on)
        .await
        .map_err(store::fault)?;
    let stats = post_stats::ActiveModel {
        post_id: Set(post.id),
        likes: Set(0),
        guarded_likes: Set(0),
        comments: Set(0),
        views: Set(0),
    };
    post_stats::Entity::insert(stats)
        .exec_without_returning(on)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Stores what changed about a post in place of the version that was read (CQ-2) and returns it as it is stored.
///
/// # Errors
/// `PRECONDITION_FAILED` when another version is there by now.
pub(crate) async fn save(on: &impl ConnectionTrait, read: i32, post: &Post) -> Result<Post> {
    let update = posts::Entity::update_many()
        .set(to_row(post))
        // Set with the row, kept from the first publication on (FD-15).
        .col_expr(Alias::new("published_xid"), Expr::cust(FIRST_PUBLICATION))
        .filter(posts::Column::Id.eq(post.id))
        .filter(posts::Column::Version.eq(read));
    let saved = update.exec_with_returning(on).await.map_err(store::fault)?;
    let saved = saved
        .into_iter()
        .next()
        .ok_or_else(|| Fault::of(Reason::PreconditionFailed))?;
    to_domain(saved)
}

/// Takes a post from every surface (FD-14), if it is in the version that was read (CQ-2).
///
/// # Errors
/// `PRECONDITION_FAILED` when another version is there by now.
pub(crate) async fn archive(
    on: &impl ConnectionTrait,
    read: i32,
    post: &Post,
    now: OffsetDateTime,
) -> Result<()> {
    let row = posts::ActiveModel {
        status: Set(posts::Status::Archived),
        publish_at: Set(None),
        deleted_at: Set(Some(now)),
        version: Set(post.version),
        ..Default::default()
    };
    let done = posts::Entity::update_many()
        .set(row)
        .filter(posts::Column::Id.eq(post.id))
        .filter(posts::Column::Version.eq(read))
        .exec(on)
        .await;
    match done.map_err(store::fault)?.rows_affected {
        0 => Err(Fault::of(Reason::PreconditionFailed)),
        _ => Ok(()),
    }
}

/// The columns that may change; those that never do are left out.
fn to_row(post: &Post) -> posts::ActiveModel {
    posts::ActiveModel {
        id: NotSet,
        created_at: NotSet,
        // The trigger every table has keeps it.
        updated_at: NotSet,
        version: Set(post.version),
        profile_id: NotSet,
        account_id: NotSet,
        post_type: NotSet,
        title: Set(post.title.clone()),
        content: Set(post.content.clone()),
        body_format: Set(stored_format(post.body_format)),
        image_url: Set(post.image_url.clone()),
        metadata: Set(post.metadata.clone()),
        tags: Set(post.tags.clone()),
        visibility: Set(stored_visibility(post.visibility)),
        target_profile_types: Set(post
            .target_types
            .iter()
            .filter_map(|kind| kind.word())
            .map(str::to_owned)
            .collect()),
        target_tags: Set(post.target_tags.clone()),
        group_id: NotSet,
        status: Set(stored_status(post.standing.status)),
        published_at: Set(post.standing.published_at),
        publish_at: Set(post.standing.publish_at),
        slug: Set(post.slug.clone()),
        category: Set(post.category.clone()),
        excerpt: Set(post.excerpt.clone()),
        mentions: Set(post.mentions.clone()),
        is_featured: NotSet,
        edited_at: Set(post.edited_at),
        deleted_at: NotSet,
    }
}

/// The post a row is.
///
/// # Errors
/// `INTERNAL_ERROR` when the row holds a type of profile nobody knows (C2).
pub(super) fn to_domain(row: posts::Model) -> Result<Post> {
    let target_types: Option<_> = row
        .target_profile_types
        .iter()
        .map(|word| ProfileType::from_word(word))
        .collect();
    Ok(Post {
        id: row.id,
        kind: kind(row.post_type),
        profile_id: row.profile_id,
        account_id: row.account_id,
        group_id: row.group_id,
        title: row.title,
        content: row.content,
        body_format: format(row.body_format),
        image_url: row.image_url,
        metadata: row.metadata,
        tags: row.tags,
        visibility: visibility(row.visibility),
        target_types: target_types
            .ok_or_else(|| Fault::internal("a post for an unknown type of profile"))?,
        target_tags: row.target_tags,
        slug: row.slug,
        category: row.category,
        excerpt: row.excerpt,
        mentions: row.mentions,
        is_featured: row.is_featured,
        standing: Standing {
            status: status(row.status),
            published_at: row.published_at,
            publish_at: row.publish_at,
        },
        edited_at: row.edited_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
    })
}

fn kind(stored: posts::PostType) -> PostType {
    match stored {
        posts::PostType::General => PostType::General,
        posts::PostType::Opportunity => PostType::Opportunity,
        posts::PostType::Project => PostType::Project,
        posts::PostType::Marketplace => PostType::Marketplace,
        posts::PostType::Event => PostType::Event,
        posts::PostType::Blog => PostType::Blog,
        posts::PostType::Update => PostType::Update,
    }
}

pub(super) fn stored_kind(kind: PostType) -> posts::PostType {
    match kind {
        PostType::General | PostType::Unspecified => posts::PostType::General,
        PostType::Opportunity => posts::PostType::Opportunity,
        PostType::Project => posts::PostType::Project,
        PostType::Marketplace => posts::PostType::Marketplace,
        PostType::Event => posts::PostType::Event,
        PostType::Blog => posts::PostType::Blog,
        PostType::Update => posts::PostType::Update,
    }
}

fn format(stored: posts::BodyFormat) -> BodyFormat {
    match stored {
        posts::BodyFormat::Plain => BodyFormat::Plain,
        posts::BodyFormat::Markdown => BodyFormat::Markdown,
    }
}

fn stored_format(format: BodyFormat) -> posts::BodyFormat {
    match format {
        BodyFormat::Plain | BodyFormat::Unspecified => posts::BodyFormat::Plain,
        BodyFormat::Markdown => posts::BodyFormat::Markdown,
    }
}

fn visibility(stored: posts::Visibility) -> PostVisibility {
    match stored {
        posts::Visibility::Public => PostVisibility::Public,
        posts::Visibility::Connections => PostVisibility::Connections,
        posts::Visibility::Targeted => PostVisibility::Targeted,
        posts::Visibility::Private => PostVisibility::Private,
        posts::Visibility::Group => PostVisibility::Group,
    }
}

fn stored_visibility(visibility: PostVisibility) -> posts::Visibility {
    match visibility {
        PostVisibility::Public | PostVisibility::Unspecified => posts::Visibility::Public,
        PostVisibility::Connections => posts::Visibility::Connections,
        PostVisibility::Targeted => posts::Visibility::Targeted,
        PostVisibility::Private => posts::Visibility::Private,
        PostVisibility::Group => posts::Visibility::Group,
    }
}

fn status(stored: posts::Status) -> PostStatus {
    match stored {
        posts::Status::Draft => PostStatus::Draft,
        posts::Status::Scheduled => PostStatus::Scheduled,
        posts::Status::Published => PostStatus::Published,
        posts::Status::Hidden => PostStatus::Hidden,
        posts::Status::Archived => PostStatus::Archived,
    }
}

fn stored_status(status: PostStatus) -> posts::Status {
    match status {
        PostStatus::Draft | PostStatus::Unspecified => posts::Status::Draft,
        PostStatus::Scheduled => posts::Status::Scheduled,
        PostStatus::Published => posts::Status::Published,
        PostStatus::Hidden => posts::Status::Hidden,
        PostStatus::Archived => posts::Status::Archived,
    }
}
