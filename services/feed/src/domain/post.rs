//! Posts: what they are made of, what their author may change, and what a post of each type must satisfy.

use contracts::feed::v1::{BodyFormat, PostStatus, PostType, PostVisibility};
use contracts::profile::v1::ProfileType;
use fault::Violation;
use time::OffsetDateTime;
use uuid::Uuid;

use super::publication::{Refusal, Standing, Wish};
use super::{metadata, slug};

/// Characters of a text that is not a blog post's (N-25).
const LONGEST: usize = 10_000;
/// The name in addresses of a title without any ASCII letter or digit.
const NAMELESS: &str = "post";

/// A post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    /// Its id, `UUIDv7`.
    pub(crate) id: Uuid,
    /// Its type; never changes.
    pub(crate) kind: PostType,
    /// Its author's profile.
    pub(crate) profile_id: Uuid,
    /// Its author's account.
    pub(crate) account_id: Uuid,
    /// The group it is in; never changes.
    pub(crate) group_id: Option<Uuid>,
    /// Its title.
    pub(crate) title: Option<String>,
    /// Its whole text.
    pub(crate) content: String,
    /// How the text is written.
    pub(crate) body_format: BodyFormat,
    /// Its picture.
    pub(crate) image_url: Option<String>,
    /// JSON object, verbatim.
    pub(crate) metadata: String,
    /// Folded tags.
    pub(crate) tags: Vec<String>,
    /// Who may see it.
    pub(crate) visibility: PostVisibility,
    /// Types of profile a targeted post is for.
    pub(crate) target_types: Vec<ProfileType>,
    /// Folded tags a targeted post is for.
    pub(crate) target_tags: Vec<String>,
    /// Its name in addresses; blog posts have one.
    pub(crate) slug: Option<String>,
    /// Its category, blog only.
    pub(crate) category: Option<String>,
    /// What it is about in its author's words, blog only.
    pub(crate) excerpt: Option<String>,
    /// Profiles its text mentions.
    pub(crate) mentions: Vec<Uuid>,
    /// Whether staff put it forward.
    pub(crate) is_featured: bool,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// When its content was changed after publication.
    pub(crate) edited_at: Option<OffsetDateTime>,
    /// When it was written.
    pub(crate) created_at: OffsetDateTime,
    /// When it was changed last.
    pub(crate) updated_at: OffsetDateTime,
    /// Rises with every change.
    pub(crate) version: i32,
}

/// What a request says about a post; absent things stay as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// The text.
    pub(crate) content: Option<String>,
    /// The title; inner none takes it away.
    pub(crate) title: Option<Option<String>>,
    /// The picture; inner none takes it away.
    pub(crate) image_url: Option<Option<String>>,
    /// Whether files are named.
    pub(crate) names_media: bool,
    /// The tags.
    pub(crate) tags: Option<Vec<String>>,
    /// The facts; inner none takes them away.
    pub(crate) metadata: Option<Option<String>>,
    /// Who may see it.
    pub(crate) visibility: Option<PostVisibility>,
    /// Types of profile it is for.
    pub(crate) target_types: Option<Vec<ProfileType>>,
    /// Tags it is for.
    pub(crate) target_tags: Option<Vec<String>>,
    /// How the text is written.
    pub(crate) body_format: Option<BodyFormat>,
    /// What it is about; inner none makes it from the text.
    pub(crate) excerpt: Option<Option<String>>,
    /// Its name in addresses.
    pub(crate) slug: Option<String>,
    /// Its category; inner none takes it away.
    pub(crate) category: Option<Option<String>>,
    /// What it says about publishing.
    pub(crate) wish: Wish,
}

/// Why a post cannot be as a request wants it.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The input is wrong.
    Invalid(Vec<Violation>),
    /// The input is right, but not for a post that stands where this one does.
    State(&'static str),
}

impl Post {
    /// A new post with nothing in it yet.
    pub(crate) fn blank(
        kind: PostType,
        profile_id: Uuid,
        account_id: Uuid,
        group: Option<Uuid>,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind,
            profile_id,
            account_id,
            group_id: group,
            title: None,
            content: String::new(),
            body_format: BodyFormat::Plain,
            image_url: None,
            metadata: metadata::EMPTY.to_owned(),
            tags: Vec::new(),
            visibility: if group.is_some() {
                PostVisibility::Group
            } else {
                PostVisibility::Public
            },
            target_types: Vec::new(),
            target_tags: Vec::new(),
            slug: None,
            category: None,
            excerpt: None,
            mentions: Vec::new(),
            is_featured: false,
            standing: Standing {
                status: PostStatus::Draft,
                published_at: None,
                publish_at: None,
            },
            edited_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Makes a blank post what its author's first request says.
    ///
    /// # Errors
    /// [`Refused::Invalid`] with everything that is wrong.
    pub(crate) fn fill(
        &mut self,
        mut changes: Changes,
        now: OffsetDateTime,
    ) -> Result<(), Refused> {
        // A plain event or marketplace post says so in its facts, given any or not.
        changes.metadata.get_or_insert(None);
        let standing = Standing::of_new(changes.wish, now);
        let title = changes.title.clone().flatten();
        self.apply(changes, standing)?;
        if self.kind == PostType::Blog && self.slug.is_none() {
            self.slug = title
                .as_deref()
                .and_then(slug::of)
                .or_else(|| Some(NAMELESS.to_owned()));
        }
        Ok(())
    }

    /// Changes the post and returns the names of the fields that differ now. Nothing differs: nothing was done.
    ///
    /// # Errors
    /// [`Refused::Invalid`] with everything that is wrong; [`Refused::State`] when it cannot be published or
    /// scheduled from where it stands.
    pub(crate) fn change(
        &mut self,
        changes: Changes,
        now: OffsetDateTime,
    ) -> Result<Vec<&'static str>, Refused> {
        let before = self.clone();
        let standing = self.standing.changed(changes.wish, now);
        self.apply(changes, standing)?;
        let (content, rest) = self.differences(&before);
        let changed = [content.as_slice(), rest.as_slice()].concat();
        if !changed.is_empty() {
            self.version += 1;
        }
        if !content.is_empty() && before.standing.published_at.is_some() {
            self.edited_at = Some(now);
        }
        Ok(changed)
    }

    /// Whether the post is published now.
    pub(crate) fn is_published(&self) -> bool {
        self.standing.status == PostStatus::Published
    }

    fn apply(
        &mut self,
        changes: Changes,
        standing: Result<Standing, Refusal>,
    ) -> Result<(), Refused> {
        let mut wrong = blog_only(self.kind, &changes);
        if changes.names_media {
            wrong.push(violation(
                "mediaIds",
                "must be empty: there is no media service to hold files",
            ));
        }
        wrong.extend(self.set_fields(changes));
        wrong.extend(self.unsatisfied());
        match standing {
            Ok(standing) => self.standing = standing,
            Err(Refusal::Past) => wrong.push(violation("publishAt", "must be ahead")),
            Err(Refusal::AlreadyPublished) => {
                return Err(Refused::State("A published post cannot be scheduled"));
            }
            Err(Refusal::Hidden) => {
                return Err(Refused::State(
                    "A hidden post cannot be published or taken back",
                ));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Refused::Invalid(wrong))
        }
    }

    /// Sets what is given, and says what of it is wrong by itself.
    fn set_fields(&mut self, changes: Changes) -> Vec<Violation> {
        set(&mut self.title, changes.title.map(non_empty));
        set(&mut self.content, changes.content);
        set(&mut self.image_url, changes.image_url.map(non_empty));
        set(&mut self.tags, changes.tags);
        set(&mut self.target_types, changes.target_types);
        set(&mut self.target_tags, changes.target_tags);
        set(&mut self.body_format, changes.body_format);
        set(&mut self.excerpt, changes.excerpt.map(non_empty));
        set(&mut self.category, changes.category.map(non_empty));
        // Whatever is asked for, a post in a group is seen by the group (FD-7).
        let visibility = changes.visibility.filter(|_| self.group_id.is_none());
        set(&mut self.visibility, visibility);
        let mut wrong = Vec::new();
        if let Some(facts) = changes.metadata {
            match metadata::stored(self.kind, facts.as_deref().unwrap_or(metadata::EMPTY)) {
                Ok(facts) => self.metadata = facts,
                Err(violations) => wrong.extend(violations),
            }
        }
        if let Some(name) = changes.slug.filter(|name| !name.is_empty()) {
            match slug::of(&name) {
                Some(name) => self.slug = Some(name),
                None => wrong.push(violation(
                    "slug",
                    "must have a letter from a to z or a digit",
                )),
            }
        }
        wrong
    }

    /// What a post of this type must have and has not.
    fn unsatisfied(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let is_blog = self.kind == PostType::Blog;
        if is_blog && self.title.is_none() {
            wrong.push(violation("title", "is required for a blog post"));
        }
        if !is_blog && self.content.chars().count() > LONGEST {
            wrong.push(violation("content", "must have at most 10000 characters"));
        }
        if self.visibility == PostVisibility::Group && self.group_id.is_none() {
            wrong.push(violation(
                "groupId",
                "is required when the visibility is group",
            ));
        }
        wrong
    }

    /// The fields that differ, those a reader sees as content first.
    fn differences(&self, before: &Self) -> (Vec<&'static str>, Vec<&'static str>) {
        let content = [
            ("title", self.title != before.title),
            ("content", self.content != before.content),
            ("bodyFormat", self.body_format != before.body_format),
            ("imageUrl", self.image_url != before.image_url),
            ("metadata", self.metadata != before.metadata),
            ("tags", self.tags != before.tags),
            ("excerpt", self.excerpt != before.excerpt),
        ];
        let rest = [
            ("category", self.category != before.category),
            ("slug", self.slug != before.slug),
            ("visibility", self.visibility != before.visibility),
            (
                "targetProfileTypes",
                self.target_types != before.target_types,
            ),
            ("targetTags", self.target_tags != before.target_tags),
            (
                "isPublished",
                self.standing.status != before.standing.status,
            ),
            (
                "publishAt",
                self.standing.publish_at != before.standing.publish_at,
            ),
        ];
        let names = |fields: &[(&'static str, bool)]| {
            fields
                .iter()
                .filter(|(_, differs)| *differs)
                .map(|(name, _)| *name)
                .collect()
        };
        (names(&content), names(&rest))
    }
}

/// The fields given to a post that is no blog post and cannot have them.
fn blog_only(kind: PostType, changes: &Changes) -> Vec<Violation> {
    if kind == PostType::Blog {
        return Vec::new();
    }
    let given = [
        (
            "bodyFormat",
            changes
                .body_format
                .is_some_and(|format| format != BodyFormat::Plain),
        ),
        (
            "excerpt",
            matches!(&changes.excerpt, Some(Some(text)) if !text.is_empty()),
        ),
        (
            "slug",
            matches!(&changes.slug, Some(name) if !name.is_empty()),
        ),
        (
            "category",
            matches!(&changes.category, Some(Some(text)) if !text.is_empty()),
        ),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    given
        .map(|(field, _)| violation(field, "belongs to blog posts only"))
        .collect()
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn violation(field: &str, message: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
