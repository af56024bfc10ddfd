//! Things as one viewer sees them: the thing, its author's card, its counts.

use std::collections::HashMap;

use contracts::profile::v1::ProfileCard;
use identity::{Context, Viewer};
use uuid::Uuid;

use super::{App, people};
use crate::domain::comment::{Comment, Status};
use crate::domain::post::Post;
use crate::error::Result;
use crate::store::engagement::{self, Engagement, Thing};
use crate::store::glance::Glance;
use crate::store::people::Person;

/// A post as one viewer sees it.
#[derive(Clone, Debug)]
pub(crate) struct PostView {
    /// The post.
    pub(crate) post: Post,
    /// Who wrote it.
    pub(crate) author: ProfileCard,
    /// Its counts.
    pub(crate) engagement: Engagement,
    /// Whether the viewer's account wrote it.
    pub(crate) is_author: bool,
}

/// A comment as one viewer sees it.
#[derive(Clone, Debug)]
pub(crate) struct CommentView {
    /// The comment.
    pub(crate) comment: Comment,
    /// Who wrote it.
    pub(crate) author: ProfileCard,
    /// Its counts.
    pub(crate) engagement: Engagement,
    /// Whether the viewer's account wrote it.
    pub(crate) is_author: bool,
    /// Its first replies, in the tree view.
    pub(crate) replies: Vec<Self>,
}

impl App {
    /// These posts as the context's viewer sees them: one statement for the counts, one for the authors, and one call
    /// for authors that are not known yet.
    pub(crate) async fn see_posts(&self, ctx: &Context, posts: Vec<Post>) -> Result<Vec<PostView>> {
        let viewer = ctx.viewer();
        let ids: Vec<Uuid> = posts.iter().map(|post| post.id).collect();
        let authors = self
            .people
            .find(ctx, posts.iter().map(|post| post.profile_id).collect())
            .await?;
        let counts = engagement::of_posts(&self.db.for_call(ctx), &viewer, &ids).await?;
        let view = |post: Post| PostView {
            author: people::card(&authors, Some(post.profile_id)),
            engagement: counts.get(&post.id).copied().unwrap_or_default(),
            is_author: viewer.account_id == Some(post.account_id),
            post,
        };
        Ok(posts.into_iter().map(view).collect())
    }

    /// The same of one post.
    pub(crate) async fn see_post(&self, ctx: &Context, post: Post) -> Result<PostView> {
        let mut seen = self.see_posts(ctx, vec![post]).await?;
        seen.pop().ok_or(crate::error::Error::NoPost)
    }

    /// The same of one whose author is read already, and of most its counts.
    pub(crate) async fn see_glance(&self, ctx: &Context, found: Glance) -> Result<PostView> {
        let mut engagement = found.counts.engagement;
        if !found.counts.is_certain {
            let (on, id) = (self.db.for_call(ctx), found.post.id);
            let counts = engagement::comments_seen(&on, Thing::Post, &ctx.viewer(), &[id]).await?;
            engagement.comments = counts.get(&id).copied().unwrap_or_default();
        }
        Ok(PostView {
            author: found.author.card,
            engagement,
            is_author: ctx.viewer().account_id == Some(found.post.account_id),
            post: found.post,
        })
    }

    /// These comments as the context's viewer sees them, without replies inside.
    pub(crate) async fn see_comments(
        &self,
        ctx: &Context,
        comments: Vec<Comment>,
    ) -> Result<Vec<CommentView>> {
        let viewer = ctx.viewer();
        let ids: Vec<Uuid> = comments.iter().map(|comment| comment.id).collect();
        let live = comments
            .iter()
            .filter(|comment| comment.status == Status::Live);
        let authors = self
            .people
            .find(ctx, live.filter_map(|comment| comment.profile_id).collect())
            .await?;
        let counts = engagement::of_comments(&self.db.for_call(ctx), &viewer, &ids).await?;
        let view = |comment| see_comment(&viewer, &authors, &counts, comment);
        Ok(comments.into_iter().map(view).collect())
    }
}

/// Of a deleted comment nothing is shown but its place.
fn see_comment(
    viewer: &Viewer,
    authors: &HashMap<Uuid, Person>,
    counts: &HashMap<Uuid, Engagement>,
    mut comment: Comment,
) -> CommentView {
    let counted = counts.get(&comment.id).copied().unwrap_or_default();
    let is_live = comment.status == Status::Live;
    if !is_live {
        comment.content = String::new();
    }
    CommentView {
        author: if is_live {
            people::card(authors, comment.profile_id)
        } else {
            people::nobody()
        },
        engagement: if is_live {
            counted
        } else {
            Engagement {
                comments: counted.comments,
                ..Engagement::default()
            }
        },
        is_author: is_live
            && comment.account_id.is_some()
            && comment.account_id == viewer.account_id,
        comment,
        replies: Vec::new(),
    }
}
