//! The way of a post from draft to published and back (FD-15).

use contracts::feed::v1::PostStatus;
use time::OffsetDateTime;

/// Where a post stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Draft, scheduled, published, hidden or archived.
    pub(crate) status: PostStatus,
    /// When it was published first.
    pub(crate) published_at: Option<OffsetDateTime>,
    /// When it is going to be published.
    pub(crate) publish_at: Option<OffsetDateTime>,
}

/// What a request says about publishing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// `isPublished`, when given.
    pub(crate) published: Option<bool>,
    /// `publishAt`: outer none when absent, inner none for null.
    pub(crate) publish_at: Option<Option<OffsetDateTime>>,
}

/// Why a wish cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `publishAt` is not ahead.
    Past,
    /// A published post cannot be scheduled.
    AlreadyPublished,
    /// Moderation hid the post.
    Hidden,
}

impl Standing {
    /// Where a new post stands: a time schedules it, `isPublished: false` keeps it as a draft, else it is published now.
    pub(crate) fn of_new(wish: Wish, now: OffsetDateTime) -> Result<Self, Refusal> {
        let draft = Self {
            status: PostStatus::Draft,
            published_at: None,
            publish_at: None,
        };
        match (wish.publish_at.flatten(), wish.published) {
            (Some(at), _) => draft.scheduled(at, now),
            (None, Some(false)) => Ok(draft),
            (None, Some(true) | None) => Ok(draft.published(now)),
        }
    }

    /// Where the post stands after a change; a time beats `isPublished`, and taking the time back makes a draft.
    pub(crate) fn changed(self, wish: Wish, now: OffsetDateTime) -> Result<Self, Refusal> {
        if wish == Wish::default() {
            return Ok(self);
        }
        match self.status {
            PostStatus::Draft | PostStatus::Scheduled => match (wish.publish_at, wish.published) {
                (Some(Some(at)), _) => self.scheduled(at, now),
                (_, Some(true)) => Ok(self.published(now)),
                (Some(None), _) | (None, Some(false)) => Ok(self.drafted()),
                (None, None) => Ok(self),
            },
            PostStatus::Published => match (wish.publish_at, wish.published) {
                (Some(Some(_)), _) => Err(Refusal::AlreadyPublished),
                (_, Some(false)) => Ok(self.drafted()),
                (Some(None) | None, Some(true) | None) => Ok(self),
            },
            PostStatus::Hidden | PostStatus::Archived | PostStatus::Unspecified => {
                Err(Refusal::Hidden)
            }
        }
    }

    /// Whether this is the first publication of a post that stood at `before`.
    pub(crate) fn is_first_publication(&self, before: &Self) -> bool {
        self.published_at.is_some() && before.published_at.is_none()
    }

    fn scheduled(self, at: OffsetDateTime, now: OffsetDateTime) -> Result<Self, Refusal> {
        if at <= now {
            return Err(Refusal::Past);
        }
        Ok(Self {
            status: PostStatus::Scheduled,
            publish_at: Some(at),
            ..self
        })
    }

    fn published(self, now: OffsetDateTime) -> Self {
        let published_at = self.published_at.or(Some(now));
        Self {
            status: PostStatus::Published,
            published_at,
            publish_at: None,
        }
    }

    fn drafted(self) -> Self {
        Self {
            status: PostStatus::Draft,
            publish_at: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn wish(published: Option<bool>, publish_at: Option<Option<OffsetDateTime>>) -> Wish {
        Wish {
            published,
            publish_at,
        }
    }

    fn later() -> OffsetDateTime {
        NOW + Duration::HOUR
    }

    #[test]
    fn fd_15_a_new_post_is_published_kept_or_scheduled() {
        let now = Standing::of_new(wish(None, None), NOW).unwrap();
        assert_eq!(
            (now.status, now.published_at),
            (PostStatus::Published, Some(NOW))
        );
        let kept = Standing::of_new(wish(Some(false), None), NOW).unwrap();
        assert_eq!((kept.status, kept.published_at), (PostStatus::Draft, None));
        let planned = Standing::of_new(wish(None, Some(Some(later()))), NOW).unwrap();
        assert_eq!(
            (planned.status, planned.publish_at),
            (PostStatus::Scheduled, Some(later()))
        );
        assert_eq!(
            Standing::of_new(wish(None, Some(Some(NOW))), NOW),
            Err(Refusal::Past)
        );
    }

    #[test]
    fn fd_15_the_first_publication_sets_the_time_for_good() {
        let first = Standing::of_new(wish(None, None), NOW).unwrap();
        let back = first.changed(wish(Some(false), None), later()).unwrap();
        assert_eq!(
            (back.status, back.published_at),
            (PostStatus::Draft, Some(NOW))
        );
        let again = back.changed(wish(Some(true), None), later()).unwrap();
        assert_eq!(
            (again.status, again.published_at),
            (PostStatus::Published, Some(NOW))
        );
        assert!(!again.is_first_publication(&back));
    }

    #[test]
    fn fd_15_a_scheduled_post_is_moved_published_or_taken_back() {
        let planned = Standing::of_new(wish(None, Some(Some(later()))), NOW).unwrap();
        let moved = planned
            .changed(wish(None, Some(Some(later() + Duration::HOUR))), NOW)
            .unwrap();
        assert_eq!(moved.publish_at, Some(later() + Duration::HOUR));
        assert_eq!(
            planned.changed(wish(None, Some(None)), NOW).unwrap().status,
            PostStatus::Draft
        );
        let published = planned.changed(wish(Some(true), None), NOW).unwrap();
        assert_eq!(
            (published.status, published.publish_at),
            (PostStatus::Published, None)
        );
        assert!(published.is_first_publication(&planned));
    }

    #[test]
    fn fd_15_a_published_post_cannot_be_scheduled_and_a_hidden_one_not_moved() {
        let published = Standing::of_new(wish(None, None), NOW).unwrap();
        assert_eq!(
            published.changed(wish(None, Some(Some(later()))), NOW),
            Err(Refusal::AlreadyPublished)
        );
        let hidden = Standing {
            status: PostStatus::Hidden,
            ..published
        };
        assert_eq!(
            hidden.changed(wish(Some(true), None), NOW),
            Err(Refusal::Hidden)
        );
        assert_eq!(hidden.changed(Wish::default(), NOW), Ok(hidden));
    }
}
