//! The feed: published posts a viewer may see, page by page.

use entity::feed::posts;
use fault::{Fault, Result};
use identity::Viewer;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ConnectionTrait, QueryFilter, Value};
use store::list::{Column, ListQuery, Op, Page, Search};
use store::visibility;
use time::OffsetDateTime;

use super::post;
use crate::domain::post::Post;

/// Which part of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything.
    Latest,
    /// What profiles connected to the viewer's active profile wrote.
    Connections,
    /// What the viewer's account wrote.
    Mine,
}

const CONNECTED: &str = "posts.profile_id in (
  select c.profile_b from connection_ref c where c.profile_a = $1 and c.removed_at is null
  union all select c.profile_a from connection_ref c where c.profile_b = $1 and c.removed_at is null)";
/// By profile, since that is what posts are indexed by.
const OWN: &str = "posts.account_id = $1 and posts.profile_id in (select p.profile_id from profile_ref p where p.account_id = $1)";

/// One page. Muted profiles are left out (VIS-7).
pub(crate) async fn page(
    on: &impl ConnectionTrait,
    viewer: &Viewer,
    part: Part,
    mut query: ListQuery,
) -> Result<Page<Post>> {
    let mut select = post::published(viewer);
    select = match part {
        Part::Latest => select.filter(not_muted(viewer)),
        Part::Connections => select
            .filter(not_muted(viewer))
            .filter(bound(CONNECTED, viewer.profile_id)),
        Part::Mine => select.filter(bound(OWN, viewer.account_id)),
    };
    if let Some(from) = time(&mut query, "from")? {
        select = select.filter(bound("posts.published_at >= $1", from));
    }
    if let Some(to) = time(&mut query, "to")? {
        select = select.filter(bound("posts.published_at <= $1", to));
    }
    if let Some(search) = query.search() {
        select = select.filter(contains(search));
    }
    let page: Page<posts::Model> = query.page(on, select, column).await?;
    let Page {
        items,
        pagination,
        total_capped,
    } = page;
    let items = items
        .into_iter()
        .map(post::to_domain)
        .collect::<Result<_>>()?;
    Ok(Page {
        items,
        pagination,
        total_capped,
    })
}

fn column(name: &str) -> Option<Column> {
    Some(match name {
        "publishedAt" => Column::new("posts.published_at", "timestamptz"),
        "id" => Column::new("posts.id", "uuid"),
        "type" => Column::new("posts.post_type", "post_type"),
        "tags" => Column::new("posts.tags", "text[]"),
        "authorId" => Column::new("posts.profile_id", "uuid"),
        "groupId" => Column::nullable("posts.group_id", "uuid"),
        "featured" => Column::new("posts.is_featured", "boolean"),
        _ => return None,
    })
}

fn not_muted(viewer: &Viewer) -> SimpleExpr {
    visibility::not_muted("posts.profile_id", viewer)
}

fn bound(sql: &'static str, value: impl Into<Value>) -> SimpleExpr {
    Expr::cust_with_values(sql, [value.into()])
}

/// Each term must occur in title or text (FL-3); the terms are folded once a statement, the text when it was stored.
/// They are one value, so that the statement is the same however many there are (FL-5).
const CONTAINS: &str = "(select bool_and(strpos(posts.search, term) > 0)
  from unnest((select array_agg(app.fold(word)) from unnest($1) word)) term)";

fn contains(search: &Search) -> SimpleExpr {
    let terms: Vec<String> = search.terms().map(str::to_owned).collect();
    bound(CONTAINS, terms)
}

/// The end of a span of time, which is a moment and nothing else.
fn time(query: &mut ListQuery, name: &'static str) -> Result<Option<OffsetDateTime>> {
    match query.take(name).as_slice() {
        [] => Ok(None),
        [filter] if filter.op == Op::Eq => Ok(filter.timestamp()),
        _ => Err(Fault::invalid(name, "must be one timestamp")),
    }
}
