//! Deletion: comments leave what their threads need, and everything of a profile or account goes (FD-13, FD-14, PJ-4).

use fault::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use time::OffsetDateTime;
use uuid::Uuid;

use super::stats::Counter;
use super::{all, column, rows, run};

/// A comment that was removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment {
    /// The comment.
    pub(crate) id: Uuid,
    /// Its post.
    pub(crate) post_id: Uuid,
    /// The comment it answered.
    pub(crate) parent: Option<Uuid>,
    /// Its author's profile.
    pub(crate) profile_id: Option<Uuid>,
    /// Its version after the removal.
    pub(crate) version: i32,
}

/// A post that was archived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Post {
    /// The post.
    pub(crate) id: Uuid,
    /// Its author's profile.
    pub(crate) profile_id: Uuid,
    /// Its author's account.
    pub(crate) account_id: Uuid,
    /// Its version after the removal.
    pub(crate) version: i32,
    /// Whether it was published.
    pub(crate) was_published: bool,
}

/// Removes live comments and whatever only they held together, and returns those that were live.
///
/// The whole chain above is locked from the top, so that no reply comes in between and two removals in one thread do
/// not both leave an empty comment behind. Counters are not touched: see [`uncount`].
pub(crate) async fn comments(
    on: &impl ConnectionTrait,
    ids: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<Comment>> {
    let chain = "with recursive chain as (
        select c.id, c.post_id, c.parent_comment_id from comments c where c.id = any ($1)
        union select p.id, p.post_id, p.parent_comment_id
          from chain c join comments p on p.post_id = c.post_id and p.id = c.parent_comment_id)
      select c.id from comments c where c.id in (select id from chain) order by c.depth, c.id for update";
    let chain = rows(on, chain, vec![ids.to_vec().into()]).await?;
    let chain: Vec<Uuid> = all(&chain, "id")?;
    let bury = "update comments set status = 'tombstone', deleted_at = $2, version = version + 1
      where id = any ($1) and status = 'live' returning id, post_id, parent_comment_id, profile_id, version";
    let removed = rows(on, bury, vec![ids.to_vec().into(), now.into()]).await?;
    let prune = "update comments set status = 'deleted' where id = any ($1) and status = 'tombstone' and not exists (
        select 1 from comments k where k.post_id = comments.post_id and k.parent_comment_id = comments.id and k.status <> 'deleted')";
    // Each round frees the level above.
    while run(on, prune, vec![chain.clone().into()]).await? > 0 {}
    removed.iter().map(comment).collect()
}

/// Takes removed comments from the counters.
pub(crate) async fn uncount(on: &impl ConnectionTrait, removed: &[Comment]) -> Result<()> {
    Counter::CommentReplies
        .take(
            on,
            removed
                .iter()
                .filter_map(|comment| comment.parent)
                .collect(),
        )
        .await?;
    Counter::PostComments
        .take(on, removed.iter().map(|comment| comment.post_id).collect())
        .await
}

/// The profiles of an account that feed knows.
pub(crate) async fn profiles_of(on: &impl ConnectionTrait, account: Uuid) -> Result<Vec<Uuid>> {
    let found = rows(
        on,
        "select profile_id from profile_ref where account_id = $1",
        vec![account.into()],
    )
    .await?;
    all(&found, "profile_id")
}

/// Profiles that are gone and of which something is left, a few at a time.
pub(crate) async fn left_of_profiles(on: &impl ConnectionTrait, at_most: i64) -> Result<Vec<Uuid>> {
    let sql = "select p.profile_id from profile_ref p where p.state = 'deleted' and (
          exists (select from posts t where t.profile_id = p.profile_id and t.deleted_at is null)
          or exists (select from comments c where c.profile_id = p.profile_id and c.status = 'live')
          or exists (select from likes l where l.profile_id = p.profile_id))
      order by p.profile_id limit $1";
    all(&rows(on, sql, vec![at_most.into()]).await?, "profile_id")
}

/// Accounts that are gone and of which something is left, a few at a time.
pub(crate) async fn left_of_accounts(on: &impl ConnectionTrait, at_most: i64) -> Result<Vec<Uuid>> {
    let sql = "select a.account_id from account_ref a where a.state = 'deleted' and exists (
        select from profile_ref p where p.account_id = a.account_id and (
          exists (select from posts t where t.profile_id = p.profile_id and (t.deleted_at is null or t.content <> ''))
          or exists (select from comments c where c.profile_id = p.profile_id)
          or exists (select from likes l where l.profile_id = p.profile_id)))
      order by a.account_id limit $1";
    all(&rows(on, sql, vec![at_most.into()]).await?, "account_id")
}

/// The live comments of these profiles.
pub(crate) async fn comments_of(on: &impl ConnectionTrait, profiles: &[Uuid]) -> Result<Vec<Uuid>> {
    let sql = "select id from comments where profile_id = any ($1) and status = 'live'";
    let found = rows(on, sql, vec![profiles.to_vec().into()]).await?;
    all(&found, "id")
}

/// Takes every post of these profiles from every surface.
pub(crate) async fn posts_of(
    on: &impl ConnectionTrait,
    profiles: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<Post>> {
    let sql = "update posts set status = 'archived', publish_at = null, deleted_at = $2, version = posts.version + 1
      from (select id, status from posts where profile_id = any ($1) and deleted_at is null order by id for no key update) old
      where posts.id = old.id
      returning posts.id, posts.profile_id, posts.account_id, posts.version, old.status = 'published' as was_published";
    let archived = rows(on, sql, vec![profiles.to_vec().into(), now.into()]).await?;
    archived.iter().map(post).collect()
}

/// Likes that were removed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Likes {
    /// The comments that lost one, as often as they did.
    pub(crate) of_comments: Vec<Uuid>,
    /// The posts that lost one, as often as they did, and whether it was a guarded profile's.
    pub(crate) of_posts: Vec<(Uuid, bool)>,
}

/// Removes every like of these profiles.
pub(crate) async fn likes_of(on: &impl ConnectionTrait, profiles: &[Uuid]) -> Result<Likes> {
    let sql =
        "delete from likes where profile_id = any ($1) returning comment_id, post_id, is_guarded";
    let mut gone = Likes::default();
    for row in rows(on, sql, vec![profiles.to_vec().into()]).await? {
        gone.of_comments
            .extend(column::<Option<Uuid>>(&row, "comment_id")?);
        if let Some(post) = column(&row, "post_id")? {
            gone.of_posts.push((post, column(&row, "is_guarded")?));
        }
    }
    Ok(gone)
}

/// Erases the texts of removed posts and comments of these profiles, and who wrote the comments.
pub(crate) async fn erase(on: &impl ConnectionTrait, profiles: &[Uuid]) -> Result<()> {
    let ids = || vec![profiles.to_vec().into()];
    let names = "delete from old_slugs where post_id in (select id from posts where profile_id = any ($1) and deleted_at is not null)";
    run(on, names, ids()).await?;
    let posts = "update posts set title = null, content = '', image_url = null, metadata = '{}', tags = '{}', excerpt = null,
        category = null, mentions = '{}', target_tags = '{}', slug = case when slug is null then null else id::text end
      where profile_id = any ($1) and deleted_at is not null";
    run(on, posts, ids()).await?;
    let comments = "update comments set content = '', profile_id = null, account_id = null
      where profile_id = any ($1) and status <> 'live'";
    run(on, comments, ids()).await.map(drop)
}

fn comment(row: &QueryResult) -> Result<Comment> {
    Ok(Comment {
        id: column(row, "id")?,
        post_id: column(row, "post_id")?,
        parent: column(row, "parent_comment_id")?,
        profile_id: column(row, "profile_id")?,
        version: column(row, "version")?,
    })
}

fn post(row: &QueryResult) -> Result<Post> {
    Ok(Post {
        id: column(row, "id")?,
        profile_id: column(row, "profile_id")?,
        account_id: column(row, "account_id")?,
        version: column(row, "version")?,
        was_published: column(row, "was_published")?,
    })
}
