//! Comments: written, changed, deleted.

use identity::Context;
use uuid::Uuid;

use super::view::CommentView;
use super::{App, now};
use crate::domain::comment::{Comment, Status, reply_depth};
use crate::domain::mention;
use crate::domain::post::Post;
use crate::error::{Error, Result};
use crate::events::{self, Thread};
use crate::store::stats::Counter;
use crate::store::{comment, engagement, people, removal};

/// A comment to be written.
#[derive(Debug)]
pub(crate) struct New {
    /// The post.
    pub(crate) post: Uuid,
    /// The comment it answers.
    pub(crate) parent: Option<Uuid>,
    /// The profile that writes it, if not the active one.
    pub(crate) profile: Option<Uuid>,
    /// Its text.
    pub(crate) content: String,
}

impl App {
    /// Writes a comment or a reply.
    pub(crate) async fn create_comment(&self, ctx: &Context, new: New) -> Result<CommentView> {
        let (post, author) = match new.profile {
            None => self.visible_post_for(ctx, new.post).await?,
            Some(_) => {
                let post = self.visible_post(ctx, new.post).await?;
                (post, self.people.acting(ctx, new.profile).await?)
            }
        };
        let account = ctx.require_caller()?.account_id;
        let mut tx = self.db.begin(ctx).await?;
        let parent = match new.parent {
            Some(id) => Some(self.hold_parent(&mut tx, ctx, post.id, id).await?),
            None => None,
        };
        let now = now();
        let comment = Comment {
            id: Uuid::now_v7(),
            post_id: post.id,
            parent: new.parent,
            depth: parent.as_ref().map_or(1, |(_, depth)| *depth),
            profile_id: Some(author),
            account_id: Some(account),
            content: new.content,
            status: Status::Live,
            created_at: now,
            updated_at: now,
            edited_at: None,
            version: 1,
        };
        comment::insert(&*tx, &comment).await?;
        let mentions = mentioned(&mut tx, &post, &comment).await?;
        let thread = Thread {
            post: &post,
            parent: parent.as_ref().map(|(parent, _)| parent),
            mentions,
        };
        events::comment_created(&mut tx, ctx, &comment, &thread).await?;
        if let Some(parent) = new.parent {
            Counter::CommentReplies.add(&*tx, parent, 1).await?;
        }
        Counter::PostComments.add(&*tx, post.id, 1).await?;
        tx.commit().await?;
        self.one_comment(ctx, comment).await
    }

    /// Changes the text of a comment of the caller's account.
    pub(crate) async fn update_comment(
        &self,
        ctx: &Context,
        id: Uuid,
        content: String,
    ) -> Result<CommentView> {
        let seen = self.visible_comment(ctx, id).await?;
        if seen.account_id != Some(ctx.require_caller()?.account_id) {
            return Err(Error::NotYourComment);
        }
        let post = self.visible_post(ctx, seen.post_id).await?;
        let mut tx = self.db.begin(ctx).await?;
        let mut comment = comment::lock(&*tx, id).await?.ok_or(Error::NoComment)?;
        ctx.expected_version().admit(comment.version)?;
        if comment.content != content {
            comment.content = content;
            comment.edited_at = Some(now());
            let read = comment.version;
            comment.version += 1;
            comment = comment::save(&*tx, read, &comment).await?;
            let mentions = mentioned(&mut tx, &post, &comment).await?;
            let thread = Thread {
                post: &post,
                parent: None,
                mentions,
            };
            events::comment_updated(&mut tx, ctx, &comment, &thread).await?;
        }
        tx.commit().await?;
        self.one_comment(ctx, comment).await
    }

    /// Deletes a comment, as its author or as the author of its post; returns how many the viewer may see now.
    pub(crate) async fn delete_comment(&self, ctx: &Context, id: Uuid) -> Result<i32> {
        let comment = self.visible_comment(ctx, id).await?;
        let post = self.visible_post(ctx, comment.post_id).await?;
        let account = ctx.require_caller()?.account_id;
        if comment.account_id != Some(account) && post.account_id != account {
            return Err(Error::NotYourComment);
        }
        let mut tx = self.db.begin(ctx).await?;
        let removed = removal::comments(&*tx, &[id], now()).await?;
        if removed.is_empty() {
            return Err(Error::NoComment);
        }
        for comment in &removed {
            // What the statement found was one version older; an unexpected one comes back when the transaction ends.
            ctx.expected_version().admit(comment.version - 1)?;
            events::comment_deleted(&mut tx, ctx, comment).await?;
        }
        removal::uncount(&*tx, &removed).await?;
        tx.commit().await?;
        let counts =
            engagement::of_posts(&self.db.for_call(ctx), &ctx.viewer(), &[post.id]).await?;
        Ok(counts.get(&post.id).copied().unwrap_or_default().comments)
    }

    /// The comment to be answered, kept from being deleted, and the level of a reply to it.
    async fn hold_parent(
        &self,
        tx: &mut store::Tx,
        ctx: &Context,
        post: Uuid,
        id: Uuid,
    ) -> Result<(Comment, i16)> {
        let parent = comment::hold_parent(&**tx, &ctx.viewer(), post, id).await?;
        let depth = reply_depth(parent.as_ref().map(|parent| (parent.status, parent.depth)));
        match (parent, depth) {
            (Some(parent), Ok(depth)) => Ok((parent, depth)),
            (_, Err(message)) => Err(Error::invalid("parentCommentId", message)),
            (None, Ok(_)) => Err(Error::NoComment),
        }
    }

    async fn one_comment(&self, ctx: &Context, comment: Comment) -> Result<CommentView> {
        let mut seen = self.see_comments(ctx, vec![comment]).await?;
        seen.pop().ok_or(Error::NoComment)
    }
}

/// Whom a comment mentions of those who may see it.
async fn mentioned(tx: &mut store::Tx, post: &Post, comment: &Comment) -> Result<Vec<Uuid>> {
    let (Some(author), Some(account)) = (comment.profile_id, comment.account_id) else {
        return Ok(Vec::new());
    };
    let names = mention::names(&comment.content);
    Ok(people::mentioned_in_comment(&**tx, &names, post.id, author, account).await?)
}
