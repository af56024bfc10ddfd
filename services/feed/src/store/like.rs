//! Likes: the unique row decides whether anything happened (FD-11, T37).

use std::sync::LazyLock;

use fault::Result;
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::engagement::Thing;
use super::{column, guard, row, run, stats};

/// Whether a profile likes a post or takes that back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It does.
    Like,
    /// It no longer does.
    Unlike,
}

impl Change {
    /// Stores or removes the like, with the event that tells of it, counts it, and says how many likes the viewer, whose
    /// profile `$7` and account `$8` are, then knows of; `$9` is the post, `$10` the id of a new like. A new like holds the
    /// row of its profile, so that who is guarded when it is stored is so when it is committed.
    fn sql(self) -> &'static str {
        static LIKE: LazyLock<String> = LazyLock::new(|| {
            sql(
                "+",
                "me as materialized (select p.is_guarded from profile_ref p where p.profile_id = $7 for share),
                 changed as (insert into likes (id, profile_id, account_id, likeable_type, post_id, is_guarded)
                   values ($10, $7, $8, 'post', $9, coalesce((select me.is_guarded from me), true))
                   on conflict (profile_id, post_id) do nothing returning is_guarded)",
            )
        });
        static UNLIKE: LazyLock<String> = LazyLock::new(|| {
            sql(
                "-",
                "changed as (delete from likes where profile_id = $7 and post_id = $9 returning is_guarded)",
            )
        });
        match self {
            Self::Like => &LIKE,
            Self::Unlike => &UNLIKE,
        }
    }
}

fn sql(sign: &str, changed: &str) -> String {
    let append = events::APPEND;
    let counted = stats::changed("$9", sign);
    let circle = guard::circle("$7", "$8");
    let (likes, counters) = (Thing::Post.likes(), Thing::Post.counters("$9"));
    format!(
        "with {changed}, told as ({append} from changed), {counted}, {circle}
         select ({likes}) {sign} 1 as likes from changed cross join {counters} s"
    )
}

/// Stores or removes a like of a post by one statement; returns how many likes the profile then knows of, nothing when the
/// like was there already, or was not.
pub(crate) async fn of_post(
    on: &impl ConnectionTrait,
    change: Change,
    post: Uuid,
    (profile, account): (Uuid, Uuid),
    event: [Value; 6],
) -> Result<Option<i32>> {
    let mut values = Vec::from(event);
    values.extend([profile, account, post].map(Value::from));
    if change == Change::Like {
        values.push(Uuid::now_v7().into());
    }
    let changed = row(on, change.sql(), values).await?;
    changed.map(|row| column(&row, "likes")).transpose()
}

/// Stores a like of a comment; false when there was one.
pub(crate) async fn of_comment(
    on: &impl ConnectionTrait,
    comment: Uuid,
    profile: Uuid,
    account: Uuid,
) -> Result<bool> {
    let sql = "with me as materialized (select p.is_guarded from profile_ref p where p.profile_id = $2 for share)
             insert into likes (id, profile_id, account_id, likeable_type, comment_id, is_guarded)
             values ($1, $2, $3, 'comment', $4, coalesce((select me.is_guarded from me), true))
             on conflict (profile_id, comment_id) do nothing";
    let like = [Uuid::now_v7(), profile, account, comment];
    let values = like.map(Value::from).to_vec();
    Ok(run(on, sql, values).await? == 1)
}

/// Removes a like of a comment; false when there was none.
pub(crate) async fn remove_of_comment(
    on: &impl ConnectionTrait,
    comment: Uuid,
    profile: Uuid,
) -> Result<bool> {
    let sql = "delete from likes where profile_id = $1 and comment_id = $2";
    Ok(run(on, sql, vec![profile.into(), comment.into()]).await? == 1)
}
