//! Comments by id: the finder all requests for one comment start from, and their rows.

use entity::feed::{comment_stats, comments};
use fault::{Fault, Reason, Result};
use identity::Viewer;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockType, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select,
};
use store::visibility::Columns;
use uuid::Uuid;

use super::may_see;
use crate::domain::comment::{Comment, Status};

/// A comment shares its author's visibility.
const AUTHOR: Columns = Columns::author("comments.profile_id", "comments.account_id");
/// The same of a comment above it.
const ABOVE: Columns = Columns::author("above.profile_id", "above.account_id");

/// The comments a list may show this viewer: those whose author the viewer may see, and empty ones that hold replies
/// together. What is said under a comment the viewer may not see is not asked about here; see [`nothing_hidden_above`].
pub(super) fn shown(viewer: &Viewer) -> Select<comments::Entity> {
    let visible = Expr::cust("comments.status = 'tombstone'").or(may_see(&AUTHOR, viewer));
    comments::Entity::find()
        .filter(Expr::cust("comments.status <> 'deleted'"))
        .filter(visible)
}

/// No live comment above this one has an author the viewer may not see: under such a comment nothing is shown.
pub(super) fn nothing_hidden_above(viewer: &Viewer) -> SimpleExpr {
    let above = "above.post_id = comments.post_id and above.status = 'live' and above.id in (comments.parent_comment_id,
      (select m.parent_comment_id from comments m where m.post_id = comments.post_id and m.id = comments.parent_comment_id))";
    let hidden = Query::select()
        .expr(Expr::val(1))
        .from_as(Alias::new("comments"), Alias::new("above"))
        .and_where(Expr::cust(above))
        .and_where(may_see(&ABOVE, viewer).not())
        .to_owned();
    Expr::exists(hidden).not()
}

/// The comment, if this viewer may see it; an empty one that holds replies together counts. Its post is not asked about.
pub(crate) async fn visible(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<Comment>> {
    let select = shown(viewer)
        .filter(nothing_hidden_above(viewer))
        .filter(comments::Column::Id.eq(id));
    Ok(select.one(on).await.map_err(store::fault)?.map(to_domain))
}

/// The comment this viewer may see and answer, on this post. It is not deleted before the transaction ends.
pub(crate) async fn hold_parent(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    post: Uuid,
    id: Uuid,
) -> Result<Option<Comment>> {
    let held = comments::Entity::find()
        .filter(comments::Column::PostId.eq(post))
        .filter(comments::Column::Id.eq(id))
        .lock(LockType::Share)
        .one(on)
        .await;
    if held.map_err(store::fault)?.is_none() {
        return Ok(None);
    }
    visible(on, viewer, id).await
}

/// The live comment whatever its visibility; nobody else changes it until the transaction ends.
pub(crate) async fn lock(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Comment>> {
    let found = comments::Entity::find_by_id(id)
        .filter(comments::Column::Status.eq(comments::Status::Live))
        .lock(LockType::NoKeyUpdate)
        .one(on)
        .await;
    Ok(found.map_err(store::fault)?.map(to_domain))
}

/// Stores a new comment with counters of nothing.
pub(crate) async fn insert(on: &impl ConnectionTrait, comment: &Comment) -> Result<()> {
    let row = comments::ActiveModel {
        id: Set(comment.id),
        created_at: Set(comment.created_at),
        updated_at: Set(comment.updated_at),
        version: Set(comment.version),
        post_id: Set(comment.post_id),
        profile_id: Set(comment.profile_id),
        account_id: Set(comment.account_id),
        parent_comment_id: Set(comment.parent),
        depth: Set(comment.depth),
        content: Set(comment.content.clone()),
        status: Set(comments::Status::Live),
        edited_at: NotSet,
        deleted_at: NotSet,
    };
    comments::Entity::insert(row)
        .exec_without_returning(on)
        .await
        .map_err(store::fault)?;
    let stats = comment_stats::ActiveModel {
        comment_id: Set(comment.id),
        likes: Set(0),
        replies: Set(0),
    };
    comment_stats::Entity::insert(stats)
        .exec_without_returning(on)
        .await
        .map(drop)
        .map_err(store::fault)
}

/// Stores the text of a comment in place of the version that was read (CQ-2) and returns it as it is stored.
///
/// # Errors
/// `PRECONDITION_FAILED` when another version is there by now.
pub(crate) async fn save(
    on: &impl ConnectionTrait,
    read: i32,
    comment: &Comment,
) -> Result<Comment> {
    let row = comments::ActiveModel {
        content: Set(comment.content.clone()),
        edited_at: Set(comment.edited_at),
        version: Set(comment.version),
        ..Default::default()
    };
    let update = comments::Entity::update_many()
        .set(row)
        .filter(comments::Column::Id.eq(comment.id))
        .filter(comments::Column::Version.eq(read));
    let saved = update.exec_with_returning(on).await.map_err(store::fault)?;
    let saved = saved
        .into_iter()
        .next()
        .ok_or_else(|| Fault::of(Reason::PreconditionFailed))?;
    Ok(to_domain(saved))
}

/// The comment a row is.
pub(super) fn to_domain(row: comments::Model) -> Comment {
    Comment {
        id: row.id,
        post_id: row.post_id,
        parent: row.parent_comment_id,
        depth: row.depth,
        profile_id: row.profile_id,
        account_id: row.account_id,
        content: row.content,
        status: match row.status {
            comments::Status::Live => Status::Live,
            comments::Status::Tombstone => Status::Tombstone,
            comments::Status::Deleted => Status::Deleted,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
        edited_at: row.edited_at,
        version: row.version,
    }
}
