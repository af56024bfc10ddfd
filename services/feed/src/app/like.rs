//! Likes: idempotent, the last acknowledged request decides (FD-11).

use identity::Context;
use uuid::Uuid;

use super::App;
use crate::domain::comment::{Comment, Status};
use crate::error::{Error, Result};
use crate::events;
use crate::store::comment;
use crate::store::engagement::{self, Thing};
use crate::store::like::{self, Change};
use crate::store::stats::{self, Counter};

impl App {
    /// Makes the active profile like a post; returns how many likes it knows of.
    pub(crate) async fn like_post(&self, ctx: &Context, id: Uuid) -> Result<i32> {
        let (post, profile) = self.visible_post_for(ctx, id).await?;
        let event = events::post_liked(&post, profile);
        self.change_like(ctx, Change::Like, id, event).await
    }

    /// Takes the active profile's like of a post back; returns how many likes it knows of.
    pub(crate) async fn unlike_post(&self, ctx: &Context, id: Uuid) -> Result<i32> {
        let post = self.visible_post(ctx, id).await?;
        let event = events::post_unliked(&post, ctx.require_caller()?.profile_id);
        self.change_like(ctx, Change::Unlike, id, event).await
    }

    async fn change_like(
        &self,
        ctx: &Context,
        change: Change,
        post: Uuid,
        event: ::events::Event,
    ) -> Result<i32> {
        let caller = ctx.require_caller()?;
        let (who, event) = (
            (caller.profile_id, caller.account_id),
            ::events::row(ctx, event)?,
        );
        let tx = self.db.begin(ctx).await?;
        let changed = like::of_post(&*tx, change, post, who, event).await?;
        if changed.is_some() {
            ::events::wake(&tx);
            if change == Change::Like {
                tx.after_commit(|| metrics::counter!("sf_likes_total").increment(1));
            }
        }
        tx.commit().await?;
        match changed {
            Some(likes) => Ok(likes),
            None => self.likes(ctx, Thing::Post, post).await,
        }
    }

    /// Makes the active profile like a comment; returns how many likes it knows of.
    pub(crate) async fn like_comment(&self, ctx: &Context, id: Uuid) -> Result<i32> {
        let comment = self.visible_comment(ctx, id).await?;
        let profile = self.people.acting(ctx, None).await?;
        let account = ctx.require_caller()?.account_id;
        let mut tx = self.db.begin(ctx).await?;
        if like::of_comment(&*tx, id, profile, account).await? {
            events::comment_liked(&mut tx, ctx, &comment, profile).await?;
            Counter::CommentLikes.add(&*tx, id, 1).await?;
        }
        tx.commit().await?;
        self.likes(ctx, Thing::Comment, id).await
    }

    /// Takes the active profile's like of a comment back; returns how many likes it knows of.
    pub(crate) async fn unlike_comment(&self, ctx: &Context, id: Uuid) -> Result<i32> {
        self.visible_comment(ctx, id).await?;
        let profile = ctx.require_caller()?.profile_id;
        let tx = self.db.begin(ctx).await?;
        if like::remove_of_comment(&*tx, id, profile).await? {
            Counter::CommentLikes.add(&*tx, id, -1).await?;
        }
        tx.commit().await?;
        self.likes(ctx, Thing::Comment, id).await
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

    async fn likes(&self, ctx: &Context, thing: Thing, id: Uuid) -> Result<i32> {
        Ok(engagement::likes(&self.db.for_call(ctx), thing, &ctx.viewer(), id).await?)
    }
}
