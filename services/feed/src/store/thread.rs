//! Threads: the comments of a post page by page, and the first replies of many comments at once.

use entity::feed::comments;
use fault::Result;
use identity::Viewer;
use sea_orm::sea_query::{Expr, PostgresQueryBuilder};
use sea_orm::{
    ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Value,
};
use store::list::{Column, ListQuery, Page};
use uuid::Uuid;

use super::comment::{nothing_hidden_above, shown, to_domain};
use super::rows;
use crate::domain::comment::Comment;

/// Replies shown inside their comment.
const FIRST: u64 = 3;

/// Which comments of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Those on the post itself.
    Roots,
    /// All of them, whatever their level.
    All,
    /// The direct replies to one.
    RepliesTo(Uuid),
}

/// One page of the comments of a post.
pub(crate) async fn page(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    post: Uuid,
    part: Part,
    query: &ListQuery,
) -> Result<Page<Comment>> {
    let select = shown(viewer).filter(comments::Column::PostId.eq(post));
    let select = match part {
        Part::Roots => select.filter(comments::Column::ParentCommentId.is_null()),
        Part::All => select.filter(nothing_hidden_above(viewer)),
        Part::RepliesTo(parent) => select.filter(comments::Column::ParentCommentId.eq(parent)),
    };
    let page: Page<comments::Model> = query.page(on, select, column).await?;
    Ok(page.map(to_domain))
}

/// The oldest replies to each of these comments of one post, up to three each, in one statement.
pub(crate) async fn first_replies(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    post: Uuid,
    parents: &[Uuid],
) -> Result<Vec<Comment>> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let (first, values) = shown(viewer)
        .filter(comments::Column::PostId.eq(post))
        .filter(Expr::cust("comments.parent_comment_id = parent.id"))
        .order_by_asc(comments::Column::CreatedAt)
        .order_by_asc(comments::Column::Id)
        .limit(FIRST)
        .into_query()
        .build(PostgresQueryBuilder);
    let mut values: Vec<Value> = values.0;
    values.push(parents.to_vec().into());
    let sql = format!(
        "select reply.* from unnest(${}) as parent(id) cross join lateral ({first}) as reply",
        values.len()
    );
    let replies = rows(on, sql, values).await?;
    replies
        .iter()
        .map(|row| {
            comments::Model::from_query_result(row, "")
                .map(to_domain)
                .map_err(store::fault)
        })
        .collect()
}

fn column(name: &str) -> Option<Column> {
    Some(match name {
        "createdAt" => Column::new("comments.created_at", "timestamptz"),
        "likesCount" => Column::new(
            "(select s.likes from comment_stats s where s.comment_id = comments.id)",
            "integer",
        ),
        "id" => Column::new("comments.id", "uuid"),
        _ => return None,
    })
}
