//! What feed knows of profiles (`profile_ref`).

use std::collections::HashMap;

use contracts::Word;
use contracts::profile::v1::{ProfileCard, ProfileRef, ProfileType};
use fault::{Fault, Result};
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::{column, guard, named, row, rows};
use crate::domain::post::Post;

/// A profile as feed needs it: whose it is, whether it exists, and its card.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Its account.
    pub(crate) account_id: Uuid,
    /// Whether it exists.
    pub(crate) is_live: bool,
    /// Its card.
    pub(crate) card: ProfileCard,
}

/// The columns of `profile_ref` a [`Person`] is made of.
pub(super) const COLUMNS: [&str; 10] = [
    "profile_id",
    "account_id",
    "display_name",
    "username",
    "avatar_url",
    "profile_type",
    "headline",
    "location",
    "is_verified",
    "state",
];

/// The profiles that are known, by id.
pub(crate) async fn known(
    on: &impl ConnectionTrait,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Person>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = COLUMNS.join(", ");
    let sql = format!("select {columns} from profile_ref where profile_id = any ($1)");
    rows(on, sql, vec![ids.to_vec().into()])
        .await?
        .iter()
        .map(|row| Ok((column(row, "profile_id")?, person(row, "")?)))
        .collect()
}

/// Stores what the profile service said of a profile, unless something newer is known.
///
/// # Errors
/// Those of [`events::projections::keep_profile`].
pub(crate) async fn keep(on: &impl ConnectionTrait, profile: Option<ProfileRef>) -> Result<()> {
    let id = profile.as_ref().map(|profile| profile.profile_id.clone());
    if events::projections::keep_profile(on, profile).await?
        && let Some(id) = id
    {
        let id = id.parse().map_err(Fault::internal)?;
        guard::review(on, &[id]).await?;
    }
    Ok(())
}

/// The profiles a post's text mentions that may see it; those of its author's account are left out (FD-12).
pub(crate) async fn mentioned_in_post(
    on: &impl ConnectionTrait,
    names: &[String],
    post: &Post,
) -> Result<Vec<Uuid>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let types: Vec<String> = post
        .target_types
        .iter()
        .filter_map(|kind| kind.word())
        .map(str::to_owned)
        .collect();
    let sql = "select coalesce(array_agg(p.profile_id), '{}') as ids from profile_ref p
               where p.username = any ($1) and p.state = 'live' and p.account_id <> $3
                 and can_see(p.profile_id, p.account_id, $2, $3, $4, $5, $6, $7)";
    let values = vec![
        names.to_vec().into(),
        post.profile_id.into(),
        post.account_id.into(),
        post.visibility.word().unwrap_or_default().into(),
        types.into(),
        post.target_tags.clone().into(),
        post.group_id.into(),
    ];
    ids(row(on, sql, values).await?)
}

/// The profiles a comment's text mentions that may see its post and its author.
pub(crate) async fn mentioned_in_comment(
    on: &impl ConnectionTrait,
    names: &[String],
    post: Uuid,
    author: Uuid,
    account: Uuid,
) -> Result<Vec<Uuid>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "select coalesce(array_agg(p.profile_id), '{}') as ids from profile_ref p, posts t
               where p.username = any ($1) and p.state = 'live' and p.account_id <> $4 and t.id = $2
                 and can_see(p.profile_id, p.account_id, $3, $4, 'public', '{}', '{}', null)
                 and can_see(p.profile_id, p.account_id, t.profile_id, t.account_id, t.visibility::text,
                   t.target_profile_types, t.target_tags, t.group_id)";
    ids(row(
        on,
        sql,
        vec![
            names.to_vec().into(),
            post.into(),
            author.into(),
            account.into(),
        ],
    )
    .await?)
}

fn ids(row: Option<QueryResult>) -> Result<Vec<Uuid>> {
    row.map_or(Ok(Vec::new()), |row| column(&row, "ids"))
}

/// The profile whose columns of `profile_ref` a row holds, each named with this before its name.
pub(super) fn person(row: &QueryResult, prefix: &str) -> Result<Person> {
    let text = |name: &str| named::<Option<String>>(row, prefix, name);
    let id: Uuid = named(row, prefix, "profile_id")?;
    let kind = text("profile_type")?.and_then(|word| ProfileType::from_word(&word));
    let kind =
        kind.ok_or_else(|| Fault::internal("profile_ref holds an unknown type of profile"))?;
    let is_live = text("state")?.as_deref() == Some("live");
    let card = ProfileCard {
        id: id.to_string(),
        name: text("display_name")?.unwrap_or_default(),
        username: text("username")?,
        avatar_url: text("avatar_url")?,
        profile_type: kind.into(),
        headline: text("headline")?,
        location: text("location")?,
        is_verified: named(row, prefix, "is_verified")?,
        is_deleted: false,
    };
    Ok(Person {
        account_id: named(row, prefix, "account_id")?,
        is_live,
        card,
    })
}
