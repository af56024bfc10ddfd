//! User names nobody may take (PR-19).

/// Names that mean something in a route or pretend to be the house.
const RESERVED: [&str; 62] = [
    "about",
    "account",
    "accounts",
    "activity",
    "admin",
    "administrator",
    "api",
    "auth",
    "blog",
    "bookmarks",
    "bulk",
    "bulk-create",
    "comments",
    "completion",
    "connections",
    "conversations",
    "current-user",
    "current_user",
    "dev",
    "directory",
    "discover",
    "docs",
    "events",
    "featured",
    "feed",
    "full",
    "groups",
    "health",
    "help",
    "home",
    "jobs",
    "login",
    "logout",
    "marketplace",
    "me",
    "media",
    "messages",
    "metrics",
    "migration",
    "moderation",
    "notifications",
    "posts",
    "primary",
    "profile",
    "profiles",
    "questions",
    "reports",
    "root",
    "search",
    "sessions",
    "set-primary",
    "settings",
    "smilefactory",
    "staff",
    "support",
    "switch",
    "system",
    "user",
    "username-available",
    "users",
    "verification",
    "visibility",
];

/// Returns whether a normalised user name is kept back.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{RESERVED, is_reserved};

    #[test]
    fn pr_19_words_of_routes_and_of_the_house_are_reserved() {
        assert!(RESERVED.is_sorted());
        for name in [
            "me",
            "current-user",
            "admin",
            "staff",
            "support",
            "system",
            "api",
            "directory",
            "search",
            "switch",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!is_reserved("ada.lovelace"));
    }
}
