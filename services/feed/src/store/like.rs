//! Likes: the unique row decides whether anything happened (FD-11, T37).

use std::sync::LazyLock;

use fault::Result;
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::stats::{self, Counter};
use super::{row, run};

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

/// Stores a like of a post with the event that tells of it, and counts it, in one statement; false when there was one.
pub(crate) async fn of_post(
    on: &impl ConnectionTrait,
    post: Uuid,
    profile: Uuid,
    account: Uuid,
    event: [Value; 6],
) -> Result<bool> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let append = events::APPEND;
        let counted = stats::liked("$10", "exists (select from liked)");
        format!(
            "with liked as (insert into likes (id, profile_id, account_id, likeable_type, post_id)
               values ($7, $8, $9, 'post', $10) on conflict (profile_id, post_id) do nothing returning id),
             told as ({append} from liked), {counted} select id from liked"
        )
    });
    let mut values = Vec::from(event);
    let like = [Uuid::now_v7(), profile, account, post];
    values.extend(like.map(Value::from));
    Ok(row(on, SQL.as_str(), values).await?.is_some())
}

/// Stores a like of a comment; false when there was one.
pub(crate) async fn of_comment(
    on: &impl ConnectionTrait,
    comment: Uuid,
    profile: Uuid,
    account: Uuid,
) -> Result<bool> {
    let sql = "insert into likes (id, profile_id, account_id, likeable_type, comment_id) values ($1, $2, $3, 'comment', $4)
             on conflict (profile_id, comment_id) do nothing";
    let like = [Uuid::now_v7(), profile, account, comment];
    let values = like.map(Value::from).to_vec();
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
