//! Likes: idempotent, the last acknowledged request decides (FD-11).

use identity::Context;
use uuid::Uuid;

use super::App;
use crate::domain::comment::{Comment, Status};
use crate::domain::post::Post;
use crate::error::{Error, Result};
use crate::events;
use crate::store::engagement::{self, Engagement};
use crate::store::{comment, like, stats};

impl App {
    /// Makes the active profile like a post.
    pub(crate) async fn like_post(&self, ctx: &Context, id: Uuid) -> Result<Engagement> {
        let (post, profile) = self.visible_post_for(ctx, id).await?;
        let account = ctx.require_caller()?.account_id;
        let event = ::events::row(ctx, events::post_liked(&post, profile))?;
        let tx = self.db.begin(ctx).await?;
        if like::of_post(&*tx, id, profile, account, event).await? {
            tx.after_commit(|| metrics::counter!("sf_likes_total").increment(1));
            ::events::wake(&tx);
        }
        tx.commit().await?;
        self.post_engagement(ctx, &post).await
    }

    /// Takes the active profile's like of a post back.
    pub(crate) async fn unlike_post(&self, ctx: &Context, id: Uuid) -> Result<Engagement> {
        let post = self.visible_post(ctx, id).await?;
        let profile = ctx.require_caller()?.profile_id;
        let target = like::Target::Post(id);
        let mut tx = self.db.begin(ctx).await?;
        if like::remove(&*tx, target, profile).await? {
            events::post_unliked(&mut tx, ctx, &post, profile).await?;
            target.counter().add(&*tx, id, -1).await?;
        }
        tx.commit().await?;
        self.post_engagement(ctx, &post).await
    }

    /// Makes the active profile like a comment.
    pub(crate) async fn like_comment(&self, ctx: &Context, id: Uuid) -> Result<Engagement> {
        let comment = self.visible_comment(ctx, id).await?;
        let profile = self.people.acting(ctx, None).await?;
        let account = ctx.require_caller()?.account_id;
        let target = like::Target::Comment(id);
        let mut tx = self.db.begin(ctx).await?;
        if like::of_comment(&*tx, id, profile, account).await? {
            events::comment_liked(&mut tx, ctx, &comment, profile).await?;
            target.counter().add(&*tx, id, 1).await?;
        }
        tx.commit().await?;
        self.comment_engagement(ctx, &comment).await
    }

    /// Takes the active profile's like of a comment back.
    pub(crate) async fn unlike_comment(&self, ctx: &Context, id: Uuid) -> Result<Engagement> {
        let comment = self.visible_comment(ctx, id).await?;
        let profile = ctx.require_caller()?.profile_id;
        let target = like::Target::Comment(id);
        let tx = self.db.begin(ctx).await?;
        if like::remove(&*tx, target, profile).await? {
            target.counter().add(&*tx, id, -1).await?;
        }
        tx.commit().await?;
        self.comment_engagement(ctx, &comment).await
    }

    /// Adds to the counters of posts what waits for them. Every replica does so: what one has taken, another leaves alone.
    pub(crate) async fn fold_counts(&self) -> Result<()> {
        Ok(stats::fold(self.db.connection()).await?)
    }

    /// The live comment, if the viewer may see it and its post.
    pub(crate) async fn visible_comment(&self, ctx: &Context, id: Uuid) -> Result<Comment> {
        let found = comment::visible(&self.db.for_call(ctx), &ctx.viewer(), id).await?;
        let comment = found
            .filter(|comment| comment.status == Status::Live)
            .ok_or(Error::NoComment)?;
        self.visible_post(ctx, comment.post_id)
            .await
            .map_err(|error| match error {
                Error::NoPost => Error::NoComment,
                other => other,
            })?;
        Ok(comment)
    }

    pub(crate) async fn post_engagement(&self, ctx: &Context, post: &Post) -> Result<Engagement> {
        let counts =
            engagement::of_posts(&self.db.for_call(ctx), &ctx.viewer(), &[post.id]).await?;
        Ok(counts.get(&post.id).copied().unwrap_or_default())
    }

    async fn comment_engagement(&self, ctx: &Context, comment: &Comment) -> Result<Engagement> {
        let counts =
            engagement::of_comments(&self.db.for_call(ctx), &ctx.viewer(), &[comment.id]).await?;
        Ok(counts.get(&comment.id).copied().unwrap_or_default())
    }
}
