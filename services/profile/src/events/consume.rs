//! What the service does on each event it consumes.

use contracts::auth::v1::{
    AccountCreated, AccountDeactivated, AccountDeleted, AccountReactivated, AccountSettingsChanged,
};
use contracts::connection::v1::{
    ConnectionAccepted, ConnectionRemoved, ProfileBlocked, ProfileMuted,
};
use contracts::feed::v1::{PostArchived, PostCreated};
use events::{Consumer, context, projections};
use fault::{Fault, Reason, Result};
use redis::Redis;
use store::{Db, Tx};
use uuid::Uuid;

use crate::app::{self, AccountChange};
use crate::domain::{AccountState, ContactVisibility, Settings};
use crate::store as rows;

/// Returns the consumer of everything the service wants to know.
#[must_use]
pub(crate) fn consumer(db: Db, redis: Redis) -> Consumer {
    posts(relations(accounts(projections::pairs(Consumer::new(
        "profile", db, redis,
    )))))
}

fn accounts(consumer: Consumer) -> Consumer {
    consumer
        .on::<AccountCreated>(|tx, envelope, event| {
            Box::pin(async move {
                let (account, profile) = (id(&event.account_id)?, id(&event.initial_profile_id)?);
                let ensured = app::ensure(
                    tx,
                    &context(envelope),
                    account,
                    profile,
                    &event.display_name,
                )
                .await;
                match ensured.map_err(Fault::from) {
                    // An account that is gone already needs no profile.
                    Err(fault) if fault.reason() == Reason::NotFound => Ok(()),
                    ensured => ensured.map(drop),
                }
            })
        })
        .on::<AccountSettingsChanged>(|tx, envelope, event| {
            Box::pin(async move {
                let settings = settings(&event)?;
                let account = id(&event.account_id)?;
                Ok(app::change_settings(tx, &context(envelope), account, settings).await?)
            })
        })
        .on::<AccountDeactivated>(|tx, envelope, event| {
            let change = change(&event.account_id, AccountState::Suspended, event.version);
            Box::pin(async move { Ok(app::change_account(tx, &context(envelope), change?).await?) })
        })
        .on::<AccountReactivated>(|tx, envelope, event| {
            let change = change(&event.account_id, AccountState::Live, event.version);
            Box::pin(async move { Ok(app::change_account(tx, &context(envelope), change?).await?) })
        })
        .on::<AccountDeleted>(|tx, envelope, event| {
            let change = change(&event.account_id, AccountState::Deleted, event.version);
            Box::pin(async move { Ok(app::change_account(tx, &context(envelope), change?).await?) })
        })
}

/// Replaces those handlers of the projections that make a pair: who is gone here is in none, however late it is told;
/// connections are counted as well.
fn relations(consumer: Consumer) -> Consumer {
    consumer
        .on::<ConnectionAccepted>(|tx, _, e| {
            Box::pin(async move {
                let (one, other) = (id(&e.requester_profile_id)?, id(&e.addressee_profile_id)?);
                let lives = !rows::relation::is_gone(tx, &[one, other], &[]).await?;
                connect(tx, one, other, e.version, lives).await
            })
        })
        .on::<ConnectionRemoved>(|tx, _, e| {
            Box::pin(async move {
                let (one, other) = (id(&e.requester_profile_id)?, id(&e.addressee_profile_id)?);
                connect(tx, one, other, e.version, false).await
            })
        })
        .on::<ProfileBlocked>(|tx, _, e| {
            Box::pin(async move {
                let (blocker, blocked) = (&e.blocker_account_id, &e.blocked_account_id);
                let accounts = [id(blocker)?, id(blocked)?];
                let lives = !rows::relation::is_gone(tx, &[], &accounts).await?;
                projections::keep_block(&**tx, blocker, blocked, e.version, lives).await
            })
        })
        .on::<ProfileMuted>(|tx, _, e| {
            Box::pin(async move {
                let (account, muted) = (&e.account_id, &e.muted_profile_id);
                let lives = !rows::relation::is_gone(tx, &[id(muted)?], &[id(account)?]).await?;
                projections::keep_mute(&**tx, account, muted, e.version, lives).await
            })
        })
}

async fn connect(tx: &mut Tx, one: Uuid, other: Uuid, version: i32, connected: bool) -> Result<()> {
    let (first, second) = (one.to_string(), other.to_string());
    if projections::keep_connection(&**tx, &first, &second, version, connected).await? {
        rows::stats::count_connections(tx, [one, other]).await?;
    }
    Ok(())
}

fn posts(consumer: Consumer) -> Consumer {
    consumer
        .on::<PostCreated>(|tx, _, event| {
            Box::pin(async move {
                let post = event
                    .post
                    .ok_or_else(|| Fault::internal("a post event without its post"))?;
                rows::stats::count_post(tx, id(&post.profile_id)?, 1).await
            })
        })
        .on::<PostArchived>(|tx, _, event| {
            Box::pin(async move { rows::stats::count_post(tx, id(&event.profile_id)?, -1).await })
        })
}

fn settings(event: &AccountSettingsChanged) -> Result<Settings> {
    Ok(Settings {
        private_account: event.private_account,
        contact_visibility: ContactVisibility::from_word(&event.contact_visibility)?,
        version: event.version,
        account_version: 0,
    })
}

fn change(account: &str, state: AccountState, version: i32) -> Result<AccountChange> {
    Ok(AccountChange {
        account: id(account)?,
        state,
        version,
    })
}

fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(Fault::internal)
}
