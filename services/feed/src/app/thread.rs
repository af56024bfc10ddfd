//! Threads: the comments of a post and the replies to a comment, page by page.

use std::collections::HashMap;

use identity::Context;
use store::list::{ListQuery, Page};
use uuid::Uuid;

use super::App;
use super::view::CommentView;
use crate::domain::comment::{Comment, DEEPEST};
use crate::error::{Error, Result};
use crate::store::{comment, thread};

/// How the comments of a post are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Comments on the post with their first replies inside.
    Tree,
    /// Every comment by itself.
    Flat,
}

impl App {
    /// A page of the comments of a post.
    pub(crate) async fn list_comments(
        &self,
        ctx: &Context,
        post: Uuid,
        layout: Layout,
        query: &ListQuery,
    ) -> Result<Page<CommentView>> {
        self.people.meet(ctx).await?;
        self.visible_post(ctx, post).await?;
        let (part, levels) = match layout {
            Layout::Tree => (thread::Part::Roots, DEEPEST - 1),
            Layout::Flat => (thread::Part::All, 0),
        };
        let page = thread::page(self.db.connection(), &ctx.viewer(), post, part, query).await?;
        self.with_replies(ctx, post, page, levels).await
    }

    /// A page of the direct replies to a comment.
    pub(crate) async fn list_replies(
        &self,
        ctx: &Context,
        id: Uuid,
        query: &ListQuery,
    ) -> Result<Page<CommentView>> {
        self.people.meet(ctx).await?;
        let above = comment::visible(self.db.connection(), &ctx.viewer(), id)
            .await?
            .ok_or(Error::NoComment)?;
        let seen = self.visible_post(ctx, above.post_id).await;
        seen.map_err(|error| {
            if matches!(error, Error::NoPost) {
                Error::NoComment
            } else {
                error
            }
        })?;
        let part = thread::Part::RepliesTo(id);
        let page = thread::page(
            self.db.connection(),
            &ctx.viewer(),
            above.post_id,
            part,
            query,
        )
        .await?;
        self.with_replies(ctx, above.post_id, page, DEEPEST - 1 - above.depth)
            .await
    }

    /// Puts the first replies into the comments of a page, so many levels deep: one statement a level, whatever the
    /// size of the page, and then one each for counts and authors of all of them.
    async fn with_replies(
        &self,
        ctx: &Context,
        post: Uuid,
        page: Page<Comment>,
        levels: i16,
    ) -> Result<Page<CommentView>> {
        let roots: Vec<Uuid> = page.items.iter().map(|comment| comment.id).collect();
        let mut all = page.items;
        let mut above = roots.clone();
        for _ in 0..levels.max(0) {
            let below =
                thread::first_replies(self.db.connection(), &ctx.viewer(), post, &above).await?;
            above = below.iter().map(|comment| comment.id).collect();
            all.extend(below);
        }
        let items = nest(&roots, self.see_comments(ctx, all).await?);
        Ok(Page {
            items,
            pagination: page.pagination,
            total_capped: page.total_capped,
        })
    }
}

/// Puts every comment that is not one of the roots into the one it answers; the deepest come last in `all`.
fn nest(roots: &[Uuid], all: Vec<CommentView>) -> Vec<CommentView> {
    let order: Vec<Uuid> = all.iter().map(|view| view.comment.id).collect();
    let mut views: HashMap<Uuid, CommentView> = all
        .into_iter()
        .map(|view| (view.comment.id, view))
        .collect();
    // From the end, so that a comment has all its replies before it moves itself; hence the replies come reversed.
    for id in order[roots.len()..].iter().rev() {
        if let Some(view) = views.remove(id)
            && let Some(above) = view
                .comment
                .parent
                .and_then(|parent| views.get_mut(&parent))
        {
            above.replies.insert(0, view);
        }
    }
    roots.iter().filter_map(|id| views.remove(id)).collect()
}
