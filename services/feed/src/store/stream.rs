//! What is new in the feed: posts published by transactions a snapshot sees and an earlier one did not (ST-3, T53).

use contracts::feed::v1::PostType;
use entity::feed::posts;
use fault::{Fault, Result};
use identity::Viewer;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order};
use sea_orm::{
    ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter, QueryResult, QueryTrait,
};
use store::visibility;
use uuid::Uuid;

use super::{column, post, row};
use crate::domain::post::Post;
use crate::domain::snapshot::{Key, Position, Snapshot};

/// Published after the position and seen by the goal, in the words of the index, from the first transaction of the walk
/// on. Of the one in whose middle the position stands, the later posts. Imported posts keep the time they were published at and are no news; nor are
/// those of a restored copy, whose transactions had the numbers of another server.
const NEWS: &str = "posts.published_xid >= cast($5 as xid8)
  and not pg_visible_in_snapshot(posts.published_xid, cast($1 as pg_snapshot))
  and pg_visible_in_snapshot(posts.published_xid, cast($2 as pg_snapshot))
  and not (posts.published_xid = cast($3 as xid8) and posts.id <= $4)
  and posts.published_at > now() - interval '2 days'";

/// The name of the transaction's column.
const TRANSACTION: &str = "transaction";

/// What has been committed by now.
pub(crate) async fn snapshot(on: &impl ConnectionTrait) -> Result<Snapshot> {
    let sql = "select pg_current_snapshot()::text as snapshot";
    read(row(on, sql, Vec::new()).await?.as_ref())
}

/// The same, and whether anybody's post has been published since: not by a transaction yet to come, whose number a post
/// of a restored copy may have.
pub(crate) async fn look(on: &impl ConnectionTrait, since: &Snapshot) -> Result<(Snapshot, bool)> {
    let sql = "select pg_current_snapshot()::text as snapshot, exists (
      select 1 from posts where posts.status = 'published' and posts.deleted_at is null
        and posts.published_xid >= pg_snapshot_xmin(cast($1 as pg_snapshot))
        and posts.published_xid < pg_snapshot_xmax(pg_current_snapshot())
        and not pg_visible_in_snapshot(posts.published_xid, cast($1 as pg_snapshot))) as news";
    let found = row(on, sql, vec![since.to_string().into()]).await?;
    let snapshot = read(found.as_ref())?;
    let news = found.map_or(Ok(false), |row| column(&row, "news"))?;
    Ok((snapshot, news))
}

/// The first posts the viewer may see of a walk from a position to a snapshot, in the order of their keys. Muted profiles
/// are left out (VIS-7).
pub(crate) async fn news(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    kind: Option<PostType>,
    from: &Position,
    to: &Snapshot,
    most: u64,
) -> Result<Vec<(Key, Post)>> {
    let (transaction, id) = from.last();
    let news = Expr::cust_with_values(
        NEWS,
        [
            from.seen().to_string().into(),
            to.to_string().into(),
            transaction.to_string().into(),
            sea_orm::Value::from(id),
            from.first().to_string().into(),
        ],
    );
    let mut select = post::published(viewer)
        .filter(visibility::not_muted("posts.profile_id", viewer))
        .filter(news);
    if let Some(kind) = kind {
        select = select.filter(posts::Column::PostType.eq(post::stored_kind(kind)));
    }
    let mut select = select.into_query();
    select
        .expr_as(
            Expr::cust("posts.published_xid").cast_as(Alias::new("text")),
            Alias::new(TRANSACTION),
        )
        .order_by_expr(Expr::cust("posts.published_xid"), Order::Asc)
        .order_by_expr(Expr::cust("posts.id"), Order::Asc)
        .limit(most);
    let rows = on.query_all(&select).await.map_err(store::fault)?;
    rows.iter().map(keyed).collect()
}

fn keyed(row: &QueryResult) -> Result<(Key, Post)> {
    let transaction: String = column(row, TRANSACTION)?;
    let transaction = transaction.parse().map_err(Fault::internal)?;
    let post = posts::Model::from_query_result(row, "").map_err(store::fault)?;
    let id: Uuid = post.id;
    Ok(((transaction, id), post::to_domain(post)?))
}

fn read(row: Option<&QueryResult>) -> Result<Snapshot> {
    let row = row.ok_or_else(|| Fault::internal("a snapshot is always there"))?;
    let text: String = column(row, "snapshot")?;
    text.parse().map_err(Fault::internal)
}
