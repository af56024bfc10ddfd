//! What happens to the things of a profile or account that is deleted (PJ-4).

use std::time::Duration;

use ::events::projections;
use fault::Result;
use identity::Context;
use store::{Lease, Tx};
use uuid::Uuid;

use super::{App, now};
use crate::events;
use crate::store::removal;
use crate::store::stats::{self, Counter};

/// Profiles or accounts looked for at once.
const BATCH: i64 = 50;
/// How long the removal of one may take.
const TIME: Duration = Duration::from_secs(60);

impl App {
    /// Removes what is left of profiles and accounts that are gone, whatever became of their events (D5); does nothing
    /// while another replica does.
    pub(crate) async fn sweep_leftovers(&self, lease: &Lease) -> Result<()> {
        let mut before = (Vec::new(), Vec::new());
        while lease.hold().await? {
            let profiles = removal::left_of_profiles(self.db.connection(), BATCH).await?;
            for &profile in &profiles {
                let ctx = Context::background(Uuid::now_v7().to_string(), TIME);
                let mut tx = self.db.begin(&ctx).await?;
                remove(&mut tx, &ctx, &[profile]).await?;
                tx.commit().await?;
                swept("profile");
            }
            let accounts = removal::left_of_accounts(self.db.connection(), BATCH).await?;
            for &account in &accounts {
                let ctx = Context::background(Uuid::now_v7().to_string(), TIME);
                let mut tx = self.db.begin(&ctx).await?;
                erase_account(&mut tx, &ctx, account).await?;
                tx.commit().await?;
                swept("account");
            }
            let found = (profiles, accounts);
            // Nothing is left, or nothing more can be done about it.
            if found == before || found == Default::default() {
                break;
            }
            before = found;
        }
        let ended = projections::end_pairs(self.db.connection()).await?;
        tracing::debug!(ended, "pairs that name who is gone have ended");
        lease.release().await
    }
}

/// Counts somebody who was gone and of whom something was left.
fn swept(of: &'static str) {
    metrics::counter!("sf_feed_leftovers_removed_total", "of" => of).increment(1);
    tracing::warn!(of, "something was left of who is gone; it was removed");
}

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
    let likes = removal::likes_of(&**tx, profiles).await?;
    Counter::CommentLikes.take(&**tx, likes.of_comments).await?;
    removal::uncount(&**tx, &removed).await?;
    stats::take_likes(&**tx, &likes.of_posts).await
}

/// The same for every profile of an account, and nothing they wrote is kept.
pub(crate) async fn erase_account(tx: &mut Tx, ctx: &Context, account: Uuid) -> Result<()> {
    let profiles = removal::profiles_of(&**tx, account).await?;
    remove(tx, ctx, &profiles).await?;
    removal::erase(&**tx, &profiles).await
}
