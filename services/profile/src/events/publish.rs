//! The service's events, each in the transaction of its change.

use contracts::profile::v1::{
    ProfileCompleted, ProfileCreated, ProfileDeleted, ProfilePrimaryChanged, ProfileRef,
    ProfileState, ProfileSummary, ProfileUpdated, ProfileVisibilityChanged,
};
use events::{Event, publish};
use fault::Result;
use identity::Context;
use prost::{Message, Name};
use store::Tx;

use crate::domain::Profile;

/// How much of the text about a profile travels, in characters (N-26).
const EXCERPT: usize = 200;

/// Returns what projections keep of a profile (PJ-1).
#[must_use]
pub(crate) fn reference(profile: &Profile) -> ProfileRef {
    let state = if profile.deleted_at.is_some() {
        ProfileState::Deleted
    } else {
        ProfileState::Live
    };
    ProfileRef {
        profile_id: profile.id.to_string(),
        account_id: profile.account_id.to_string(),
        display_name: profile.display_name.clone(),
        username: profile.username.clone(),
        avatar_url: profile.avatar_url.clone(),
        profile_type: profile.kind.into(),
        headline: profile.headline.clone(),
        location: profile.location.clone(),
        tags: profile.tags.clone(),
        is_verified: profile.is_verified,
        visibility: profile.effective_visibility.into(),
        state: state.into(),
        version: profile.version,
    }
}

/// Returns what the auth service lists of a profile.
#[must_use]
pub(crate) fn summary(profile: &Profile) -> ProfileSummary {
    ProfileSummary {
        bio: profile
            .bio
            .as_ref()
            .map(|bio| bio.chars().take(EXCERPT).collect()),
        status: profile.status.into(),
        is_primary: profile.is_primary,
        completion_percentage: profile.completion,
        is_placeholder: profile.is_placeholder,
    }
}

/// Says that a profile was made.
pub(crate) async fn created(tx: &mut Tx, ctx: &Context, profile: &Profile) -> Result<()> {
    let event = ProfileCreated {
        profile: Some(reference(profile)),
        summary: Some(summary(profile)),
    };
    say(tx, ctx, profile, &event).await
}

/// Says that a profile was changed, and apart that its visibility was.
pub(crate) async fn updated(
    tx: &mut Tx,
    ctx: &Context,
    profile: &Profile,
    changed: Vec<String>,
) -> Result<()> {
    let visibility = changed.iter().any(|name| name == "visibility");
    let event = ProfileUpdated {
        profile: Some(reference(profile)),
        summary: Some(summary(profile)),
        changed,
    };
    say(tx, ctx, profile, &event).await?;
    if visibility {
        visibility_changed(tx, ctx, profile).await?;
    }
    Ok(())
}

/// Says that others see more or less of a profile.
pub(crate) async fn visibility_changed(
    tx: &mut Tx,
    ctx: &Context,
    profile: &Profile,
) -> Result<()> {
    say(
        tx,
        ctx,
        profile,
        &ProfileVisibilityChanged {
            profile: Some(reference(profile)),
        },
    )
    .await
}

/// Says that the wizard of a profile was finished.
pub(crate) async fn completed(tx: &mut Tx, ctx: &Context, profile: &Profile) -> Result<()> {
    let event = ProfileCompleted {
        profile_id: profile.id.to_string(),
        account_id: profile.account_id.to_string(),
        profile_type: profile.kind.into(),
    };
    say(tx, ctx, profile, &event).await
}

/// Says that a profile was deleted, and which one is primary from now on.
pub(crate) async fn deleted(
    tx: &mut Tx,
    ctx: &Context,
    profile: &Profile,
    primary: Option<&Profile>,
) -> Result<()> {
    let new_primary_id = primary
        .map(|primary| primary.id.to_string())
        .unwrap_or_default();
    say(
        tx,
        ctx,
        profile,
        &ProfileDeleted {
            profile: Some(reference(profile)),
            new_primary_id,
        },
    )
    .await
}

/// Says that another profile is primary.
pub(crate) async fn primary_changed(
    tx: &mut Tx,
    ctx: &Context,
    new: &Profile,
    old: &Profile,
) -> Result<()> {
    let event = ProfilePrimaryChanged {
        account_id: new.account_id.to_string(),
        profile_id: new.id.to_string(),
        previous_profile_id: old.id.to_string(),
        version: new.version,
        previous_version: old.version,
    };
    say(tx, ctx, new, &event).await
}

async fn say<M: Message + Name>(
    tx: &mut Tx,
    ctx: &Context,
    profile: &Profile,
    event: &M,
) -> Result<()> {
    publish(tx, ctx, Event::of(profile.id, profile.version, event)).await
}
