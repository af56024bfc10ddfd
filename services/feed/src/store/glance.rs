//! One post at one glance: most are public, by somebody public, and commented on by nobody who is hidden. For these one
//! statement says all; of the others it says less, and whoever asked goes on with the statements of the whole rule.

use std::sync::LazyLock;

use entity::feed::posts;
use fault::Result;
use identity::Viewer;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryResult, QuerySelect, QueryTrait,
    Select, Value,
};
use uuid::Uuid;

use super::engagement::{self, Glanced, Thing};
use super::people::{self, Person};
use super::{column, guard, post, row};
use crate::domain::post::Post;

/// A post the viewer may see.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// The post.
    pub(crate) post: Post,
    /// Who wrote it.
    pub(crate) author: Person,
    /// Its counts.
    pub(crate) counts: Glanced,
}

/// What is selected before the names of the author's columns.
const AUTHOR: &str = "author_";

/// A post everybody may see whom no block keeps from it: it and its author are public, and the author's account is live. The
/// words are those of the rule over what is known of profiles and accounts; marks that follow from these decide counts alone.
/// `$1` is the post, `$2` the viewer's account, `$3` the viewer's profile.
const OPEN: &str = "posts.id = $1 and posts.deleted_at is null and posts.status = 'published' and posts.visibility = 'public'
    and author.state = 'live' and author.visibility = 'public'
    and not exists (select from account_ref a where a.account_id = posts.account_id and a.state <> 'live')
    and posts.account_id not in (select shut.account_id from shut)";

static WHOLE: LazyLock<String> = LazyLock::new(|| {
    let mut select = posts::Entity::find();
    for name in people::COLUMNS {
        let column = Expr::cust(format!("author.{name}"));
        select = select.expr_as(column, format!("{AUTHOR}{name}"));
    }
    for (name, expression) in engagement::counted(Thing::Post, "$3") {
        select = select.expr_as(Expr::cust(expression), name);
    }
    let circle = guard::circle("$3", "$2");
    let counters = Thing::Post.counters("posts.id");
    sql(&select, &circle, &format!("cross join {counters} s"))
});

static POST: LazyLock<String> = LazyLock::new(|| {
    let acting = "exists (select from profile_ref me where me.profile_id = $3 and me.account_id = $2 and me.state = 'live')";
    let select = posts::Entity::find().expr_as(Expr::cust(acting), "is_acting");
    let shut = guard::shut("$2");
    sql(&select, &format!("shut as materialized ({shut})"), "")
});

fn sql(select: &Select<posts::Entity>, with: &str, join: &str) -> String {
    let select = select.build(DbBackend::Postgres).sql;
    format!(
        "with {with} {select} join profile_ref author on author.profile_id = posts.profile_id {join} where {OPEN}"
    )
}

/// The post, when it is plain that this viewer may see it. None says nothing: [`post::visible`] decides.
pub(crate) async fn of(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<Glance>> {
    let Some(found) = row(on, WHOLE.as_str(), values(viewer, id)).await? else {
        return Ok(None);
    };
    Ok(Some(Glance {
        post: post(&found)?,
        author: people::person(&found, AUTHOR)?,
        counts: engagement::glanced(&found)?,
    }))
}

/// The same post alone, and whether the viewer's active profile is known to be live and of the viewer's account.
pub(crate) async fn of_post(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<(Post, bool)>> {
    let found = row(on, POST.as_str(), values(viewer, id)).await?;
    let found = found.map(|found| Ok((post(&found)?, column(&found, "is_acting")?)));
    found.transpose()
}

fn values(viewer: &Viewer, id: Uuid) -> Vec<Value> {
    vec![
        id.into(),
        viewer.account_id.into(),
        viewer.profile_id.into(),
    ]
}

fn post(found: &QueryResult) -> Result<Post> {
    let stored = posts::Model::from_query_result(found, "").map_err(store::fault)?;
    post::to_domain(stored)
}
