//! Threads of comments, three levels deep (FD-13).

use time::OffsetDateTime;
use uuid::Uuid;

/// The deepest level of a thread; comments on the post are level 1 (N-31).
pub(crate) const DEEPEST: i16 = 3;

/// What is left of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// All of it.
    Live,
    /// Deleted, but it holds replies together and is shown empty.
    Tombstone,
    /// Deleted and shown nowhere.
    Deleted,
}

/// A comment or a reply.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    /// Its id, `UUIDv7`.
    pub(crate) id: Uuid,
    /// Its post.
    pub(crate) post_id: Uuid,
    /// The comment it answers.
    pub(crate) parent: Option<Uuid>,
    /// Its level, from 1.
    pub(crate) depth: i16,
    /// Its author's profile; none when erased.
    pub(crate) profile_id: Option<Uuid>,
    /// Its author's account; none when erased.
    pub(crate) account_id: Option<Uuid>,
    /// Its text.
    pub(crate) content: String,
    /// What is left of it.
    pub(crate) status: Status,
    /// When it was written.
    pub(crate) created_at: OffsetDateTime,
    /// When it was changed last.
    pub(crate) updated_at: OffsetDateTime,
    /// When its text was changed.
    pub(crate) edited_at: Option<OffsetDateTime>,
    /// Rises with every change of its text.
    pub(crate) version: i32,
}

/// The level of a reply to a comment.
///
/// # Errors
/// Says what is wrong when the comment was deleted or stands on the deepest level.
pub(crate) fn reply_depth(parent: Option<(Status, i16)>) -> Result<i16, &'static str> {
    match parent {
        Some((Status::Live, depth)) if depth < DEEPEST => Ok(depth + 1),
        Some((Status::Live, _)) => {
            Err("must be of the first or second level: replies go three levels deep")
        }
        Some((Status::Tombstone | Status::Deleted, _)) | None => {
            Err("must be a comment on this post")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_13_replies_go_three_levels_deep() {
        assert_eq!(reply_depth(Some((Status::Live, 1))), Ok(2));
        assert_eq!(reply_depth(Some((Status::Live, 2))), Ok(3));
        assert!(reply_depth(Some((Status::Live, 3))).is_err());
    }

    #[test]
    fn fd_13_a_deleted_or_unknown_comment_cannot_be_answered() {
        assert!(reply_depth(Some((Status::Tombstone, 1))).is_err());
        assert!(reply_depth(Some((Status::Deleted, 1))).is_err());
        assert!(reply_depth(None).is_err());
    }
}
