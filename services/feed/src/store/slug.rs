//! Names of blog posts: each in use once among live posts, old ones kept (FD-20).

use std::collections::HashSet;

use fault::Result;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{all, rows, run};
use crate::domain::slug;

/// Choices looked at together.
const BATCH: u32 = 50;
/// Choices that are tried before the name gets a random end.
const MOST: u32 = 500;

/// The first free choice for a name. Until the transaction ends nobody else chooses among the same names.
pub(crate) async fn free(on: &impl ConnectionTrait, name: &str, post: Uuid) -> Result<String> {
    run(
        on,
        "select pg_advisory_xact_lock(hashtextextended('feed.slug:' || $1, 0))",
        vec![name.into()],
    )
    .await?;
    for first in (1..MOST).step_by(BATCH as usize) {
        let choices: Vec<String> = (first..first + BATCH)
            .map(|n| slug::choice(name, n))
            .collect();
        let sql = "select slug from posts where post_type = 'blog' and deleted_at is null and slug = any ($1) and id <> $2";
        let taken = rows(on, sql, vec![choices.clone().into(), post.into()]).await?;
        let taken: HashSet<String> = all(&taken, "slug")?.into_iter().collect();
        if let Some(choice) = choices.into_iter().find(|choice| !taken.contains(choice)) {
            return Ok(choice);
        }
    }
    let random = Uuid::new_v4().simple().to_string();
    Ok(format!(
        "{}-{random}",
        &name[..name.len().min(slug::LONGEST - random.len() - 1)]
    ))
}

/// Keeps a name the post had before; the post that had it last is found by it.
pub(crate) async fn keep_old(on: &impl ConnectionTrait, name: &str, post: Uuid) -> Result<()> {
    let sql = "insert into old_slugs (slug, post_id) values ($1, $2) on conflict (slug) do update set post_id = excluded.post_id";
    run(on, sql, vec![name.into(), post.into()]).await.map(drop)
}
