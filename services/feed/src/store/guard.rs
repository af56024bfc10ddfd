//! Who is guarded: a profile not everybody may see, since it is not public or its account is not live (VIS-8).
//!
//! Whom nobody blocks and who is not guarded is counted by everybody. So a count is that of all rows, without those of the
//! guarded, with those of them the viewer may see, without those of the blocked: what is read depends on whom the viewer
//! knows, not on how many liked a thing or live in the community. For this every like says whether it is a guarded profile's,
//! and whatever changes who is guarded says so here.
//!
//! A like holds its profile's row while it is stored; what changes that row waits for it, and is seen by those after it.

use fault::{Fault, Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{all, column, rows, run};

/// Who is guarded, by what is known of the profiles `r`.
const GUARDED: &str = "(r.visibility <> 'public' or exists (
    select from account_ref a where a.account_id = r.account_id and a.state <> 'live'))";

/// Accounts blocked either way with this one.
pub(super) fn shut(account: &str) -> String {
    format!(
        "select b.blocked_account as account_id from block_ref b where b.blocker_account = {account} and b.removed_at is null
         union all select b.blocker_account from block_ref b where b.blocked_account = {account} and b.removed_at is null"
    )
}

/// Common tables of a statement whose parameters are the viewer's profile and account: `shut`, the accounts blocked either
/// way, and `seen`, the guarded profiles the viewer may see all the same (VIS-1, VIS-2): own ones, and connected ones that are
/// shown to connections. They are read when something asks for them.
pub(super) fn circle(me: &str, account: &str) -> String {
    let shut = shut(account);
    format!(
        "shut as materialized ({shut}),
         seen as materialized (
           select r.profile_id from profile_ref r where r.account_id = {account} and r.is_guarded and {LIVE}
           union all select r.profile_id from (
               select c.profile_b as profile_id from connection_ref c where c.profile_a = {me} and c.removed_at is null
               union all select c.profile_a from connection_ref c where c.profile_b = {me} and c.removed_at is null) friend
             cross join lateral (select g.* from profile_ref g
               where g.profile_id = friend.profile_id and g.is_guarded and g.visibility = 'connections' offset 0) r
             where r.account_id <> {account} and {LIVE} and r.account_id not in (select shut.account_id from shut))"
    )
}

/// Whether the profile `r` and its account are live.
const LIVE: &str = "r.state = 'live' and not exists (
    select from account_ref a where a.account_id = r.account_id and a.state <> 'live')";

/// Looks again at who of these profiles is guarded, and marks their likes where that has changed; returns of how many it has.
pub(crate) async fn review(on: &impl ConnectionTrait, profiles: &[Uuid]) -> Result<usize> {
    let sql = format!(
        "update profile_ref p set is_guarded = r.is_guarded from (
           select r.profile_id, {GUARDED} as is_guarded from profile_ref r
             where r.profile_id = any ($1) and r.is_guarded <> {GUARDED}
             order by r.profile_id for no key update) r
         where p.profile_id = r.profile_id returning p.profile_id"
    );
    let changed: Vec<Uuid> = all(
        &rows(on, sql, vec![profiles.to_vec().into()]).await?,
        "profile_id",
    )?;
    mark(on, &changed).await?;
    Ok(changed.len())
}

/// The same for the profiles of an account.
pub(crate) async fn review_account(on: &impl ConnectionTrait, account: Uuid) -> Result<()> {
    let sql = "select profile_id from profile_ref where account_id = $1";
    let profiles = all(&rows(on, sql, vec![account.into()]).await?, "profile_id")?;
    review(on, &profiles).await.map(drop)
}

/// Brings the profiles after this one to order, and their likes, a page of them: what no event has brought about. Returns how
/// many were not, and the last one's id, or nothing at the end.
pub(crate) async fn repair(
    on: &impl ConnectionTrait,
    after: Uuid,
    at_most: usize,
) -> Result<(usize, Option<Uuid>)> {
    let sql = format!(
        "select r.profile_id, r.is_guarded <> {GUARDED} as is_wrong,
           exists (select from likes l where l.profile_id = r.profile_id and l.is_guarded <> r.is_guarded) as is_marked_wrong
         from profile_ref r where r.profile_id > $1 order by r.profile_id limit $2"
    );
    let limit = i64::try_from(at_most).map_err(Fault::internal)?;
    let page = rows(on, sql, vec![after.into(), limit.into()]).await?;
    let (mut wrong, mut marked_wrong) = (Vec::new(), Vec::new());
    for row in &page {
        let profile: Uuid = column(row, "profile_id")?;
        if column(row, "is_wrong")? {
            wrong.push(profile);
        } else if column(row, "is_marked_wrong")? {
            marked_wrong.push(profile);
        }
    }
    let repaired = review(on, &wrong).await? + marked_wrong.len();
    mark(on, &marked_wrong).await?;
    let last = page.last().filter(|_| page.len() == at_most);
    let last = last.map(|row| column(row, "profile_id")).transpose()?;
    Ok((repaired, last))
}

/// Marks the likes of these profiles as the profiles are. Nobody is waited for at the counters (D14): whoever holds them next
/// counts.
async fn mark(on: &impl ConnectionTrait, profiles: &[Uuid]) -> Result<()> {
    if profiles.is_empty() {
        return Ok(());
    }
    let sql = "with marked as (update likes l set is_guarded = r.is_guarded from profile_ref r
         where r.profile_id = any ($1) and l.profile_id = r.profile_id and l.is_guarded <> r.is_guarded
         returning l.post_id, l.is_guarded)
       insert into post_stats_late (post_id, guarded_likes)
       select m.post_id, sum(case when m.is_guarded then 1 else -1 end) from marked m where m.post_id is not null group by m.post_id";
    run(on, sql, vec![profiles.to_vec().into()]).await.map(drop)
}
