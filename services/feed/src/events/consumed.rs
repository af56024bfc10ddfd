//! The consumer: projections of profiles, accounts, connections, blocks, mutes and groups, and what it means for posts,
//! comments and likes that a profile or account changes or is deleted.

use chassis::Task;
use contracts::auth::v1::{AccountDeactivated, AccountDeleted, AccountReactivated};
use contracts::profile::v1::{
    ProfileCreated, ProfileDeleted, ProfileUpdated, ProfileVisibilityChanged,
};
use events::{Consumer, projections};
use fault::{Fault, Result};
use redis::Redis;
use store::{Db, Tx};
use uuid::Uuid;

use crate::app::erasure;
use crate::store::{guard, people};

/// The tasks that read the others' events.
pub(crate) fn tasks(service: &str, db: Db, redis: Redis) -> Vec<Task> {
    let consumer = projections::groups(projections::all_five(Consumer::new(service, db, redis)));
    // These replace the projections' own handlers and do their work as well.
    consumer
        .on::<ProfileCreated>(|tx, _, event| {
            Box::pin(async move { people::keep(&**tx, event.profile).await })
        })
        .on::<ProfileUpdated>(|tx, _, event| {
            Box::pin(async move { people::keep(&**tx, event.profile).await })
        })
        .on::<ProfileVisibilityChanged>(|tx, _, event| {
            Box::pin(async move { people::keep(&**tx, event.profile).await })
        })
        .on::<AccountDeactivated>(|tx, _, event| {
            Box::pin(async move {
                account_changed(tx, &event.account_id, "suspended", event.version).await
            })
        })
        .on::<AccountReactivated>(|tx, _, event| {
            Box::pin(
                async move { account_changed(tx, &event.account_id, "live", event.version).await },
            )
        })
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
    let Some(profile) = profile else {
        return Ok(());
    };
    erasure::remove(tx, ctx, &[profile]).await?;
    guard::review(&**tx, &[profile]).await.map(drop)
}

async fn account_changed(tx: &mut Tx, account: &str, state: &str, version: i32) -> Result<()> {
    if projections::keep_account(&**tx, account, state, version).await? {
        guard::review_account(&**tx, id(account)?).await?;
    }
    Ok(())
}

async fn account_deleted(
    tx: &mut Tx,
    ctx: &identity::Context,
    event: &AccountDeleted,
) -> Result<()> {
    projections::keep_account(&**tx, &event.account_id, "deleted", event.version).await?;
    let account = id(&event.account_id)?;
    erasure::erase_account(tx, ctx, account).await?;
    guard::review_account(&**tx, account).await
}

fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(Fault::internal)
}
