//! From profiles to replies, each as far as its viewer may see.

use contracts::connection::v1::ConnectionStatus;
use contracts::profile::v1::{Profile, ProfileCard, ProfileDetail, ProfileStats};
use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::app::Seen;
use crate::domain::{self, Sight, Whole};

/// Encodes a profile (PR-1).
pub(super) fn profile(whole: Whole, sight: Sight) -> Profile {
    let metadata = whole.answers.to_json(sight.answers());
    let Whole {
        profile,
        private,
        stats,
        ..
    } = whole;
    let owner = sight.is_owner();
    Profile {
        id: profile.id.to_string(),
        user_account_id: owner.then(|| profile.account_id.to_string()),
        display_name: profile.display_name,
        username: profile.username,
        profile_type: profile.kind.into(),
        bio: profile.bio,
        avatar_url: profile.avatar_url,
        cover_image_url: profile.cover_image_url,
        location: profile.location,
        website: profile.website,
        headline: profile.headline,
        role: profile.role,
        expertise: profile.expertise,
        tags: profile.tags,
        phone: private.phone.filter(|_| sight.sees_contact()),
        is_primary: profile.is_primary,
        is_verified: profile.is_verified,
        is_featured: profile.is_featured,
        is_placeholder: profile.is_placeholder,
        status: profile.status.into(),
        visibility: profile.visibility.into(),
        completion_percentage: profile.completion,
        metadata,
        draft_data: private.draft_data.filter(|_| owner),
        view_count: owner.then_some(stats.views),
        created_at: Some(timestamp(profile.created_at)),
        updated_at: Some(timestamp(profile.updated_at)),
        version: profile.version,
    }
}

/// Encodes a profile's page: the profile, what it has done, and how the viewer stands to it.
pub(super) fn detail(seen: Seen) -> ProfileDetail {
    let stats = ProfileStats {
        posts: seen.whole.stats.posts,
        connections: seen.whole.stats.connections,
    };
    let connection_status = match (seen.sight, seen.connected) {
        (Sight::Owner, _) => ConnectionStatus::Self_,
        (_, Some(true)) => ConnectionStatus::Accepted,
        (_, Some(false)) => ConnectionStatus::None,
        (_, None) => ConnectionStatus::Unspecified,
    };
    let profile = profile(seen.whole, seen.sight);
    ProfileDetail {
        id: profile.id,
        user_account_id: profile.user_account_id,
        display_name: profile.display_name,
        username: profile.username,
        profile_type: profile.profile_type,
        bio: profile.bio,
        avatar_url: profile.avatar_url,
        cover_image_url: profile.cover_image_url,
        location: profile.location,
        website: profile.website,
        headline: profile.headline,
        role: profile.role,
        expertise: profile.expertise,
        tags: profile.tags,
        phone: profile.phone,
        is_primary: profile.is_primary,
        is_verified: profile.is_verified,
        is_featured: profile.is_featured,
        is_placeholder: profile.is_placeholder,
        status: profile.status,
        visibility: profile.visibility,
        completion_percentage: profile.completion_percentage,
        metadata: profile.metadata,
        draft_data: profile.draft_data,
        view_count: profile.view_count,
        created_at: profile.created_at,
        updated_at: profile.updated_at,
        version: profile.version,
        stats: Some(stats),
        connection_status: connection_status.into(),
        is_owner: seen.sight.is_owner(),
    }
}

/// Encodes the small form of a profile (PR-2).
pub(super) fn card(profile: &domain::Profile) -> ProfileCard {
    ProfileCard {
        id: profile.id.to_string(),
        name: profile.display_name.clone(),
        username: profile.username.clone(),
        avatar_url: profile.avatar_url.clone(),
        profile_type: profile.kind.into(),
        headline: profile.headline.clone(),
        location: profile.location.clone(),
        is_verified: profile.is_verified,
        is_deleted: profile.deleted_at.is_some(),
    }
}

fn timestamp(at: OffsetDateTime) -> Timestamp {
    // A nanosecond of a second is below 10^9 and fits.
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}
