//! What a profile takes from its account: state and settings.

use contracts::profile::v1::ProfileVisibility;
use fault::{Fault, Result};

/// Whether the account of a profile is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// In use.
    Live,
    /// Suspended: nothing of it is shown.
    Suspended,
    /// Gone for good.
    Deleted,
}

impl AccountState {
    /// The word it is stored and compared by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }
}

/// Who sees the contact data of an account's profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContactVisibility {
    /// The owner only.
    #[default]
    Owner,
    /// Accepted connections too.
    Connections,
}

impl ContactVisibility {
    /// The word it is stored and told by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Connections => "connections",
        }
    }

    /// Reads that word.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` for any other.
    pub fn from_word(word: &str) -> Result<Self> {
        let all = [Self::Owner, Self::Connections];
        let known = all.into_iter().find(|one| one.word() == word);
        known.ok_or_else(|| Fault::internal("an unknown contact visibility"))
    }
}

/// The account settings that decide what others see of its profiles, and how
/// new what is known of the account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether only connections see the account's profiles.
    pub private_account: bool,
    /// Who sees contact data.
    pub contact_visibility: ContactVisibility,
    /// The version of the settings; 0 before the first change.
    pub version: i32,
    /// The version of the account's state, which travels apart; 0 before the first change.
    pub account_version: i32,
}

/// Returns the stricter of a profile's own visibility and its account's (VIS-2).
#[must_use]
pub const fn effective_visibility(
    own: ProfileVisibility,
    private_account: bool,
) -> ProfileVisibility {
    match (own, private_account) {
        (ProfileVisibility::Private, _) => ProfileVisibility::Private,
        (ProfileVisibility::Connections, _) | (_, true) => ProfileVisibility::Connections,
        (ProfileVisibility::Public | ProfileVisibility::Unspecified, false) => {
            ProfileVisibility::Public
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::profile::v1::ProfileVisibility::{Connections, Private, Public};

    use super::effective_visibility;

    #[test]
    fn vis_2_the_stricter_of_profile_and_account_holds() {
        for (own, private_account, effective) in [
            (Public, false, Public),
            (Public, true, Connections),
            (Connections, false, Connections),
            (Connections, true, Connections),
            (Private, false, Private),
            (Private, true, Private),
        ] {
            assert_eq!(
                effective_visibility(own, private_account),
                effective,
                "{own:?} {private_account}"
            );
        }
    }
}
