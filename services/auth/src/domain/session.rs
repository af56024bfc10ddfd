//! Sessions, and the generations of their refresh tokens (AU-8, AU-10).

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) active_profile_id: Uuid,
    pub(crate) device_name: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_activity_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) absolute_expires_at: OffsetDateTime,
    pub(crate) revoked_at: Option<OffsetDateTime>,
    pub(crate) version: i32,
}

impl Session {
    /// Whether it may be used at this moment.
    pub(crate) fn is_live(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Why a session ended; the words are those of `SessionRevoked` and of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// Its owner signed out.
    Logout,
    /// Its owner ended it from another session.
    Revoked,
    /// An outdated refresh token of it was presented.
    RefreshReuse,
}

impl EndReason {
    /// The word of the reason.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::RefreshReuse => "refresh_reuse",
        }
    }
}

/// One refresh token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) id: Uuid,
    pub(crate) generation: i32,
    pub(crate) issued_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
}

/// What presenting a refresh token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// It is the newest: it gets a successor.
    Newest,
    /// It is the parent of the newest, which nobody has presented yet: the same successor again.
    Parent,
    /// It is older: somebody holds a copy.
    Outdated,
}

/// Judges a presented token by its generation. The newest one was never presented, since presenting it
/// makes a newer one; so the parent is always good for the same successor, and nothing older ever is.
pub(crate) const fn judge(presented: i32, newest: i32) -> Presented {
    match newest.saturating_sub(presented) {
        0 => Presented::Newest,
        1 => Presented::Parent,
        _ => Presented::Outdated,
    }
}

/// The id of a session's first refresh token: an HMAC-SHA-256 of the session's id, so that it can be told again
/// without having been stored (ID-5).
pub(crate) fn first_jti(key: &[u8], session_id: Uuid) -> String {
    super::code::hex(&identity::keyed_hash(
        key,
        &[b"first".as_slice(), session_id.as_bytes()],
    ))
}

/// The id of a token's successor: an HMAC-SHA-256 of its own id, so that it can be told again without
/// having been stored (AU-8).
pub(crate) fn successor_jti(key: &[u8], jti: &str) -> String {
    super::code::hex(&identity::keyed_hash(key, &["successor", jti]))
}

/// When something granted now ends: after its sliding life, but never after the session's absolute end.
pub(crate) fn slide(
    now: OffsetDateTime,
    life: Duration,
    absolute: OffsetDateTime,
) -> OffsetDateTime {
    now.checked_add(time::Duration::try_from(life).unwrap_or(time::Duration::MAX))
        .map_or(absolute, |end| end.min(absolute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_8_only_the_newest_and_its_parent_are_good() {
        assert_eq!(judge(4, 4), Presented::Newest);
        assert_eq!(judge(3, 4), Presented::Parent);
        assert_eq!(judge(2, 4), Presented::Outdated);
        assert_eq!(judge(0, 4), Presented::Outdated);
    }

    #[test]
    fn au_8_a_successor_is_told_from_key_and_predecessor_alone() {
        assert_eq!(successor_jti(b"k", "a"), successor_jti(b"k", "a"));
        assert_ne!(successor_jti(b"k", "a"), successor_jti(b"k", "b"));
        assert_ne!(successor_jti(b"k", "a"), successor_jti(b"l", "a"));
    }

    #[test]
    fn id_5_a_first_token_is_told_from_key_and_session_alone() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(first_jti(b"k", a), first_jti(b"k", a));
        assert_ne!(first_jti(b"k", a), first_jti(b"k", b));
        assert_ne!(first_jti(b"k", a), first_jti(b"l", a));
    }

    #[test]
    fn au_10_a_session_slides_up_to_its_absolute_end() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let month = Duration::from_secs(2_592_000);
        assert_eq!(slide(now, month, now + month * 6), now + month);
        assert_eq!(slide(now, month, now + month / 2), now + month / 2);
        assert_eq!(slide(now, Duration::MAX, now + month), now + month);
    }
}
