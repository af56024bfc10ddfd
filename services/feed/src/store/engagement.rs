//! Counts of posts and comments as one viewer may know them, for a whole page in one statement (VIS-8, FD-19).

use std::collections::HashMap;

use fault::Result;
use identity::Viewer;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::hidden::{self, CROWD, NOBODY};
use super::{column, rows};

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
    let mut statement = hidden::Statement::of(viewer);
    let me = statement.bind(viewer.profile_id);
    let ids = statement.bind(ids.to_vec());
    let (sql, values) = statement.then(
        &format!(
            "select s.post_id as id, s.likes + late.likes as likes, s.comments + late.comments as comments, s.views,
               s.likes > {CROWD} or s.comments > {CROWD} as is_crowded
             from post_stats s cross join lateral (
               select coalesce(sum(l.likes), 0)::int as likes, coalesce(sum(l.comments), 0)::int as comments
               from post_stats_late l where l.post_id = s.post_id) late
             where s.post_id = any ({ids})"
        ),
        "select l.profile_id from page join likes l on l.post_id = page.id where not page.is_crowded
         union select c.profile_id from page join comments c on c.post_id = page.id where not page.is_crowded",
        &format!(
            "select s.id, s.likes - ({})::int as likes, s.comments - ({})::int as comments, s.views,
               exists (select from likes l where l.post_id = s.id and l.profile_id = {me} offset 0) as is_liked
             from page s",
            hidden_likes("post_id"),
            hidden_comments()
        ),
    );
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
    let (sql, values) = statement.then(
        &format!(
            "select s.comment_id as id, t.post_id, s.likes, s.replies, s.likes > {CROWD} or s.replies > {CROWD} as is_crowded
             from comment_stats s join comments t on t.id = s.comment_id where s.comment_id = any ({ids})"
        ),
        "select l.profile_id from page join likes l on l.comment_id = page.id where not page.is_crowded
         union select c.profile_id from page
           join comments c on c.post_id = page.post_id and c.parent_comment_id = page.id where not page.is_crowded",
        &format!(
            "select s.id, s.likes - ({})::int as likes, s.replies - ({})::int as comments, 0 as views,
               exists (select from likes l where l.comment_id = s.id and l.profile_id = {me} offset 0) as is_liked
             from page s",
            hidden_likes("comment_id"),
            hidden_replies()
        ),
    );
    rows(on, sql, values)
        .await?
        .iter()
        .map(engagement)
        .collect()
}

/// Likes of `s` by hidden profiles; `thing` is the column that names it. Of a crowd those of the hidden are looked up one
/// by one, so that liking a viral post does not read all its likes.
fn hidden_likes(thing: &str) -> String {
    format!(
        "case when {NOBODY} then 0
           when not s.is_crowded then
             (select count(*) from likes l where l.{thing} = s.id and l.profile_id in (select h.profile_id from hidden h))
           else (select count(*) from hidden h
             cross join lateral (select from likes l where l.profile_id = h.profile_id and l.{thing} = s.id offset 0) l) end"
    )
}

/// Comments on the post `s` that are hidden: with their author, or with the author of any live comment above.
fn hidden_comments() -> String {
    let gone = "(select h.profile_id from hidden h)";
    format!(
        "case when {NOBODY} then 0
           when not s.is_crowded then (select count(*) from comments c
             left join comments a on a.post_id = c.post_id and a.id = c.parent_comment_id
             left join comments b on b.post_id = a.post_id and b.id = a.parent_comment_id
             where c.post_id = s.id and c.status = 'live' and (c.profile_id in {gone}
               or a.status = 'live' and a.profile_id in {gone} or b.status = 'live' and b.profile_id in {gone}))
           else (select count(*) from (
             select c.id from hidden h join comments c on c.profile_id = h.profile_id
               where c.post_id = s.id and c.status = 'live'
             union select c.id from hidden h join comments a on a.profile_id = h.profile_id and a.status = 'live'
               join comments c on c.post_id = a.post_id and c.parent_comment_id = a.id
               where a.post_id = s.id and c.status = 'live'
             union select c.id from hidden h join comments a on a.profile_id = h.profile_id and a.status = 'live'
               join comments b on b.post_id = a.post_id and b.parent_comment_id = a.id
               join comments c on c.post_id = b.post_id and c.parent_comment_id = b.id
               where a.post_id = s.id and c.status = 'live') gone) end"
    )
}

/// Live replies to the comment `s` whose author is hidden.
fn hidden_replies() -> String {
    format!(
        "case when {NOBODY} then 0
           when not s.is_crowded then (select count(*) from comments c where c.post_id = s.post_id
             and c.parent_comment_id = s.id and c.status = 'live' and c.profile_id in (select h.profile_id from hidden h))
           else (select count(*) from hidden h join comments c on c.profile_id = h.profile_id
             where c.post_id = s.post_id and c.parent_comment_id = s.id and c.status = 'live') end"
    )
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
