//! What the auth service does on the profile service's events. What it publishes stands beside the changes.

use std::sync::Arc;

use ::events::{Consumer, context};
use ::store::{Db, Tx};
use chassis::Task;
use contracts::profile::v1::{
    ProfileCompleted, ProfileCreated, ProfileDeleted, ProfilePrimaryChanged, ProfileRef,
    ProfileSummary, ProfileUpdated,
};
use fault::{Fault, Result};
use redis::Redis;

use crate::app::App;
use crate::domain::profile::OwnProfile;
use crate::store;

/// The consumer's tasks.
pub(crate) fn consumer(app: &Arc<App>, db: Db, redis: Redis) -> Vec<Task> {
    let [created, updated, deleted, primary] = std::array::from_fn(|_| Arc::clone(app));
    Consumer::new("auth", db, redis)
        .on(move |tx, _, event: ProfileCreated| {
            let app = Arc::clone(&created);
            Box::pin(async move { told(&app, tx, event.profile, event.summary).await })
        })
        .on(move |tx, _, event: ProfileUpdated| {
            let app = Arc::clone(&updated);
            Box::pin(async move { told(&app, tx, event.profile, event.summary).await })
        })
        .on(move |tx, envelope, event: ProfileDeleted| {
            let app = Arc::clone(&deleted);
            Box::pin(async move { app.profile_deleted(tx, &context(envelope), &event).await })
        })
        .on(move |tx, _, event: ProfilePrimaryChanged| {
            let app = Arc::clone(&primary);
            Box::pin(async move { app.primary_changed(tx, &event).await })
        })
        .on(move |tx, _, event: ProfileCompleted| {
            Box::pin(async move {
                let account_id = event.account_id.parse().map_err(Fault::internal)?;
                store::account::end_first_login(&**tx, account_id).await
            })
        })
        .tasks()
}

async fn told(
    app: &App,
    tx: &mut Tx,
    profile: Option<ProfileRef>,
    summary: Option<ProfileSummary>,
) -> Result<()> {
    let told = profile
        .zip(summary)
        .and_then(|(profile, summary)| OwnProfile::told(&profile, &summary));
    let profile = told.ok_or_else(|| Fault::internal("an event without its profile"))?;
    app.profile_told(tx, &profile).await
}
