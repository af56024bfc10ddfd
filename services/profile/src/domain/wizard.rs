//! What a POST of a profile does: keep a draft, finish one, convert the
//! placeholder, repeat itself, or make a profile (PR-8).

use std::time::Duration;

use contracts::profile::v1::ProfileType;
use time::OffsetDateTime;
use uuid::Uuid;

use super::profile::Profile;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The type of the profile.
    pub kind: ProfileType,
    /// The keyed hash of a final request; nothing when a draft is kept.
    pub finish: Option<&'a [u8]>,
    /// When it is asked.
    pub now: OffsetDateTime,
    /// How long an equal final request counts as a repeat.
    pub repeats: Duration,
}

/// What the request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An existing draft or the placeholder takes the request in.
    Into(Uuid),
    /// The request was answered already, by this profile.
    Repeat(Uuid),
    /// There is to be one more profile.
    New,
}

/// Returns what a request comes to, given the account's live profiles.
#[must_use]
pub fn way(live: &[Profile], request: &Request<'_>) -> Way {
    let draft = live
        .iter()
        .find(|profile| profile.is_draft() && profile.kind == request.kind);
    let placeholder = || live.iter().find(|profile| profile.is_placeholder);
    if let Some(profile) = draft.or_else(placeholder) {
        return Way::Into(profile.id);
    }
    let repeated = live.iter().find(|profile| is_repeat(profile, request));
    repeated.map_or(Way::New, |profile| Way::Repeat(profile.id))
}

fn is_repeat(profile: &Profile, request: &Request<'_>) -> bool {
    let Some((finished, hash)) = profile.finished.as_ref().zip(request.finish) else {
        return false;
    };
    finished.hash == hash && finished.at + request.repeats > request.now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Settings;
    use crate::domain::profile::{Finished, Whole};

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const REPEATS: Duration = Duration::from_secs(600);

    fn profile(id: u128, kind: ProfileType) -> Profile {
        let mut profile =
            Whole::new(Uuid::from_u128(id), Uuid::nil(), Settings::default(), NOW).profile;
        profile.kind = kind;
        profile
    }

    fn draft(id: u128, kind: ProfileType) -> Profile {
        let mut whole = Whole::new(Uuid::from_u128(id), Uuid::nil(), Settings::default(), NOW);
        whole.draft();
        Profile {
            kind,
            ..whole.profile
        }
    }

    fn finished(id: u128, hash: &[u8], ago: Duration) -> Profile {
        let finished = Some(Finished {
            hash: hash.to_vec(),
            at: NOW - ago,
        });
        Profile {
            finished,
            ..profile(id, ProfileType::Mentor)
        }
    }

    fn request(finish: Option<&[u8]>) -> Request<'_> {
        Request {
            kind: ProfileType::Mentor,
            finish,
            now: NOW,
            repeats: REPEATS,
        }
    }

    #[test]
    fn pr_8_the_draft_of_the_type_takes_either_post() {
        let live = [
            draft(1, ProfileType::Investor),
            draft(2, ProfileType::Mentor),
        ];
        for finish in [None, Some(&b"h"[..])] {
            assert_eq!(way(&live, &request(finish)), Way::Into(Uuid::from_u128(2)));
        }
    }

    #[test]
    fn pr_8_without_a_draft_the_placeholder_takes_either_post() {
        let mut untouched = profile(1, ProfileType::Innovator);
        untouched.is_placeholder = true;
        let live = [untouched, draft(2, ProfileType::Investor)];
        for finish in [None, Some(&b"h"[..])] {
            assert_eq!(way(&live, &request(finish)), Way::Into(Uuid::from_u128(1)));
        }
    }

    #[test]
    fn pr_8_an_equal_final_post_within_ten_minutes_is_a_repeat() {
        let minute = Duration::from_secs(60);
        let live = [finished(1, b"h", minute * 9)];
        assert_eq!(
            way(&live, &request(Some(b"h"))),
            Way::Repeat(Uuid::from_u128(1))
        );
        assert_eq!(way(&live, &request(Some(b"other"))), Way::New);
        assert_eq!(way(&live, &request(None)), Way::New);
        let old = [finished(1, b"h", minute * 10)];
        assert_eq!(way(&old, &request(Some(b"h"))), Way::New);
    }
}
