//! What an owner changes in a profile, and what follows from it (PR-7, PR-10,
//! PR-13, PR-14, PR-16).

use contracts::profile::v1::{ProfileType, ProfileVisibility};

use super::answers::AnswerChange;
use super::derive::{self, Derived};
use super::profile::Whole;

/// What happens to a value that may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// It stays.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(String),
}

impl Change {
    fn apply(&self, value: &mut Option<String>) {
        match self {
            Self::Keep => {}
            Self::Clear => *value = None,
            Self::Set(text) => *value = Some(text.clone()),
        }
    }
}

/// The fields and answers of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The type.
    pub kind: Option<ProfileType>,
    /// The name.
    pub display_name: Option<String>,
    /// The text about the profile.
    pub bio: Change,
    /// Where the profile is.
    pub location: Change,
    /// The profile's site.
    pub website: Change,
    /// The user name.
    pub username: Change,
    /// The phone number.
    pub phone: Change,
    /// The line about the profile.
    pub headline: Change,
    /// The picture.
    pub avatar_url: Change,
    /// The picture at the head of the page.
    pub cover_image_url: Change,
    /// The tags.
    pub tags: Option<Vec<String>>,
    /// Who may see the profile.
    pub visibility: Option<ProfileVisibility>,
    /// What the unfinished wizard keeps.
    pub draft_data: Change,
    /// The answers.
    pub answers: Vec<(String, AnswerChange)>,
}

/// Where a name comes from when none is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Naming<'a> {
    /// The last resort: the primary profile's name.
    pub fallback: Option<&'a str>,
    /// Whether nobody chose the present name, so that answers may replace it.
    pub replaceable: bool,
}

impl Whole {
    /// Applies a request to the profile and all that follows from it.
    pub fn apply(&mut self, changes: &Changes, naming: Naming<'_>) {
        let before = (self.profile.kind, self.profile.display_name.clone());
        let known = Derived::from(&self.answers);
        for (key, change) in &changes.answers {
            self.answers.apply(key, change);
        }
        self.set(changes);
        self.fill(changes, naming, &known, Derived::from(&self.answers));
        if before != (self.profile.kind, self.profile.display_name.clone()) {
            self.profile.is_verified = false;
        }
        self.profile.role = derive::role(self.profile.kind, &self.answers);
        self.profile.expertise = derive::expertise(self.profile.kind, &self.answers);
        self.count();
    }

    /// Sets what the request gives.
    fn set(&mut self, changes: &Changes) {
        let profile = &mut self.profile;
        profile.kind = changes.kind.unwrap_or(profile.kind);
        changes.bio.apply(&mut profile.bio);
        changes.location.apply(&mut profile.location);
        changes.website.apply(&mut profile.website);
        changes.username.apply(&mut profile.username);
        changes.headline.apply(&mut profile.headline);
        changes.avatar_url.apply(&mut profile.avatar_url);
        changes.cover_image_url.apply(&mut profile.cover_image_url);
        changes.phone.apply(&mut self.private.phone);
        changes.draft_data.apply(&mut self.private.draft_data);
        if let Some(tags) = &changes.tags {
            profile.tags.clone_from(tags);
        }
        if let Some(visibility) = changes.visibility {
            profile.show_to(visibility, &self.private.settings);
        }
    }

    /// Fills what the request does not give from the answers. A value that came
    /// from answers follows them; one that was set by hand stays.
    fn fill(&mut self, changes: &Changes, naming: Naming<'_>, known: &Derived, found: Derived) {
        let profile = &mut self.profile;
        follow(
            &changes.location,
            &mut profile.location,
            known.location.as_ref(),
            found.location,
        );
        follow(
            &changes.phone,
            &mut self.private.phone,
            known.phone.as_ref(),
            found.phone,
        );

        let given = changes
            .display_name
            .clone()
            .filter(|name| derive::is_name(name));
        let present = Some(profile.display_name.clone()).filter(|name| derive::is_name(name));
        let replaceable = naming.replaceable || present.is_none() || present == known.display_name;
        let name = match (given, replaceable) {
            (Some(name), _) => Some(name),
            (None, true) => found
                .display_name
                .or(present)
                .or_else(|| naming.fallback.map(str::to_owned)),
            (None, false) => present,
        };
        profile.display_name = name.unwrap_or_default();
    }
}

fn follow(
    change: &Change,
    value: &mut Option<String>,
    known: Option<&String>,
    found: Option<String>,
) {
    let came_from_answers = value.is_none() || value.as_ref() == known;
    if *change == Change::Keep && came_from_answers && known != found.as_ref() {
        *value = found;
    }
}

/// Names the fields in which two states of a profile differ, in camelCase.
#[must_use]
pub fn changed(before: &Whole, after: &Whole) -> Vec<String> {
    let (old, new) = (&before.profile, &after.profile);
    let fields = [
        ("displayName", old.display_name != new.display_name),
        ("username", old.username != new.username),
        ("profileType", old.kind != new.kind),
        ("bio", old.bio != new.bio),
        ("avatarUrl", old.avatar_url != new.avatar_url),
        ("coverImageUrl", old.cover_image_url != new.cover_image_url),
        ("location", old.location != new.location),
        ("website", old.website != new.website),
        ("headline", old.headline != new.headline),
        ("role", old.role != new.role),
        ("expertise", old.expertise != new.expertise),
        ("tags", old.tags != new.tags),
        ("phone", before.private.phone != after.private.phone),
        ("isVerified", old.is_verified != new.is_verified),
        ("isPlaceholder", old.is_placeholder != new.is_placeholder),
        ("status", old.status != new.status),
        (
            "visibility",
            (old.visibility, old.effective_visibility)
                != (new.visibility, new.effective_visibility),
        ),
        ("completionPercentage", old.completion != new.completion),
        ("metadata", before.answers != after.answers),
        (
            "draftData",
            before.private.draft_data != after.private.draft_data,
        ),
    ];
    fields
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
