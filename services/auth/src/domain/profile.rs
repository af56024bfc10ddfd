//! What the auth service knows of an account's profiles.

use contracts::profile::v1::{ProfileRef, ProfileStatus, ProfileSummary, ProfileType};
use uuid::Uuid;

use super::account::{Account, first_display_name};

/// The floor of every profile's completion (N-30).
const COMPLETION_FLOOR: i32 = 20;

/// One live profile of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnProfile {
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) display_name: String,
    pub(crate) profile_type: ProfileType,
    pub(crate) avatar_url: Option<String>,
    pub(crate) bio: Option<String>,
    pub(crate) status: ProfileStatus,
    pub(crate) is_primary: bool,
    pub(crate) completion: i32,
    pub(crate) version: i32,
}

impl OwnProfile {
    /// The profile a new account has or will have, by the same rule the profile service makes it (AU-6).
    pub(crate) fn placeholder(account: &Account) -> Self {
        Self {
            id: account.initial_profile_id,
            account_id: account.id,
            display_name: first_display_name(&account.email),
            profile_type: ProfileType::Innovator,
            avatar_url: None,
            bio: None,
            status: ProfileStatus::Draft,
            is_primary: true,
            completion: COMPLETION_FLOOR,
            version: 0,
        }
    }

    /// Reads what the profile service says of a profile; `None` if its ids are none.
    pub(crate) fn told(profile: &ProfileRef, summary: &ProfileSummary) -> Option<Self> {
        Some(Self {
            id: profile.profile_id.parse().ok()?,
            account_id: profile.account_id.parse().ok()?,
            display_name: profile.display_name.clone(),
            profile_type: profile.profile_type(),
            avatar_url: profile.avatar_url.clone(),
            bio: summary.bio.clone(),
            status: summary.status(),
            is_primary: summary.is_primary,
            completion: summary.completion_percentage,
            version: profile.version,
        })
    }
}

/// The profile a new session of the account acts as.
pub(crate) fn acting(profiles: &[OwnProfile], account: &Account) -> Uuid {
    profiles
        .iter()
        .find(|profile| profile.is_primary)
        .or_else(|| profiles.first())
        .map_or(account.initial_profile_id, |profile| profile.id)
}
