//! What the service does on each event it consumes.

use contracts::auth::v1::{
    AccountCreated, AccountDeactivated, AccountDeleted, AccountReactivated, AccountSettingsChanged,
};
use contracts::connection::v1::{ConnectionAccepted, ConnectionRemoved};
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
    posts(connections(accounts(projections::pairs(Consumer::new(
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

/// Replaces the projection's handlers: these count as well.
fn connections(consumer: Consumer) -> Consumer {
    consumer
        .on::<ConnectionAccepted>(|tx, _, event| {
            Box::pin(async move {
                connect(
                    tx,
                    &event.requester_profile_id,
                    &event.addressee_profile_id,
                    event.version,
                    true,
                )
                .await
            })
        })
        .on::<ConnectionRemoved>(|tx, _, event| {
            Box::pin(async move {
                connect(
                    tx,
                    &event.requester_profile_id,
                    &event.addressee_profile_id,
                    event.version,
                    false,
                )
                .await
            })
        })
}

async fn connect(tx: &mut Tx, one: &str, other: &str, version: i32, connected: bool) -> Result<()> {
    if projections::keep_connection(&**tx, one, other, version, connected).await? {
        rows::stats::count_connections(tx, [id(one)?, id(other)?]).await?;
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
    let contact_visibility = match event.contact_visibility.as_str() {
        "owner" => ContactVisibility::Owner,
        "connections" => ContactVisibility::Connections,
        _ => return Err(Fault::internal("an unknown contact visibility")),
    };
    let private_account = event.private_account;
    Ok(Settings {
        private_account,
        contact_visibility,
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
