//! Counts of posts and comments as one viewer may know them, for a whole page in one statement (VIS-8, FD-19).

use std::collections::HashMap;
use std::sync::LazyLock;

use fault::Result;
use identity::Viewer;
use sea_orm::{ConnectionTrait, QueryResult, Value};
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

/// What has counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    /// Posts.
    Post,
    /// Comments.
    Comment,
}

/// Of posts, by id.
pub(crate) async fn of_posts(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    of(on, Thing::Post, viewer, ids).await
}

/// Of comments, by id.
pub(crate) async fn of_comments(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    of(on, Thing::Comment, viewer, ids).await
}

/// Few things have been liked or answered by somebody who may be hidden: only of these the whole rule is asked, whose
/// statement costs several times as much.
async fn of(
    on: &impl ConnectionTrait,
    thing: Thing,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut counts = HashMap::with_capacity(ids.len());
    let mut doubtful = Vec::new();
    let values = vec![
        ids.to_vec().into(),
        viewer.account_id.into(),
        viewer.profile_id.into(),
    ];
    for row in rows(on, thing.glance(), values).await? {
        let id = column(&row, "id")?;
        match certain(&row)? {
            Some(counted) => {
                counts.insert(id, counted);
            }
            None => doubtful.push(id),
        }
    }
    counts.extend(by_rule(on, thing, viewer, &doubtful).await?);
    Ok(counts)
}

/// Counts without those the rule hides, of things of which a glance has not told.
pub(crate) async fn by_rule(
    on: &impl ConnectionTrait,
    thing: Thing,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Engagement>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (sql, values) = match thing {
        Thing::Post => posts_by_rule(viewer, ids),
        Thing::Comment => comments_by_rule(viewer, ids),
    };
    rows(on, sql, values)
        .await?
        .iter()
        .map(|row| Ok((column(row, "id")?, engagement(row)?)))
        .collect()
}

/// Adds to the counters `s` of posts what waits for them.
pub(super) const LATE: &str = "cross join lateral (
    select coalesce(sum(l.likes), 0)::int as likes, coalesce(sum(l.comments), 0)::int as comments
    from post_stats_late l where l.post_id = s.post_id) late";

impl Thing {
    /// The statement of the counts of things `$1` for the account `$2` and the profile `$3`, where nobody is hidden.
    fn glance(self) -> &'static str {
        static POSTS: LazyLock<String> = LazyLock::new(|| {
            let from = format!("post_stats s {LATE} where s.post_id = any ($1)");
            glance(Thing::Post, "s.post_id", &from)
        });
        static COMMENTS: LazyLock<String> = LazyLock::new(|| {
            let from = "comment_stats s join comments t on t.id = s.comment_id where s.comment_id = any ($1)";
            glance(Thing::Comment, "s.comment_id", from)
        });
        match self {
            Self::Post => &POSTS,
            Self::Comment => &COMMENTS,
        }
    }
}

fn glance(thing: Thing, id: &str, from: &str) -> String {
    let shut = hidden::SHUT.replace("{account}", "$2");
    let counted = counted(thing, "$3").map(|(name, expression)| format!("{expression} as {name}"));
    let counted = counted.join(", ");
    format!("with shut as materialized ({shut}) select {id} as id, {counted} from {from}")
}

/// What is to be selected of the counters `s` (and what is `late`, of a post; and the comment `t`) for the profile `me`,
/// each with its name; the statement has the common table `shut`. [`certain`] reads it.
pub(super) fn counted(thing: Thing, me: &str) -> [(&'static str, String); 5] {
    let [likes, comments, views, whose, crowded, involved] = match thing {
        Thing::Post => [
            "s.likes + late.likes",
            "s.comments + late.comments",
            "s.views",
            "l.post_id = s.post_id",
            "s.likes > {crowd} or s.comments > {crowd}",
            "select l.profile_id from likes l where l.post_id = s.post_id
               union all select c.profile_id from comments c where c.post_id = s.post_id",
        ],
        Thing::Comment => [
            "s.likes",
            "s.replies",
            "0",
            "l.comment_id = s.comment_id",
            "s.likes > {crowd} or s.replies > {crowd}",
            "select l.profile_id from likes l where l.comment_id = s.comment_id
               union all select c.profile_id from comments c where c.post_id = t.post_id and c.parent_comment_id = t.id",
        ],
    };
    let crowded = crowded.replace("{crowd}", &CROWD.to_string());
    let is_liked =
        format!("exists (select from likes l where l.profile_id = {me} and {whose} offset 0)");
    [
        ("likes", likes.to_owned()),
        ("comments", comments.to_owned()),
        ("views", views.to_owned()),
        ("is_liked", is_liked),
        ("is_doubtful", hidden::perhaps(&crowded, involved)),
    ]
}

/// The counts a row holds, unless somebody may be hidden who is in them.
pub(super) fn certain(row: &QueryResult) -> Result<Option<Engagement>> {
    let is_doubtful: bool = column(row, "is_doubtful")?;
    (!is_doubtful).then(|| engagement(row)).transpose()
}

/// The statement of the counts of posts by the whole rule.
fn posts_by_rule(viewer: &Viewer, ids: &[Uuid]) -> (String, Vec<Value>) {
    let mut statement = hidden::Statement::of(viewer);
    let me = statement.bind(viewer.profile_id);
    let ids = statement.bind(ids.to_vec());
    statement.then(
        &format!(
            "select s.post_id as id, s.likes + late.likes as likes, s.comments + late.comments as comments, s.views,
               s.likes > {CROWD} or s.comments > {CROWD} as is_crowded
             from post_stats s {LATE} where s.post_id = any ({ids})"
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
    )
}

/// The statement of the counts of comments by the whole rule.
fn comments_by_rule(viewer: &Viewer, ids: &[Uuid]) -> (String, Vec<Value>) {
    let mut statement = hidden::Statement::of(viewer);
    let me = statement.bind(viewer.profile_id);
    let ids = statement.bind(ids.to_vec());
    statement.then(
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
    )
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

fn engagement(row: &QueryResult) -> Result<Engagement> {
    Ok(Engagement {
        likes: column(row, "likes")?,
        comments: column(row, "comments")?,
        views: column(row, "views")?,
        is_liked: column(row, "is_liked")?,
    })
}
