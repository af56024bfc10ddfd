//! One post at one glance: most are public, by somebody public, and commented on by nobody who is hidden. For these one
//! statement says all; of the others it says less, and whoever asked goes on with the statements of the whole rule.

use std::sync::LazyLock;

use entity::feed::posts;
use fault::Result;
use identity::Viewer;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QuerySelect, QueryTrait, Value,
};
use store::visibility;
use uuid::Uuid;

use super::engagement::{self, Glanced, Thing};
use super::people::{self, Person};
use super::{column, hidden, post, row};
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
    /// Whether the viewer's active profile is known to be live and of the viewer's account.
    pub(crate) is_acting: bool,
}

/// What is selected before the names of the author's columns.
const AUTHOR: &str = "author_";

/// `$1` is the post, `$2` the viewer's account, `$3` the viewer's profile. The words are those of the rule, as
/// constants.
static SQL: LazyLock<String> = LazyLock::new(|| {
    let mut select = posts::Entity::find();
    for name in people::COLUMNS {
        let column = Expr::cust(format!("author.{name}"));
        select = select.expr_as(column, format!("{AUTHOR}{name}"));
    }
    for (name, expression) in engagement::counted(Thing::Post, "$3") {
        select = select.expr_as(Expr::cust(expression), name);
    }
    let acting = "exists (select from profile_ref me where me.profile_id = $3 and me.account_id = $2 and me.state = 'live')";
    let select = select.expr_as(Expr::cust(acting), "is_acting");
    let select = select.build(DbBackend::Postgres).sql;
    let circle = hidden::circle("$3", "$2");
    let counters = Thing::Post.counters("posts.id");
    let open = visibility::open_to_all(&post::COLUMNS, "author", "$2");
    format!(
        "with {circle} {select} join profile_ref author on author.profile_id = posts.profile_id cross join {counters} s
         where posts.id = $1 and posts.deleted_at is null and posts.status = 'published' and {open}"
    )
});

/// The post, when it is plain that this viewer may see it. None says nothing: [`post::visible`] decides.
pub(crate) async fn of(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Option<Glance>> {
    let values: Vec<Value> = vec![
        id.into(),
        viewer.account_id.into(),
        viewer.profile_id.into(),
    ];
    let Some(found) = row(on, SQL.as_str(), values).await? else {
        return Ok(None);
    };
    let stored = posts::Model::from_query_result(&found, "").map_err(store::fault)?;
    Ok(Some(Glance {
        post: post::to_domain(stored)?,
        author: people::person(&found, AUTHOR)?,
        counts: engagement::glanced(&found)?,
        is_acting: column(&found, "is_acting")?,
    }))
}
