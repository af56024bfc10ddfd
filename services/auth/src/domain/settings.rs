//! What an account's owner can set for all its profiles (SET-1).

use contracts::auth::v1::{AllowMessages, ContactVisibility, Language, Theme};
use time::OffsetDateTime;

/// The settings of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) private_account: bool,
    pub(crate) show_activity_status: bool,
    pub(crate) allow_messages: AllowMessages,
    pub(crate) contact_visibility: ContactVisibility,
    pub(crate) theme: Theme,
    pub(crate) language: Language,
    pub(crate) timezone: String,
    pub(crate) date_format: Option<String>,
    pub(crate) updated_at: OffsetDateTime,
    pub(crate) version: i32,
}

/// What to change; `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) private_account: Option<bool>,
    pub(crate) show_activity_status: Option<bool>,
    pub(crate) allow_messages: Option<AllowMessages>,
    pub(crate) contact_visibility: Option<ContactVisibility>,
    pub(crate) theme: Option<Theme>,
    pub(crate) language: Option<Language>,
    pub(crate) timezone: Option<String>,
    /// `Some(None)` clears it.
    pub(crate) date_format: Option<Option<String>>,
}

impl Settings {
    /// Applies a change; returns whether anything is different now.
    pub(crate) fn apply(&mut self, change: Change) -> bool {
        let before = self.clone();
        set(&mut self.private_account, change.private_account);
        set(&mut self.show_activity_status, change.show_activity_status);
        set(&mut self.allow_messages, change.allow_messages);
        set(&mut self.contact_visibility, change.contact_visibility);
        set(&mut self.theme, change.theme);
        set(&mut self.language, change.language);
        set(&mut self.timezone, change.timezone);
        set(&mut self.date_format, change.date_format);
        *self != before
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
