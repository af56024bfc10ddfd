//! Counts of posts and comments as one viewer may know them, for a whole page in one statement (VIS-8, FD-19).

use std::collections::HashMap;

use fault::Result;
use identity::Viewer;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::{column, hidden, rows};

/// What happened to a thing, as far as the viewer may know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Engagement {
    /// Likes.
    pub(crate) likes: i32,
    /// Comments on a post, direct replies to a comment.
    pub(crate) comments: i32,
    /// Views of a post by anybody (VIS-8 exempts them); nobody counts those of a comment.
    pub(crate) views: i32,
    /// Whether the viewer's active profile likes it.
    pub(crate) is_liked: bool,
}

/// Of posts, by id.
pub(crate) async fn of_posts(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // For one post the likes of the hidden are looked up one by one, so that liking a viral post does not read all its
    // likes; for a page the planner chooses.
    let likes = if ids.len() == 1 {
        "cross join lateral (select from likes l where l.profile_id = h.profile_id and l.post_id = s.post_id offset 0) l"
    } else {
        "join likes l on l.profile_id = h.profile_id and l.post_id = s.post_id"
    };
    let mut statement = hidden::Statement::of(viewer);
    let me = statement.bind(viewer.profile_id);
    let ids = statement.bind(ids.to_vec());
    // A comment is hidden with its author, and with the author of any comment above it.
    let (sql, values) = statement.then(&format!(
        "select s.post_id as id,
           s.likes - (select count(*) from hidden h {likes})::int as likes,
           s.comments - (select count(*) from (
             select c.id from hidden h join comments c on c.profile_id = h.profile_id
               where c.post_id = s.post_id and c.status = 'live'
             union select c.id from hidden h join comments a on a.profile_id = h.profile_id and a.status = 'live'
               join comments c on c.post_id = a.post_id and c.parent_comment_id = a.id
               where a.post_id = s.post_id and c.status = 'live'
             union select c.id from hidden h join comments a on a.profile_id = h.profile_id and a.status = 'live'
               join comments b on b.post_id = a.post_id and b.parent_comment_id = a.id
               join comments c on c.post_id = b.post_id and c.parent_comment_id = b.id
               where a.post_id = s.post_id and c.status = 'live') gone)::int as comments,
           s.views,
           exists (select 1 from likes l where l.post_id = s.post_id and l.profile_id = {me}) as is_liked
         from post_stats s where s.post_id = any ({ids})"
    ));
    rows(on, sql, values)
        .await?
        .iter()
        .map(engagement)
        .collect()
}

/// Of comments, by id.
pub(crate) async fn of_comments(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut statement = hidden::Statement::of(viewer);
    let me = statement.bind(viewer.profile_id);
    let ids = statement.bind(ids.to_vec());
    let (sql, values) = statement.then(&format!(
        "select s.comment_id as id,
           s.likes - (select count(*) from hidden h join likes l on l.profile_id = h.profile_id and l.comment_id = s.comment_id)::int as likes,
           s.replies - (select count(*) from hidden h join comments c on c.profile_id = h.profile_id
             where c.post_id = t.post_id and c.parent_comment_id = s.comment_id and c.status = 'live')::int as comments,
           0 as views,
           exists (select 1 from likes l where l.comment_id = s.comment_id and l.profile_id = {me}) as is_liked
         from comment_stats s join comments t on t.id = s.comment_id where s.comment_id = any ({ids})"
    ));
    rows(on, sql, values)
        .await?
        .iter()
        .map(engagement)
        .collect()
}

fn engagement(row: &QueryResult) -> Result<(Uuid, Engagement)> {
    let counted = Engagement {
        likes: column(row, "likes")?,
        comments: column(row, "comments")?,
        views: column(row, "views")?,
        is_liked: column(row, "is_liked")?,
    };
    Ok((column(row, "id")?, counted))
}
