//! A profile as the service holds it, split like its tables.

use contracts::profile::v1::{ProfileStatus, ProfileType, ProfileVisibility};
use time::OffsetDateTime;
use uuid::Uuid;

use super::account::{AccountState, Settings, effective_visibility};
use super::answers::{self, Answers};
use super::completion::{FLOOR, Filled};

/// The last POST that finished a profile, by which a repeat is known (PR-8d).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Keyed hash of the request.
    pub hash: Vec<u8>,
    /// When it was answered.
    pub at: OffsetDateTime,
}

/// What a profile is to others, and what projections keep of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its id.
    pub id: Uuid,
    /// Its account.
    pub account_id: Uuid,
    /// Its type.
    pub kind: ProfileType,
    /// The name it goes by, never blank.
    pub display_name: String,
    /// The user name, lower case and without `@`.
    pub username: Option<String>,
    /// A text about it.
    pub bio: Option<String>,
    /// The picture.
    pub avatar_url: Option<String>,
    /// The picture at the head of the page.
    pub cover_image_url: Option<String>,
    /// Where it is.
    pub location: Option<String>,
    /// Its site.
    pub website: Option<String>,
    /// One line about it.
    pub headline: Option<String>,
    /// What it does (PR-16).
    pub role: Option<String>,
    /// What it knows (PR-16).
    pub expertise: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it is the account's primary profile (PR-4).
    pub is_primary: bool,
    /// Whether staff confirmed who it is (PR-13).
    pub is_verified: bool,
    /// Whether staff put it forward (PR-13).
    pub is_featured: bool,
    /// Whether it is the untouched profile made at the first sign-in.
    pub is_placeholder: bool,
    /// Whether the wizard was finished.
    pub status: ProfileStatus,
    /// Who may see it, as its owner chose.
    pub visibility: ProfileVisibility,
    /// Who may see it in effect (VIS-2).
    pub effective_visibility: ProfileVisibility,
    /// Whether its account is in use.
    pub account_state: AccountState,
    /// Share of the questionnaire that is answered, in percent.
    pub completion: i32,
    /// The last POST that finished it.
    pub finished: Option<Finished>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its content last changed.
    pub updated_at: OffsetDateTime,
    /// Rises with every change of its content.
    pub version: i32,
    /// When it was deleted.
    pub deleted_at: Option<OffsetDateTime>,
}

impl Profile {
    /// Returns whether its wizard is unfinished.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.status == ProfileStatus::Draft
    }

    /// Raises the version for a change made now.
    pub fn touch(&mut self, now: OffsetDateTime) {
        self.version = self.version.saturating_add(1);
        self.updated_at = now;
    }

    /// Sets who may see it.
    pub fn show_to(&mut self, visibility: ProfileVisibility, settings: &Settings) {
        self.visibility = visibility;
        self.effective_visibility = effective_visibility(visibility, settings.private_account);
    }

    /// Takes everything personal away; what stays only says that it was there.
    pub fn erase(&mut self, now: OffsetDateTime) {
        *self = Self {
            kind: self.kind,
            display_name: "Deleted user".to_owned(),
            created_at: self.created_at,
            version: self.version,
            account_state: self.account_state,
            deleted_at: Some(now),
            ..Self::blank(self.id, self.account_id, now)
        };
        self.touch(now);
    }

    /// Returns a nameless innovator's profile, finished and public.
    fn blank(id: Uuid, account_id: Uuid, now: OffsetDateTime) -> Self {
        Self {
            id,
            account_id,
            kind: ProfileType::Innovator,
            display_name: String::new(),
            username: None,
            bio: None,
            avatar_url: None,
            cover_image_url: None,
            location: None,
            website: None,
            headline: None,
            role: None,
            expertise: Vec::new(),
            tags: Vec::new(),
            is_primary: false,
            is_verified: false,
            is_featured: false,
            is_placeholder: false,
            status: ProfileStatus::Complete,
            visibility: ProfileVisibility::Public,
            effective_visibility: ProfileVisibility::Public,
            account_state: AccountState::Live,
            completion: FLOOR,
            finished: None,
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }
}

/// What others see of a profile only by the account's leave, or never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Private {
    /// The phone number.
    pub phone: Option<String>,
    /// What the unfinished wizard keeps, as a JSON object.
    pub draft_data: Option<String>,
    /// The account's settings.
    pub settings: Settings,
}

/// Counters of a profile, which its content does not depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How often its page was seen.
    pub views: i32,
    /// Its published posts.
    pub posts: i32,
    /// Its accepted connections.
    pub connections: i32,
}

/// A profile with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What it is to others.
    pub profile: Profile,
    /// What only some see.
    pub private: Private,
    /// The answers to its questionnaire.
    pub answers: Answers,
    /// What it has done, as last read.
    pub stats: Stats,
}

impl Whole {
    /// Returns a nameless new profile of an account with these settings.
    #[must_use]
    pub fn new(id: Uuid, account_id: Uuid, settings: Settings, now: OffsetDateTime) -> Self {
        let mut profile = Profile::blank(id, account_id, now);
        profile.show_to(ProfileVisibility::Public, &settings);
        Self {
            profile,
            private: Private {
                settings,
                ..Private::default()
            },
            answers: Answers::default(),
            stats: Stats::default(),
        }
    }

    /// Returns the profile an account gets at its first sign-in (AU-6).
    #[must_use]
    pub fn placeholder(id: Uuid, account_id: Uuid, name: &str, now: OffsetDateTime) -> Self {
        let mut whole = Self::new(id, account_id, Settings::default(), now);
        name.trim().clone_into(&mut whole.profile.display_name);
        whole.profile.is_placeholder = true;
        whole.profile.is_primary = true;
        whole
    }

    /// Begins or goes on with the wizard: the profile is a draft from now on.
    pub fn draft(&mut self) {
        self.profile.status = ProfileStatus::Draft;
        self.profile.is_placeholder = false;
        self.count();
    }

    /// Ends the wizard; what it kept goes.
    pub fn finish(&mut self, finished: Finished) {
        self.profile.status = ProfileStatus::Complete;
        self.profile.is_placeholder = false;
        self.profile.finished = Some(finished);
        self.private.draft_data = None;
        self.count();
    }

    /// Counts completion anew (PR-14).
    pub fn count(&mut self) {
        let draft = self
            .private
            .draft_data
            .as_deref()
            .map(answers::draft)
            .unwrap_or_default();
        let filled = Filled {
            answers: &self.answers,
            draft: &draft,
            bio: self.profile.bio.as_deref(),
            website: self.profile.website.as_deref(),
        };
        self.profile.completion = filled.percentage(self.profile.kind);
    }
}
