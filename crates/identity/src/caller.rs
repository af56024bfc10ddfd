//! Accounts, profiles and roles as a request sees them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an account may do beyond its own things. Roles are ordered: each may do what the
/// ones before it may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Role {
    /// Everyone.
    #[default]
    User,
    /// Moderators and operators.
    Staff,
    /// Operators who may also change roles.
    Admin,
}

impl Role {
    /// Returns the word of tokens and database rows: `user`, `staff` or `admin`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// Whether the role reaches staff routes: staff and admin do.
    pub fn is_staff(self) -> bool {
        self >= Self::Staff
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of user, staff, admin")
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        [Self::User, Self::Staff, Self::Admin]
            .into_iter()
            .find(|r| r.word() == word)
            .ok_or(UnknownRole)
    }
}

/// Who a request acts for, as the edge verified it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The account: claim `sub`.
    pub account_id: Uuid,
    /// The profile acted as: claim `profileId`.
    pub profile_id: Uuid,
    /// The session: claim `sid`.
    pub session_id: Uuid,
    /// The role at the time the token was issued.
    pub role: Role,
}

/// Who looks: the input of the visibility rule. Nobody for anonymous requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// The active profile.
    pub profile_id: Option<Uuid>,
    /// The account that owns it.
    pub account_id: Option<Uuid>,
}

impl From<&Caller> for Viewer {
    fn from(caller: &Caller) -> Self {
        Self {
            profile_id: Some(caller.profile_id),
            account_id: Some(caller.account_id),
        }
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(word: String) -> Result<Self, UnknownRole> {
        word.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_spelled_exactly() {
        assert!(Role::Admin.is_staff() && Role::Staff.is_staff() && !Role::User.is_staff());
        for role in [Role::User, Role::Staff, Role::Admin] {
            assert_eq!(role.word().parse(), Ok(role));
        }
        assert_eq!("ADMIN".parse::<Role>(), Err(UnknownRole));
    }
}
