//! How much of a profile a viewer sees (PR-11).

use super::account::ContactVisibility;
use super::answers::Class;

/// How a viewer who may see a profile stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A stranger, or a connection whom contact data is not shown.
    Stranger,
    /// A connection whom contact data is shown.
    Contact,
    /// Its owner.
    Owner,
}

impl Sight {
    /// Returns the sight of somebody who is not the owner.
    #[must_use]
    pub const fn of_other(connected: bool, contact_visibility: ContactVisibility) -> Self {
        match (connected, contact_visibility) {
            (true, ContactVisibility::Connections) => Self::Contact,
            (true, ContactVisibility::Owner) | (false, _) => Self::Stranger,
        }
    }

    /// Returns whether owner-only fields are shown.
    #[must_use]
    pub fn is_owner(self) -> bool {
        self == Self::Owner
    }

    /// Returns whether contact data is shown.
    #[must_use]
    pub const fn sees_contact(self) -> bool {
        matches!(self, Self::Contact | Self::Owner)
    }

    /// Returns the innermost class of answers that is shown.
    #[must_use]
    pub const fn answers(self) -> Class {
        match self {
            Self::Stranger => Class::Public,
            Self::Contact => Class::Contact,
            Self::Owner => Class::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ContactVisibility, Sight};

    #[test]
    fn pr_11_contact_data_needs_a_connection_and_the_accounts_consent() {
        assert_eq!(
            Sight::of_other(true, ContactVisibility::Connections),
            Sight::Contact
        );
        assert_eq!(
            Sight::of_other(true, ContactVisibility::Owner),
            Sight::Stranger
        );
        assert_eq!(
            Sight::of_other(false, ContactVisibility::Connections),
            Sight::Stranger
        );
    }
}
