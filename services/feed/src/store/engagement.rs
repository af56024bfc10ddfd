//! Counts of posts and comments as one viewer may know them, for a whole page in one statement (VIS-8, FD-19).

use std::collections::HashMap;
use std::sync::LazyLock;

use fault::Result;
use identity::Viewer;
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::hidden::{self, CROWD, NOBODY};
use super::{column, guard, row, rows};

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

/// Likes of one thing.
pub(crate) async fn likes(
    on: &impl ConnectionTrait,
    thing: Thing,
    viewer: &Viewer,
    id: Uuid,
) -> Result<i32> {
    static POST: LazyLock<String> = LazyLock::new(|| count_likes(Thing::Post));
    static COMMENT: LazyLock<String> = LazyLock::new(|| count_likes(Thing::Comment));
    let sql = match thing {
        Thing::Post => &POST,
        Thing::Comment => &COMMENT,
    };
    let counted = row(on, sql.as_str(), values(id, viewer)).await?;
    counted.map_or(Ok(0), |row| column(&row, "likes"))
}

/// What the statements here take: the things, the viewer's account and profile.
fn values(things: impl Into<Value>, viewer: &Viewer) -> Vec<Value> {
    vec![
        things.into(),
        viewer.account_id.into(),
        viewer.profile_id.into(),
    ]
}

fn count_likes(thing: Thing) -> String {
    let circle = guard::circle("$3", "$2");
    let (likes, counters) = (thing.likes(), thing.counters("$1"));
    format!("with {circle} select {likes} as likes from {counters} s")
}

/// Few things have been answered by somebody who may be hidden: only of these the comments are looked through, by a
/// statement that costs several times as much.
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
    for row in rows(on, thing.glance(), values(ids.to_vec(), viewer)).await? {
        let id = column(&row, "id")?;
        let glance = glanced(&row)?;
        counts.insert(id, glance.engagement);
        if !glance.is_certain {
            doubtful.push(id);
        }
    }
    for (id, comments) in comments_seen(on, thing, viewer, &doubtful).await? {
        if let Some(counted) = counts.get_mut(&id) {
            counted.comments = comments;
        }
    }
    Ok(counts)
}

/// Comments (replies) without the hidden ones, of things of which a glance has not told.
pub(crate) async fn comments_seen(
    on: &impl ConnectionTrait,
    thing: Thing,
    viewer: &Viewer,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, i32>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    static POSTS: LazyLock<String> = LazyLock::new(|| seen_of(Thing::Post));
    static COMMENTS: LazyLock<String> = LazyLock::new(|| seen_of(Thing::Comment));
    let sql = match thing {
        Thing::Post => &POSTS,
        Thing::Comment => &COMMENTS,
    };
    rows(on, sql.as_str(), values(ids.to_vec(), viewer))
        .await?
        .iter()
        .map(|row| Ok((column(row, "id")?, column(row, "comments")?)))
        .collect()
}

/// What one statement tells of a thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glanced {
    /// The counts; of the comments all, if that is not certain.
    pub(crate) engagement: Engagement,
    /// Whether nobody who commented can be hidden from the viewer. If somebody may be, [`comments_seen`] tells.
    pub(crate) is_certain: bool,
}

/// What a row holds of which [`counted`] was selected.
pub(super) fn glanced(row: &QueryResult) -> Result<Glanced> {
    let engagement = Engagement {
        likes: column(row, "likes")?,
        comments: column(row, "comments")?,
        views: column(row, "views")?,
        is_liked: column(row, "is_liked")?,
    };
    Ok(Glanced {
        engagement,
        is_certain: column(row, "is_certain")?,
    })
}

impl Thing {
    /// The counters of the thing `id` with what waits for them, a table of one row: `id`, `likes`, `guarded_likes`,
    /// `comments` and `views`; of a comment its `post_id` too.
    pub(super) fn counters(self, id: &str) -> String {
        match self {
            Self::Post => format!(
                "lateral (select s.post_id as id, s.likes + late.likes as likes,
                   s.guarded_likes + late.guarded_likes as guarded_likes, s.comments + late.comments as comments, s.views
                 from post_stats s cross join (
                   select coalesce(sum(l.likes), 0)::int as likes, coalesce(sum(l.guarded_likes), 0)::int as guarded_likes,
                     coalesce(sum(l.comments), 0)::int as comments
                   from post_stats_late l where l.post_id = {id}) late
                 where s.post_id = {id})"
            ),
            Self::Comment => format!(
                "lateral (select c.id, c.post_id, s.likes, (select count(*)::int from likes l
                     where l.comment_id = {id} and l.is_guarded) as guarded_likes, s.replies as comments, 0 as views
                 from comment_stats s join comments c on c.id = s.comment_id where s.comment_id = {id} offset 0)"
            ),
        }
    }

    /// The likes of `s` ([`counters`](Self::counters)) the viewer may know of; the statement has the tables of
    /// [`guard::circle`].
    pub(super) fn likes(self) -> String {
        let by = |who: &str, guarded: &str| {
            let whose = self.liked_by(who);
            format!("exists (select from likes l where {whose} and {guarded} offset 0)")
        };
        let (seen, shut) = (
            by("k.profile_id", "l.is_guarded"),
            by("r.profile_id", "not l.is_guarded"),
        );
        format!(
            "s.likes - s.guarded_likes
             + case when s.guarded_likes = 0 then 0 else (select count(*)::int from seen k where {seen}) end
             - case when not exists (select from shut) then 0 else (select count(*)::int
                 from shut b join profile_ref r on r.account_id = b.account_id where {shut}) end"
        )
    }

    /// Whether the like `l` is of `s` and this profile's.
    fn liked_by(self, profile: &str) -> String {
        let thing = match self {
            Self::Post => "post_id",
            Self::Comment => "comment_id",
        };
        format!("l.profile_id = {profile} and l.{thing} = s.id")
    }

    /// The statement of the counts of things `$1` for the account `$2` and the profile `$3`.
    fn glance(self) -> &'static str {
        static POSTS: LazyLock<String> = LazyLock::new(|| glance(Thing::Post));
        static COMMENTS: LazyLock<String> = LazyLock::new(|| glance(Thing::Comment));
        match self {
            Self::Post => &POSTS,
            Self::Comment => &COMMENTS,
        }
    }
}

fn glance(thing: Thing) -> String {
    let circle = guard::circle("$3", "$2");
    let counted = counted(thing, "$3").map(|(name, expression)| format!("{expression} as {name}"));
    let (counted, counters) = (counted.join(", "), thing.counters("page.id"));
    format!(
        "with {circle} select s.id, {counted} from unnest($1::uuid[]) as page(id) cross join {counters} s"
    )
}

/// What is to be selected of the counters `s` ([`Thing::counters`]) for the profile `me`, each with its name; the statement
/// has the tables of [`guard::circle`]. [`glanced`] reads it.
pub(super) fn counted(thing: Thing, me: &str) -> [(&'static str, String); 5] {
    let involved = match thing {
        Thing::Post => "select c.profile_id from comments c where c.post_id = s.id",
        Thing::Comment => {
            "select c.profile_id from comments c where c.post_id = s.post_id and c.parent_comment_id = s.id"
        }
    };
    let whose = thing.liked_by(me);
    let is_liked = format!("exists (select from likes l where {whose} offset 0)");
    let is_certain = format!(
        "case when s.comments > {CROWD} then false else not {} end",
        hidden::perhaps(involved)
    );
    [
        ("likes", thing.likes()),
        ("comments", "s.comments".to_owned()),
        ("views", "s.views".to_owned()),
        ("is_liked", is_liked),
        ("is_certain", is_certain),
    ]
}

/// The statement of the comments (replies) of the things `$1` that leaves out the hidden ones.
fn seen_of(thing: Thing) -> String {
    let (involved, hidden) = match thing {
        Thing::Post => ("c.post_id = page.id", hidden_comments()),
        Thing::Comment => (
            "c.post_id = page.post_id and c.parent_comment_id = page.id",
            hidden_replies(),
        ),
    };
    let counters = thing.counters("t.id");
    hidden::statement(
        ("$3", "$2"),
        &format!(
            "select s.*, s.comments > {CROWD} as is_crowded from unnest($1::uuid[]) as t(id) cross join {counters} s"
        ),
        &format!(
            "select distinct c.profile_id from page join comments c on {involved} where not page.is_crowded"
        ),
        &format!("select s.id, s.comments - ({hidden})::int as comments from page s"),
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
