//! The consumer: projections of profiles, accounts, connections, blocks, mutes and groups, and what the deletion of a
//! profile or account means for posts, comments and likes.

use chassis::Task;
use contracts::auth::v1::AccountDeleted;
use contracts::profile::v1::ProfileDeleted;
use events::{Consumer, projections};
use fault::{Fault, Result};
use redis::Redis;
use store::{Db, Tx};
use uuid::Uuid;

use crate::app::erasure;

/// The tasks that read the others' events.
pub(crate) fn tasks(service: &str, db: Db, redis: Redis) -> Vec<Task> {
    let consumer = projections::groups(projections::all_five(Consumer::new(service, db, redis)));
    // These two replace the projections' own handlers and do their work as well.
    consumer
        .on::<ProfileDeleted>(|tx, envelope, event| {
            let ctx = events::context(envelope);
            Box::pin(async move { profile_deleted(tx, &ctx, event).await })
        })
        .on::<AccountDeleted>(|tx, envelope, event| {
            let ctx = events::context(envelope);
            Box::pin(async move { account_deleted(tx, &ctx, &event).await })
        })
        .tasks()
}

async fn profile_deleted(
    tx: &mut Tx,
    ctx: &identity::Context,
    event: ProfileDeleted,
) -> Result<()> {
    let profile = event
        .profile
        .as_ref()
        .map(|profile| id(&profile.profile_id))
        .transpose()?;
    projections::keep_profile(&**tx, event.profile).await?;
    match profile {
        Some(profile) => erasure::remove(tx, ctx, &[profile]).await,
        None => Ok(()),
    }
}

async fn account_deleted(
    tx: &mut Tx,
    ctx: &identity::Context,
    event: &AccountDeleted,
) -> Result<()> {
    projections::keep_account(&**tx, &event.account_id, "deleted", event.version).await?;
    erasure::erase_account(tx, ctx, id(&event.account_id)?).await
}

fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(Fault::internal)
}
