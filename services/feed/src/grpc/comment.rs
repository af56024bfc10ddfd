//! Comments between the contract and the domain.

use contracts::feed::v1::{
    Comment, CommentView as View, CreateCommentRequest, ListCommentsRequest, ListCommentsResponse,
    ListRepliesRequest, ListRepliesResponse,
};
use fault::Result;
use identity::Context;
use store::list::{ListQuery, ListRequest, Page};

use super::{id, optional_id, query, timestamp};
use crate::app::comment::New;
use crate::app::thread::Layout;
use crate::app::view::CommentView;
use crate::domain::comment::Status;

/// The gRPC path of the list of a post's comments.
const LIST: &str = "/smilefactory.feed.v1.FeedService/ListComments";
/// The gRPC path of the list of a comment's replies.
const REPLIES: &str = "/smilefactory.feed.v1.FeedService/ListReplies";

/// The comment a request writes.
pub(super) fn new(request: CreateCommentRequest) -> Result<New> {
    Ok(New {
        post: id(&request.id)?,
        parent: optional_id(&request.parent_comment_id)?,
        profile: optional_id(&request.profile_id)?,
        content: request.content,
    })
}

/// How comments are listed.
pub(super) fn list(
    ctx: &Context,
    request: &ListCommentsRequest,
    key: &[u8],
) -> Result<(Layout, ListQuery)> {
    let (layout, word) = match request.view() {
        View::Tree | View::Unspecified => (Layout::Tree, "tree"),
        View::Flat => (Layout::Flat, "flat"),
    };
    let asked = ListRequest {
        page: request.page,
        limit: request.limit,
        cursor: request.cursor.as_deref(),
        sort: &request.sort,
        filter: &request.filter,
        search: &request.search,
    };
    let scope = format!("{}/{word}", request.id);
    Ok((layout, query(ctx, LIST, &scope, &asked, key)?))
}

/// How replies are listed.
pub(super) fn list_replies(
    ctx: &Context,
    request: &ListRepliesRequest,
    key: &[u8],
) -> Result<ListQuery> {
    let asked = ListRequest {
        page: request.page,
        limit: request.limit,
        cursor: request.cursor.as_deref(),
        sort: &request.sort,
        filter: &request.filter,
        search: &request.search,
    };
    query(ctx, REPLIES, &request.id, &asked, key)
}

/// A page of comments.
pub(super) fn page(page: Page<CommentView>) -> ListCommentsResponse {
    let page = page.map(whole);
    ListCommentsResponse {
        items: page.items,
        pagination: Some(page.pagination),
        total_capped: page.total_capped,
    }
}

/// A page of replies.
pub(super) fn replies(page: Page<CommentView>) -> ListRepliesResponse {
    let page = page.map(whole);
    ListRepliesResponse {
        items: page.items,
        pagination: Some(page.pagination),
        total_capped: page.total_capped,
    }
}

/// The comment with the replies inside it.
pub(super) fn whole(view: CommentView) -> Comment {
    let CommentView {
        comment,
        author,
        engagement,
        is_author,
        replies,
    } = view;
    Comment {
        id: comment.id.to_string(),
        post_id: comment.post_id.to_string(),
        parent_comment_id: comment.parent.map(|parent| parent.to_string()),
        depth: comment.depth.into(),
        author: Some(author),
        content: comment.content,
        likes_count: engagement.likes,
        is_liked: engagement.is_liked,
        is_author,
        is_deleted: comment.status != Status::Live,
        is_edited: comment.edited_at.is_some(),
        created_at: Some(timestamp(comment.created_at)),
        updated_at: Some(timestamp(comment.updated_at)),
        replies_count: engagement.comments,
        replies: replies.into_iter().map(whole).collect(),
        version: comment.version,
    }
}
