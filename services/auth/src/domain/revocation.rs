//! What makes unexpired access tokens useless (AU-9).

use contracts::auth::v1::RevocationKind;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Which tokens a revocation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of one session.
    Session,
    /// Those naming a profile, issued up to its second.
    Profile,
    /// Those of an account, issued up to its second with the old role.
    Role,
    /// Those of an account, issued up to its second.
    Account,
}

impl Kind {
    /// The word in the `kind` column.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Profile => "profile",
            Self::Role => "role",
            Self::Account => "account",
        }
    }

    /// Reads the word of the `kind` column.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Session, Self::Profile, Self::Role, Self::Account]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    /// The kind as the contract says it.
    pub(crate) const fn contract(self) -> RevocationKind {
        match self {
            Self::Session => RevocationKind::Session,
            Self::Profile => RevocationKind::Profile,
            Self::Role => RevocationKind::Role,
            Self::Account => RevocationKind::Account,
        }
    }
}

/// One row of the revocation table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) seq: i64,
    pub(crate) kind: Kind,
    pub(crate) subject_id: Uuid,
    pub(crate) effective_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
}

/// How long a revocation must be remembered: the life of an access token, the second it may be minted
/// ahead, and the leeway of clocks on both ends.
pub(crate) fn memory(access_lifetime: std::time::Duration) -> Duration {
    Duration::seconds(2 * identity::access::LEEWAY + 1)
        .saturating_add(Duration::try_from(access_lifetime).unwrap_or(Duration::MAX))
}

/// The issue time of a token minted at `now`, when the newest revocation that would hit a token of this
/// second is effective at `newest`: one second later, so that the new token outlives it (AU-9).
pub(crate) fn issue_second(now: OffsetDateTime, newest: Option<OffsetDateTime>) -> i64 {
    let now = now.unix_timestamp();
    match newest {
        Some(effective) if effective.unix_timestamp() >= now => effective.unix_timestamp() + 1,
        _ => now,
    }
}

/// When a revocation made at `now` takes effect: one second after the newest one that is as late as this
/// second, for tokens were minted ahead because of that one; else now.
pub(crate) fn effective_at(now: OffsetDateTime, newest: Option<OffsetDateTime>) -> OffsetDateTime {
    match newest {
        Some(effective) if effective.unix_timestamp() >= now.unix_timestamp() => {
            effective + Duration::SECOND
        }
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_9_a_token_minted_in_the_second_of_a_revocation_gets_the_next_one() {
        let at = |millis: i64| OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(millis);
        assert_eq!(issue_second(at(5_900), None), 5);
        assert_eq!(issue_second(at(5_900), Some(at(4_999))), 5);
        assert_eq!(issue_second(at(5_900), Some(at(5_100))), 6);
        assert_eq!(issue_second(at(5_100), Some(at(5_900))), 6);
    }

    #[test]
    fn au_9_of_two_revocations_in_a_second_the_later_hits_what_was_minted_between() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(5_100);
        let first = effective_at(now, None);
        let minted = issue_second(now, Some(first));
        let second = effective_at(now, Some(first));
        assert!(minted <= second.unix_timestamp());
        assert!(issue_second(now, Some(second)) > second.unix_timestamp());
        assert_eq!(effective_at(now, Some(now - Duration::SECOND)), now);
    }

    #[test]
    fn kinds_keep_their_words() {
        for kind in [Kind::Session, Kind::Profile, Kind::Role, Kind::Account] {
            assert_eq!(Kind::of(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of("family"), None);
    }
}
