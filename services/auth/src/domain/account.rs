//! An account: one person's sign-in, one e-mail address.

use identity::Role;
use time::OffsetDateTime;
use uuid::Uuid;

/// The longest display name, in characters (N-25).
const LONGEST_NAME: usize = 255;

/// An account that is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) role: Role,
    /// False while suspended (AU-11).
    pub(crate) is_active: bool,
    pub(crate) first_login: bool,
    pub(crate) is_migrated: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_login_at: Option<OffsetDateTime>,
    /// The id its first profile has or will have (C5).
    pub(crate) initial_profile_id: Uuid,
    pub(crate) deletion_scheduled_for: Option<OffsetDateTime>,
    pub(crate) version: i32,
}

/// An account as others keep it, also when it is gone (PJ-1), with the settings its profiles follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) id: Uuid,
    pub(crate) is_active: bool,
    pub(crate) is_deleted: bool,
    pub(crate) version: i32,
    pub(crate) private_account: bool,
    pub(crate) contact_visibility: String,
    pub(crate) settings_version: i32,
}

/// The first display name: the local part of the address, ≤255 characters, never empty (C12).
pub(crate) fn first_display_name(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default().trim();
    if local.is_empty() {
        return "User".to_owned();
    }
    local.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_12_the_first_display_name_is_the_local_part_and_never_empty() {
        assert_eq!(
            first_display_name("ada.lovelace@example.com"),
            "ada.lovelace"
        );
        assert_eq!(first_display_name("@example.com"), "User");
        assert_eq!(first_display_name(" @example.com"), "User");
        let long = format!("{}@example.com", "é".repeat(300));
        assert_eq!(first_display_name(&long).chars().count(), LONGEST_NAME);
    }
}
