//! The generated trait: decode, call, encode.

mod comment;
mod post;
mod stream;

use contracts::common::v1::Message;
use contracts::feed::v1::feed_service_server::FeedService;
use contracts::feed::v1::{
    Comment, CreateCommentRequest, CreatePostRequest, DeleteCommentRequest, DeleteCommentResponse,
    DeletePostRequest, FeedItem, GetPostRequest, LikeCommentRequest, LikePostRequest, LikeState,
    ListCommentsRequest, ListCommentsResponse, ListFeedRequest, ListFeedResponse,
    ListRepliesRequest, ListRepliesResponse, Post, StreamFeedRequest, UnlikeCommentRequest,
    UnlikePostRequest, UpdateCommentRequest, UpdatePostRequest,
};
use fault::{Fault, Result};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use identity::{Context, Viewer};
use prost_types::Timestamp;
use store::list::{ListQuery, ListRequest};
use time::OffsetDateTime;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use crate::app::App;

type Reply<T> = std::result::Result<Response<T>, Status>;

/// Serves the contract.
#[derive(Debug)]
pub(crate) struct Handler {
    app: App,
}

impl Handler {
    /// Serves it by these operations.
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl FeedService for Handler {
    async fn list_feed(&self, request: Request<ListFeedRequest>) -> Reply<ListFeedResponse> {
        let ctx = Context::of(&request);
        let (part, query) = post::list(&ctx, request.get_ref(), self.app.cursor_key())?;
        let page = self.app.list_feed(&ctx, part, query).await?;
        Ok(Response::new(post::page(page)))
    }

    type StreamFeedStream = BoxStream<'static, std::result::Result<FeedItem, Status>>;

    async fn stream_feed(
        &self,
        request: Request<StreamFeedRequest>,
    ) -> Reply<Self::StreamFeedStream> {
        let ctx = Context::of(&request);
        let stream::Asked {
            kind,
            start,
            binding,
        } = stream::asked(&ctx, request.get_ref(), self.app.cursor_key())?;
        let items = self.app.stream_feed(&ctx, kind, start).await?;
        let items = items.map(move |item| Ok(stream::item(item?, &binding)?));
        Ok(Response::new(items.boxed()))
    }

    async fn create_post(&self, request: Request<CreatePostRequest>) -> Reply<Post> {
        let ctx = Context::of(&request);
        let new = post::new(request.into_inner())?;
        Ok(Response::new(post::whole(
            self.app.create_post(&ctx, new).await?,
        )))
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Reply<Post> {
        let ctx = Context::of(&request);
        let id = id(&request.get_ref().id)?;
        Ok(Response::new(post::whole(
            self.app.get_post(&ctx, id).await?,
        )))
    }

    async fn update_post(&self, request: Request<UpdatePostRequest>) -> Reply<Post> {
        let ctx = Context::of(&request);
        let request = request.into_inner();
        let id = id(&request.id)?;
        let changes = post::changes(request)?;
        Ok(Response::new(post::whole(
            self.app.update_post(&ctx, id, changes).await?,
        )))
    }

    async fn delete_post(&self, request: Request<DeletePostRequest>) -> Reply<Message> {
        let ctx = Context::of(&request);
        self.app
            .delete_post(&ctx, id(&request.get_ref().id)?)
            .await?;
        Ok(Response::new(Message {
            message: "Post deleted".to_owned(),
        }))
    }

    async fn like_post(&self, request: Request<LikePostRequest>) -> Reply<LikeState> {
        let ctx = Context::of(&request);
        let likes = self.app.like_post(&ctx, id(&request.get_ref().id)?).await?;
        Ok(Response::new(like_state(true, likes)))
    }

    async fn unlike_post(&self, request: Request<UnlikePostRequest>) -> Reply<LikeState> {
        let ctx = Context::of(&request);
        let likes = self
            .app
            .unlike_post(&ctx, id(&request.get_ref().id)?)
            .await?;
        Ok(Response::new(like_state(false, likes)))
    }

    async fn create_comment(&self, request: Request<CreateCommentRequest>) -> Reply<Comment> {
        let ctx = Context::of(&request);
        let new = comment::new(request.into_inner())?;
        Ok(Response::new(comment::whole(
            self.app.create_comment(&ctx, new).await?,
        )))
    }

    async fn list_comments(
        &self,
        request: Request<ListCommentsRequest>,
    ) -> Reply<ListCommentsResponse> {
        let ctx = Context::of(&request);
        let request = request.get_ref();
        let (layout, query) = comment::list(&ctx, request, self.app.cursor_key())?;
        let page = self
            .app
            .list_comments(&ctx, id(&request.id)?, layout, &query)
            .await?;
        Ok(Response::new(comment::page(page)))
    }

    async fn list_replies(
        &self,
        request: Request<ListRepliesRequest>,
    ) -> Reply<ListRepliesResponse> {
        let ctx = Context::of(&request);
        let request = request.get_ref();
        let query = comment::list_replies(&ctx, request, self.app.cursor_key())?;
        let page = self
            .app
            .list_replies(&ctx, id(&request.id)?, &query)
            .await?;
        Ok(Response::new(comment::replies(page)))
    }

    async fn update_comment(&self, request: Request<UpdateCommentRequest>) -> Reply<Comment> {
        let ctx = Context::of(&request);
        let UpdateCommentRequest {
            id: comment,
            content,
        } = request.into_inner();
        let changed = self
            .app
            .update_comment(&ctx, id(&comment)?, content)
            .await?;
        Ok(Response::new(comment::whole(changed)))
    }

    async fn delete_comment(
        &self,
        request: Request<DeleteCommentRequest>,
    ) -> Reply<DeleteCommentResponse> {
        let ctx = Context::of(&request);
        let comments_count = self
            .app
            .delete_comment(&ctx, id(&request.get_ref().id)?)
            .await?;
        let message = "Comment deleted".to_owned();
        Ok(Response::new(DeleteCommentResponse {
            message,
            comments_count,
        }))
    }

    async fn like_comment(&self, request: Request<LikeCommentRequest>) -> Reply<LikeState> {
        let ctx = Context::of(&request);
        let likes = self
            .app
            .like_comment(&ctx, id(&request.get_ref().id)?)
            .await?;
        Ok(Response::new(like_state(true, likes)))
    }

    async fn unlike_comment(&self, request: Request<UnlikeCommentRequest>) -> Reply<LikeState> {
        let ctx = Context::of(&request);
        let likes = self
            .app
            .unlike_comment(&ctx, id(&request.get_ref().id)?)
            .await?;
        Ok(Response::new(like_state(false, likes)))
    }
}

fn like_state(liked: bool, likes_count: i32) -> LikeState {
    LikeState { liked, likes_count }
}

/// An id; the contract has checked its form.
fn id(text: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|_| Fault::invalid("id", "must be a UUID"))
}

/// An id that may be left out.
fn optional_id(text: &str) -> Result<Option<Uuid>> {
    if text.is_empty() {
        Ok(None)
    } else {
        id(text).map(Some)
    }
}

/// Reads a list request by the rule of its RPC. What else decides the rows, besides filter and sort, is in `scope`, so
/// that cursors are bound to it too.
fn query(
    ctx: &Context,
    rpc: &str,
    scope: &str,
    request: &ListRequest<'_>,
    key: &[u8],
) -> Result<ListQuery> {
    let rule = contracts::rpc(rpc).and_then(|rule| rule.list.as_ref());
    let rule = rule.ok_or_else(|| Fault::internal(format!("{rpc} has no list rule")))?;
    let viewer: Viewer = ctx.viewer();
    ListQuery::parse(rule, &format!("{rpc}/{scope}"), &viewer, request, key)
}

fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}

/// A time of a request.
fn moment(at: Timestamp, field: &str) -> Result<OffsetDateTime> {
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .map_err(|_| Fault::invalid(field, "must be a time of the years 1 to 9999"))
}
