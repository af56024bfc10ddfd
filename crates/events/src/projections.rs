//! The local copies of other services' facts (PJ-1, PJ-2), and the handlers that keep them.
//!
//! Every row carries the version of the fact it was made from, and an older event never replaces a newer row. What ends
//! (a connection, a block, a membership) stays as a row with `removed_at`, so that a late, older event cannot bring it
//! back. What events did not bring about, [`nightly`] does.

mod compare;
mod ended;
mod nightly;

use contracts::Word;
use contracts::auth::v1::{AccountDeactivated, AccountDeleted, AccountReactivated};
use contracts::connection::v1::{
    ConnectionAccepted, ConnectionRemoved, ProfileBlocked, ProfileMuted, ProfileUnblocked,
    ProfileUnmuted,
};
use contracts::group::v1::{
    GroupCreated, GroupDeleted, GroupMemberJoined, GroupMemberLeft, GroupMemberRoleChanged,
    GroupUpdated,
};
use contracts::profile::v1::{
    ProfileCreated, ProfileDeleted, ProfileRef, ProfileState, ProfileType, ProfileUpdated,
    ProfileVisibility, ProfileVisibilityChanged,
};
use fault::{Fault, Result};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::Consumer;

pub use compare::{
    Accounts, Compared, Comparison, Difference, Kept, ProfilePage, Profiles, Reach, Versions,
};
pub use ended::end_pairs;
pub use nightly::nightly;

/// Keeps all five projections of PJ-1.
#[must_use]
pub fn all_five(consumer: Consumer) -> Consumer {
    pairs(accounts(profiles(consumer)))
}

/// Keeps `profile_ref`.
#[must_use]
pub fn profiles(consumer: Consumer) -> Consumer {
    consumer
        .on::<ProfileCreated>(|tx, _, event| {
            Box::pin(async move { keep_profile(&**tx, event.profile).await.map(drop) })
        })
        .on::<ProfileUpdated>(|tx, _, event| {
            Box::pin(async move { keep_profile(&**tx, event.profile).await.map(drop) })
        })
        .on::<ProfileVisibilityChanged>(|tx, _, event| {
            Box::pin(async move { keep_profile(&**tx, event.profile).await.map(drop) })
        })
        .on::<ProfileDeleted>(|tx, _, event| {
            Box::pin(async move { keep_profile(&**tx, event.profile).await.map(drop) })
        })
}

/// Keeps `account_ref`.
#[must_use]
pub fn accounts(consumer: Consumer) -> Consumer {
    consumer
        .on::<AccountDeactivated>(|tx, _, e| {
            Box::pin(async move {
                keep_account(&**tx, &e.account_id, "suspended", e.version)
                    .await
                    .map(drop)
            })
        })
        .on::<AccountReactivated>(|tx, _, e| {
            Box::pin(async move {
                keep_account(&**tx, &e.account_id, "live", e.version)
                    .await
                    .map(drop)
            })
        })
        .on::<AccountDeleted>(|tx, _, e| {
            Box::pin(async move {
                keep_account(&**tx, &e.account_id, "deleted", e.version)
                    .await
                    .map(drop)
            })
        })
}

/// Keeps `connection_ref`, `block_ref` and `mute_ref`.
#[must_use]
pub fn pairs(consumer: Consumer) -> Consumer {
    consumer
        .keeps(&["connection_ref", "block_ref", "mute_ref"])
        .on::<ConnectionAccepted>(|tx, _, e| {
            Box::pin(async move {
                keep_connection(
                    &**tx,
                    &e.requester_profile_id,
                    &e.addressee_profile_id,
                    e.version,
                    true,
                )
                .await
                .map(drop)
            })
        })
        .on::<ConnectionRemoved>(|tx, _, e| {
            Box::pin(async move {
                keep_connection(
                    &**tx,
                    &e.requester_profile_id,
                    &e.addressee_profile_id,
                    e.version,
                    false,
                )
                .await
                .map(drop)
            })
        })
        .on::<ProfileBlocked>(|tx, _, e| {
            Box::pin(async move {
                let (blocker, blocked) = (&e.blocker_account_id, &e.blocked_account_id);
                keep_block(&**tx, blocker, blocked, e.version, true).await
            })
        })
        .on::<ProfileUnblocked>(|tx, _, e| {
            Box::pin(async move {
                let (blocker, blocked) = (&e.blocker_account_id, &e.blocked_account_id);
                keep_block(&**tx, blocker, blocked, e.version, false).await
            })
        })
        .on::<ProfileMuted>(|tx, _, e| {
            Box::pin(async move {
                keep_mute(&**tx, &e.account_id, &e.muted_profile_id, e.version, true).await
            })
        })
        .on::<ProfileUnmuted>(|tx, _, e| {
            Box::pin(async move {
                keep_mute(&**tx, &e.account_id, &e.muted_profile_id, e.version, false).await
            })
        })
}

/// Keeps `group_ref` and `group_member_ref`.
#[must_use]
pub fn groups(consumer: Consumer) -> Consumer {
    consumer
        .keeps(&["group_ref", "group_member_ref"])
        .on::<GroupCreated>(|tx, _, e| {
            Box::pin(async move {
                keep_group(&**tx, &e.group_id, &e.name, &e.visibility, e.version, true).await
            })
        })
        .on::<GroupUpdated>(|tx, _, e| {
            Box::pin(async move {
                keep_group(&**tx, &e.group_id, &e.name, &e.visibility, e.version, true).await
            })
        })
        .on::<GroupDeleted>(|tx, _, e| {
            Box::pin(async move {
                keep_group(&**tx, &e.group_id, "", "private", e.version, false).await
            })
        })
        .on::<GroupMemberJoined>(|tx, _, e| {
            Box::pin(async move {
                keep_member(&**tx, &e.group_id, &e.profile_id, &e.role, e.version, true).await
            })
        })
        .on::<GroupMemberRoleChanged>(|tx, _, e| {
            Box::pin(async move {
                keep_member(&**tx, &e.group_id, &e.profile_id, &e.role, e.version, true).await
            })
        })
        .on::<GroupMemberLeft>(|tx, _, e| {
            Box::pin(async move {
                keep_member(
                    &**tx,
                    &e.group_id,
                    &e.profile_id,
                    "member",
                    e.version,
                    false,
                )
                .await
            })
        })
}

/// Stores a profile unless a newer version is known; also for what `BatchGetRefs` answered (PJ-3). Returns whether that
/// changed more than the version.
///
/// # Errors
/// `INTERNAL_ERROR` when the profile lacks what every profile has; else see [`store::fault`].
pub async fn keep_profile(on: &impl ConnectionTrait, profile: Option<ProfileRef>) -> Result<bool> {
    let profile = profile.ok_or_else(|| Fault::internal("a profile event without its profile"))?;
    let word = |found: Option<&'static str>, what: &str| {
        found.ok_or_else(|| Fault::internal(format!("a profile without {what}")))
    };
    let values = vec![
        id(&profile.profile_id)?.into(),
        id(&profile.account_id)?.into(),
        profile.display_name.clone().into(),
        profile.username.clone().into(),
        profile.avatar_url.clone().into(),
        word(ProfileType::word(profile.profile_type()), "type")?.into(),
        profile.headline.clone().into(),
        profile.location.clone().into(),
        profile.tags.clone().into(),
        profile.is_verified.into(),
        word(ProfileVisibility::word(profile.visibility()), "visibility")?.into(),
        word(ProfileState::word(profile.state()), "state")?.into(),
        profile.version.into(),
    ];
    let keep = Statement::from_sql_and_values(DbBackend::Postgres, KEEP_PROFILE, values);
    let row = on.query_one_raw(keep).await.map_err(store::fault)?;
    row.map_or(Ok(false), |row| row.try_get("", "changed"))
        .map_err(store::fault)
}

const KEEP_PROFILE: &str = "with before as (select * from profile_ref where profile_id = $1), \
     kept as (insert into profile_ref as p (profile_id, account_id, display_name, username, avatar_url, profile_type, \
         headline, location, tags, is_verified, visibility, state, version) \
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
       on conflict (profile_id) do update set account_id = excluded.account_id, display_name = excluded.display_name, \
         username = excluded.username, avatar_url = excluded.avatar_url, profile_type = excluded.profile_type, \
         headline = excluded.headline, location = excluded.location, tags = excluded.tags, \
         is_verified = excluded.is_verified, visibility = excluded.visibility, state = excluded.state, \
         version = excluded.version \
       where p.version < excluded.version returning p.*) \
     select exists (select from kept left join before using (profile_id) \
       where (to_jsonb(kept) - 'version') is distinct from (to_jsonb(before) - 'version')) as changed";

/// Stores a connection or its end; returns whether that changed who is connected.
///
/// # Errors
/// See [`store::fault`].
pub async fn keep_connection(
    on: &impl ConnectionTrait,
    one: &str,
    other: &str,
    version: i32,
    connected: bool,
) -> Result<bool> {
    let (one, other) = (id(one)?, id(other)?);
    let row = on
        .query_one_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "with before as (select removed_at is null as connected from connection_ref where profile_a = $1 and profile_b = $2), \
             kept as (insert into connection_ref as c (profile_a, profile_b, version, removed_at) \
               values ($1, $2, $3, case when $4 then null else now() end) \
               on conflict (profile_a, profile_b) do update set version = excluded.version, removed_at = excluded.removed_at \
               where c.version < excluded.version returning 1) \
             select exists (select from kept) and coalesce((select connected from before), false) <> $4 as changed",
            vec![one.min(other).into(), one.max(other).into(), version.into(), connected.into()],
        ))
        .await
        .map_err(store::fault)?;
    row.map_or(Ok(false), |row| row.try_get("", "changed"))
        .map_err(store::fault)
}

/// Stores the state of an account (live, suspended, deleted) unless a newer version is known; returns whether it did.
///
/// # Errors
/// See [`store::fault`].
pub async fn keep_account(
    on: &impl ConnectionTrait,
    account: &str,
    state: &str,
    version: i32,
) -> Result<bool> {
    let kept = run(
        on,
        "insert into account_ref as a (account_id, state, version) values ($1, $2, $3) \
         on conflict (account_id) do update set state = excluded.state, version = excluded.version \
         where a.version < excluded.version",
        vec![id(account)?.into(), state.into(), version.into()],
    )
    .await?;
    Ok(kept == 1)
}

/// Stores that an account blocks another, or no longer.
///
/// # Errors
/// See [`store::fault`].
pub async fn keep_block(
    on: &impl ConnectionTrait,
    blocker: &str,
    blocked: &str,
    version: i32,
    holds: bool,
) -> Result<()> {
    let pair = ("block_ref", "blocker_account", "blocked_account");
    keep_pair(on, pair, blocker, blocked, version, holds).await
}

/// Stores that an account does not want to hear of a profile, or does again.
///
/// # Errors
/// See [`store::fault`].
pub async fn keep_mute(
    on: &impl ConnectionTrait,
    account: &str,
    profile: &str,
    version: i32,
    holds: bool,
) -> Result<()> {
    let pair = ("mute_ref", "account_id", "muted_profile_id");
    keep_pair(on, pair, account, profile, version, holds).await
}

/// Stores a row of a table of two ids, a version and an end.
async fn keep_pair(
    on: &impl ConnectionTrait,
    (table, one, other): (&str, &str, &str),
    a: &str,
    b: &str,
    version: i32,
    holds: bool,
) -> Result<()> {
    let keep = format!(
        "insert into {table} as r ({one}, {other}, version, removed_at) \
         values ($1, $2, $3, case when $4 then null else now() end) \
         on conflict ({one}, {other}) do update \
         set version = excluded.version, removed_at = excluded.removed_at where r.version < excluded.version"
    );
    let values = vec![id(a)?.into(), id(b)?.into(), version.into(), holds.into()];
    run(on, &keep, values).await.map(drop)
}

async fn keep_group(
    on: &impl ConnectionTrait,
    group: &str,
    name: &str,
    visibility: &str,
    version: i32,
    exists: bool,
) -> Result<()> {
    run(
        on,
        "insert into group_ref as g (group_id, name, visibility, version, removed_at) \
         values ($1, $2, $3, $4, case when $5 then null else now() end) \
         on conflict (group_id) do update set name = excluded.name, visibility = excluded.visibility, \
           version = excluded.version, removed_at = excluded.removed_at \
         where g.version < excluded.version",
        vec![id(group)?.into(), name.into(), visibility.into(), version.into(), exists.into()],
    )
    .await
    .map(drop)
}

async fn keep_member(
    on: &impl ConnectionTrait,
    group: &str,
    profile: &str,
    role: &str,
    version: i32,
    member: bool,
) -> Result<()> {
    run(
        on,
        "insert into group_member_ref as m (group_id, profile_id, role, version, removed_at) \
         values ($1, $2, $3, $4, case when $5 then null else now() end) \
         on conflict (group_id, profile_id) do update set role = excluded.role, \
           version = excluded.version, removed_at = excluded.removed_at \
         where m.version < excluded.version",
        vec![
            id(group)?.into(),
            id(profile)?.into(),
            role.into(),
            version.into(),
            member.into(),
        ],
    )
    .await
    .map(drop)
}

fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(Fault::internal)
}

async fn run(on: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<u64> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let done = on.execute_raw(statement).await.map_err(store::fault)?;
    Ok(done.rows_affected())
}
