//! Names and passwords of the database roles, one per service (DB-1).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The role that owns every schema and runs the migrations.
pub const OWNER: &str = "sf_owner";

/// Returns the login role of a service: `sf_<service>`.
#[must_use]
pub fn of(service: &str) -> String {
    format!("sf_{service}")
}

/// Returns the schema a service owns: its own name, except `account` for auth and `community` for group.
#[must_use]
pub fn schema(service: &str) -> &str {
    match service {
        "auth" => "account",
        "group" => "community",
        other => other,
    }
}

/// Returns the password of a role, derived from the one role secret of the deployment: 64 hexadecimal digits
/// of HMAC-SHA-256 over the role's name, so that migrations and services agree without a list of passwords.
#[must_use]
pub fn password(secret: &[u8], role: &str) -> String {
    // HMAC takes keys of any length, so the error arm is never reached.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(b"smilefactory database role\0");
    mac.update(role.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn db_1_schemas_and_roles_follow_the_service_name() {
        assert_eq!((of("feed").as_str(), schema("feed")), ("sf_feed", "feed"));
        assert_eq!(
            (of("auth").as_str(), schema("auth")),
            ("sf_auth", "account")
        );
        assert_eq!(
            (of("group").as_str(), schema("group")),
            ("sf_group", "community")
        );
    }

    #[test]
    fn db_1_passwords_differ_by_role_and_by_secret() {
        let a = password(b"one", "sf_feed");
        assert_eq!(a.len(), 64);
        assert_eq!(a, password(b"one", "sf_feed"));
        assert_ne!(a, password(b"one", "sf_auth"));
        assert_ne!(a, password(b"two", "sf_feed"));
    }
}
