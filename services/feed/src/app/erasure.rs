//! What happens to the things of a profile or account that is deleted (PJ-4).

use fault::Result;
use identity::Context;
use store::Tx;
use uuid::Uuid;

use super::now;
use crate::events;
use crate::store::removal;
use crate::store::stats::Counter;

/// Archives the posts of these profiles, removes their comments and likes, and keeps the counters right. Counters
/// come last: of comments, then of posts.
pub(crate) async fn remove(tx: &mut Tx, ctx: &Context, profiles: &[Uuid]) -> Result<()> {
    let now = now();
    for post in removal::posts_of(&**tx, profiles, now).await? {
        if post.was_published {
            events::archived(tx, ctx, &post).await?;
        }
    }
    let comments = removal::comments_of(&**tx, profiles).await?;
    let removed = removal::comments(&**tx, &comments, now).await?;
    for comment in &removed {
        events::comment_deleted(tx, ctx, comment).await?;
    }
    let (liked_comments, liked_posts) = removal::likes_of(&**tx, profiles).await?;
    Counter::CommentLikes.take(&**tx, liked_comments).await?;
    removal::uncount(&**tx, &removed).await?;
    Counter::PostLikes.take(&**tx, liked_posts).await
}

/// The same for every profile of an account, and nothing they wrote is kept.
pub(crate) async fn erase_account(tx: &mut Tx, ctx: &Context, account: Uuid) -> Result<()> {
    let profiles = removal::profiles_of(&**tx, account).await?;
    remove(tx, ctx, &profiles).await?;
    removal::erase(&**tx, &profiles).await
}
