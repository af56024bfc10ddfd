//! Likes: the unique row decides whether anything happened (FD-11, T37).

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::run;
use super::stats::Counter;

/// What is liked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A post.
    Post(Uuid),
    /// A comment.
    Comment(Uuid),
}

impl Target {
    /// The id of the thing.
    pub(crate) fn id(self) -> Uuid {
        match self {
            Self::Post(id) | Self::Comment(id) => id,
        }
    }

    /// The counter of its likes.
    pub(crate) fn counter(self) -> Counter {
        match self {
            Self::Post(_) => Counter::PostLikes,
            Self::Comment(_) => Counter::CommentLikes,
        }
    }
}

/// Stores a like; false when there was one.
pub(crate) async fn insert(
    on: &impl ConnectionTrait,
    target: Target,
    profile: Uuid,
    account: Uuid,
) -> Result<bool> {
    let sql = match target {
        Target::Post(_) => {
            "insert into likes (id, profile_id, account_id, likeable_type, post_id) values ($1, $2, $3, 'post', $4)
             on conflict (profile_id, post_id) do nothing"
        }
        Target::Comment(_) => {
            "insert into likes (id, profile_id, account_id, likeable_type, comment_id) values ($1, $2, $3, 'comment', $4)
             on conflict (profile_id, comment_id) do nothing"
        }
    };
    let values = vec![
        Uuid::now_v7().into(),
        profile.into(),
        account.into(),
        target.id().into(),
    ];
    Ok(run(on, sql, values).await? == 1)
}

/// Removes a like; false when there was none.
pub(crate) async fn remove(
    on: &impl ConnectionTrait,
    target: Target,
    profile: Uuid,
) -> Result<bool> {
    let sql = match target {
        Target::Post(_) => "delete from likes where profile_id = $1 and post_id = $2",
        Target::Comment(_) => "delete from likes where profile_id = $1 and comment_id = $2",
    };
    Ok(run(on, sql, vec![profile.into(), target.id().into()]).await? == 1)
}
