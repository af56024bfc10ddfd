//! Rows as domain values and back.

use contracts::profile::v1::{ProfileStatus, ProfileType, ProfileVisibility};
use entity::profile::{profile_private, profile_stats, profiles};
use fault::{Fault, Result};
use sea_orm::ActiveValue::Set;

use crate::domain::{AccountState, ContactVisibility, Finished, Private, Profile, Settings, Stats};

/// Reads a row of `profiles`.
pub(super) fn profile(row: profiles::Model) -> Result<Profile> {
    Ok(Profile {
        id: row.id,
        account_id: row.user_account_id,
        kind: kind(row.profile_type),
        display_name: row.display_name,
        username: row.username,
        bio: row.bio,
        avatar_url: row.avatar_url,
        cover_image_url: row.cover_image_url,
        location: row.location,
        website: row.website,
        headline: row.headline,
        role: row.role,
        expertise: row.expertise,
        tags: row.tags,
        is_primary: row.is_primary,
        is_verified: row.is_verified,
        is_featured: row.is_featured,
        is_placeholder: row.is_placeholder,
        status: match row.status {
            profiles::Status::Draft => ProfileStatus::Draft,
            profiles::Status::Complete => ProfileStatus::Complete,
        },
        visibility: visibility(row.visibility),
        effective_visibility: visibility(row.effective_visibility),
        account_state: match row.account_state.as_str() {
            "live" => AccountState::Live,
            "suspended" => AccountState::Suspended,
            "deleted" => AccountState::Deleted,
            _ => return Err(Fault::internal("an unknown account state")),
        },
        completion: row.completion_percentage,
        finished: row
            .final_hash
            .zip(row.final_at)
            .map(|(hash, at)| Finished { hash, at }),
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
        deleted_at: row.deleted_at,
    })
}

/// Writes a row of `profiles`, whole.
pub(super) fn row(profile: &Profile) -> profiles::ActiveModel {
    profiles::ActiveModel {
        id: Set(profile.id),
        created_at: Set(profile.created_at),
        updated_at: Set(profile.updated_at),
        version: Set(profile.version),
        user_account_id: Set(profile.account_id),
        profile_type: Set(type_of(profile.kind)),
        display_name: Set(profile.display_name.clone()),
        username: Set(profile.username.clone()),
        bio: Set(profile.bio.clone()),
        avatar_url: Set(profile.avatar_url.clone()),
        cover_image_url: Set(profile.cover_image_url.clone()),
        location: Set(profile.location.clone()),
        website: Set(profile.website.clone()),
        headline: Set(profile.headline.clone()),
        role: Set(profile.role.clone()),
        expertise: Set(profile.expertise.clone()),
        tags: Set(profile.tags.clone()),
        is_primary: Set(profile.is_primary),
        is_verified: Set(profile.is_verified),
        is_featured: Set(profile.is_featured),
        is_placeholder: Set(profile.is_placeholder),
        status: Set(if profile.is_draft() {
            profiles::Status::Draft
        } else {
            profiles::Status::Complete
        }),
        visibility: Set(visibility_of(profile.visibility)),
        effective_visibility: Set(visibility_of(profile.effective_visibility)),
        account_state: Set(profile.account_state.word().to_owned()),
        completion_percentage: Set(profile.completion),
        final_hash: Set(profile
            .finished
            .as_ref()
            .map(|finished| finished.hash.clone())),
        final_at: Set(profile.finished.as_ref().map(|finished| finished.at)),
        deleted_at: Set(profile.deleted_at),
    }
}

/// Reads a row of `profile_private`.
pub(super) fn private(row: profile_private::Model) -> Result<Private> {
    Ok(Private {
        phone: row.phone,
        draft_data: row.draft_data,
        settings: Settings {
            private_account: row.private_account,
            contact_visibility: ContactVisibility::from_word(&row.contact_visibility)?,
            version: row.settings_version,
            account_version: row.account_version,
        },
    })
}

/// Writes a row of `profile_private`, whole.
pub(super) fn private_row(id: uuid::Uuid, private: &Private) -> profile_private::ActiveModel {
    let settings = private.settings;
    profile_private::ActiveModel {
        profile_id: Set(id),
        phone: Set(private.phone.clone()),
        draft_data: Set(private.draft_data.clone()),
        contact_visibility: Set(settings.contact_visibility.word().to_owned()),
        private_account: Set(settings.private_account),
        settings_version: Set(settings.version),
        account_version: Set(settings.account_version),
    }
}

/// Reads a row of `profile_stats`.
pub(super) const fn stats(row: &profile_stats::Model) -> Stats {
    Stats {
        views: row.views,
        posts: row.posts,
        connections: row.connections,
    }
}

const fn kind(row: profiles::ProfileType) -> ProfileType {
    match row {
        profiles::ProfileType::Innovator => ProfileType::Innovator,
        profiles::ProfileType::Mentor => ProfileType::Mentor,
        profiles::ProfileType::Investor => ProfileType::Investor,
        profiles::ProfileType::AcademicStudent => ProfileType::AcademicStudent,
        profiles::ProfileType::AcademicInstitution => ProfileType::AcademicInstitution,
        profiles::ProfileType::Organization => ProfileType::Organization,
        profiles::ProfileType::Professional => ProfileType::Professional,
        profiles::ProfileType::IndustryExpert => ProfileType::IndustryExpert,
    }
}

const fn type_of(kind: ProfileType) -> profiles::ProfileType {
    match kind {
        ProfileType::Innovator | ProfileType::Unspecified => profiles::ProfileType::Innovator,
        ProfileType::Mentor => profiles::ProfileType::Mentor,
        ProfileType::Investor => profiles::ProfileType::Investor,
        ProfileType::AcademicStudent => profiles::ProfileType::AcademicStudent,
        ProfileType::AcademicInstitution => profiles::ProfileType::AcademicInstitution,
        ProfileType::Organization => profiles::ProfileType::Organization,
        ProfileType::Professional => profiles::ProfileType::Professional,
        ProfileType::IndustryExpert => profiles::ProfileType::IndustryExpert,
    }
}

const fn visibility(row: profiles::Visibility) -> ProfileVisibility {
    match row {
        profiles::Visibility::Public => ProfileVisibility::Public,
        profiles::Visibility::Connections => ProfileVisibility::Connections,
        profiles::Visibility::Private => ProfileVisibility::Private,
    }
}

const fn visibility_of(visibility: ProfileVisibility) -> profiles::Visibility {
    match visibility {
        ProfileVisibility::Public | ProfileVisibility::Unspecified => profiles::Visibility::Public,
        ProfileVisibility::Connections => profiles::Visibility::Connections,
        ProfileVisibility::Private => profiles::Visibility::Private,
    }
}
