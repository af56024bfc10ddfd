//! Views: the row of viewer, post and day decides whether a view counts (FD-19).

use fault::Result;
use sea_orm::ConnectionTrait;
use time::Date;
use uuid::Uuid;

use super::{column, row, run};
use crate::domain::viewing::View;

/// Rows removed in one statement.
const BATCH: u64 = 10_000;

/// Stores views and adds those that are new to the posts' counters; returns how many are. Rows are taken in the order
/// of their keys, so that replicas which store the same views do not wait for each other in a circle.
pub(crate) async fn add(on: &impl ConnectionTrait, views: &[View]) -> Result<u64> {
    let posts: Vec<Uuid> = views.iter().map(|view| view.post).collect();
    let viewers: Vec<Vec<u8>> = views.iter().map(|view| view.viewer.to_vec()).collect();
    let days: Vec<Date> = views.iter().map(|view| view.day).collect();
    let sql = "with fresh as (
         insert into post_views (post_id, viewer_key, day)
         select v.post_id, v.viewer_key, v.day
           from unnest($1::uuid[], $2::bytea[], $3::date[]) as v (post_id, viewer_key, day)
           order by v.post_id, v.viewer_key, v.day
         on conflict do nothing returning post_id),
       wanted as (select post_id, count(*)::int as times from fresh group by post_id),
       held as (select s.post_id, w.times from post_stats s join wanted w on w.post_id = s.post_id
         order by s.post_id for update of s),
       counted as (update post_stats s set views = s.views + h.times from held h where s.post_id = h.post_id returning h.times)
       select coalesce(sum(times), 0)::bigint as counted from counted";
    let found = row(on, sql, vec![posts.into(), viewers.into(), days.into()]).await?;
    let counted: i64 = found.map_or(Ok(0), |row| column(&row, "counted"))?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// Removes views of more than 40 days ago (N-34).
pub(crate) async fn purge(on: &impl ConnectionTrait) -> Result<()> {
    let sql = format!(
        "delete from post_views where ctid = any (array(
           select ctid from post_views where day < (now() at time zone 'utc')::date - 40 limit {BATCH}))"
    );
    while run(on, sql.as_str(), Vec::new()).await? == BATCH {}
    Ok(())
}
