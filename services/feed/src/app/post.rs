//! Posts: written, read, changed, deleted, listed.

use contracts::feed::v1::PostType;
use identity::Context;
use store::Tx;
use store::list::{ListQuery, Page};
use uuid::Uuid;

use super::view::PostView;
use super::{App, now};
use crate::domain::mention;
use crate::domain::post::{Changes, Post};
use crate::error::{Error, Result};
use crate::events;
use crate::store::feed::Part;
use crate::store::{feed, glance, group, people, post, slug};

/// A post to be written.
#[derive(Debug)]
pub(crate) struct New {
    /// Its type.
    pub(crate) kind: PostType,
    /// The group it goes to.
    pub(crate) group: Option<Uuid>,
    /// The profile that writes it, if not the active one.
    pub(crate) profile: Option<Uuid>,
    /// What is in it.
    pub(crate) changes: Changes,
}

impl App {
    /// Writes a post.
    pub(crate) async fn create_post(&self, ctx: &Context, new: New) -> Result<PostView> {
        let author = self.people.acting(ctx, new.profile).await?;
        let account = ctx.require_caller()?.account_id;
        if let Some(group) = new.group {
            self.require_member(group, author).await?;
        }
        let now = now();
        let mut post = Post::blank(new.kind, author, account, new.group, now);
        post.fill(new.changes, now)?;

        let mut tx = self.db.begin(ctx).await?;
        name(&mut tx, &mut post).await?;
        mention(&mut tx, &mut post).await?;
        post::insert(&*tx, &post).await?;
        if post.is_published() {
            events::post_created(&mut tx, ctx, &post).await?;
            self.news.announce(&tx);
        }
        tx.commit().await?;
        self.see_post(ctx, post).await
    }

    /// The post as the viewer sees it, which counts as a view.
    pub(crate) async fn get_post(&self, ctx: &Context, id: Uuid) -> Result<PostView> {
        let seen = match glance::of(&self.db.for_call(ctx), &ctx.viewer(), id).await? {
            Some(found) => self.see_glance(ctx, found).await?,
            None => {
                // Targets are compared with the viewer's profile.
                self.people.meet(ctx).await?;
                let post = self.post_by_rule(ctx, id).await?;
                self.see_post(ctx, post).await?
            }
        };
        self.count_view(ctx, &seen).await;
        Ok(seen)
    }

    /// Changes a post of the caller's account.
    pub(crate) async fn update_post(
        &self,
        ctx: &Context,
        id: Uuid,
        changes: Changes,
    ) -> Result<PostView> {
        let mut tx = self.db.begin(ctx).await?;
        let before = self.lock_own_post(&mut tx, ctx, id).await?;
        ctx.expected_version().admit(before.version)?;
        let mut post = before.clone();
        let mut changed = post.change(changes, now())?;
        if changed.is_empty() {
            tx.rollback().await?;
            return self.see_post(ctx, before).await;
        }
        if post.slug != before.slug {
            name(&mut tx, &mut post).await?;
            if let (Some(old), true) = (&before.slug, post.slug != before.slug) {
                slug::keep_old(&*tx, old, post.id).await?;
            }
            changed.retain(|field| *field != "slug" || post.slug != before.slug);
        }
        mention(&mut tx, &mut post).await?;
        let post = post::save(&*tx, before.version, &post).await?;
        events::post_changed(&mut tx, ctx, &before, &post, &changed).await?;
        if post.standing.is_first_publication(&before.standing) {
            self.news.announce(&tx);
        }
        tx.commit().await?;
        self.see_post(ctx, post).await
    }

    /// Deletes a post of the caller's account.
    pub(crate) async fn delete_post(&self, ctx: &Context, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin(ctx).await?;
        let mut post = self.lock_own_post(&mut tx, ctx, id).await?;
        ctx.expected_version().admit(post.version)?;
        let was_published = post.is_published();
        let read = post.version;
        post.version += 1;
        post::archive(&*tx, read, &post, now()).await?;
        if was_published {
            events::post_archived(&mut tx, ctx, &post).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A page of the feed: a constant number of statements and calls whatever its size.
    pub(crate) async fn list_feed(
        &self,
        ctx: &Context,
        part: Part,
        query: ListQuery,
    ) -> Result<Page<PostView>> {
        self.people.meet(ctx).await?;
        let page = feed::page(self.db.connection(), &ctx.viewer(), part, query).await?;
        let Page {
            items,
            pagination,
            total_capped,
        } = page;
        let items = self.see_posts(ctx, items).await?;
        Ok(Page {
            items,
            pagination,
            total_capped,
        })
    }

    /// The post, if the viewer may see it.
    pub(crate) async fn visible_post(&self, ctx: &Context, id: Uuid) -> Result<Post> {
        match glance::of_post(&self.db.for_call(ctx), &ctx.viewer(), id).await? {
            Some((post, _)) => Ok(post),
            None => self.post_by_rule(ctx, id).await,
        }
    }

    /// The post, if the viewer may see it, and the caller's active profile, which is about to do something with it.
    ///
    /// # Errors
    /// [`Error::NoPost`], and those of [`People::acting`](super::people::People::acting).
    pub(crate) async fn visible_post_for(&self, ctx: &Context, id: Uuid) -> Result<(Post, Uuid)> {
        let caller = ctx.require_caller()?;
        match glance::of_post(&self.db.for_call(ctx), &ctx.viewer(), id).await? {
            Some((post, true)) => Ok((post, caller.profile_id)),
            Some((post, false)) => Ok((post, self.people.acting(ctx, None).await?)),
            None => {
                let post = self.post_by_rule(ctx, id).await?;
                Ok((post, self.people.acting(ctx, None).await?))
            }
        }
    }

    async fn post_by_rule(&self, ctx: &Context, id: Uuid) -> Result<Post> {
        let found = post::visible(&self.db.for_call(ctx), &ctx.viewer(), id).await?;
        found.ok_or(Error::NoPost)
    }

    /// The key cursors are signed with.
    pub(crate) fn cursor_key(&self) -> &[u8] {
        &self.cursor_key
    }

    /// Invisible before foreign: who may not see a post does not learn that it is somebody else's (CV-20).
    async fn lock_own_post(&self, tx: &mut Tx, ctx: &Context, id: Uuid) -> Result<Post> {
        let seen = post::visible(&**tx, &ctx.viewer(), id)
            .await?
            .ok_or(Error::NoPost)?;
        if seen.account_id != ctx.require_caller()?.account_id {
            return Err(Error::NotYourPost);
        }
        post::lock(&**tx, id).await?.ok_or(Error::NoPost)
    }

    async fn require_member(&self, group: Uuid, profile: Uuid) -> Result<()> {
        match group::standing(self.db.connection(), group, profile).await? {
            group::Standing::Member => Ok(()),
            group::Standing::Outside => Err(Error::NotMember),
            group::Standing::Unseen => Err(Error::NoGroup),
        }
    }
}

/// Gives a blog post a name nobody else's has.
async fn name(tx: &mut Tx, post: &mut Post) -> Result<()> {
    if let Some(wanted) = &post.slug {
        post.slug = Some(slug::free(&**tx, wanted, post.id).await?);
    }
    Ok(())
}

/// Finds whom the text mentions.
async fn mention(tx: &mut Tx, post: &mut Post) -> Result<()> {
    let text = format!(
        "{}\n{}",
        post.title.as_deref().unwrap_or_default(),
        post.content
    );
    post.mentions = people::mentioned_in_post(&**tx, &mention::names(&text), post).await?;
    Ok(())
}
