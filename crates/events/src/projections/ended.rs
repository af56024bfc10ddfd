//! Pairs that name somebody who is gone.

use fault::Result;
use sea_orm::ConnectionTrait;

use super::run;

/// Ends connections, blocks and mutes of deleted profiles and accounts in a schema that keeps all five projections;
/// returns how many. The consumer's purge removes them 8 days later (PJ-4, I-21).
///
/// # Errors
/// See [`store::fault`].
pub async fn end_pairs(on: &impl ConnectionTrait) -> Result<u64> {
    let mut ended = 0;
    for pairs in [
        "update connection_ref c set removed_at = now() where c.removed_at is null and exists (
           select from profile_ref p where p.profile_id in (c.profile_a, c.profile_b) and p.state = 'deleted')",
        "update block_ref b set removed_at = now() where b.removed_at is null and exists (
           select from account_ref a where a.account_id in (b.blocker_account, b.blocked_account) and a.state = 'deleted')",
        "update mute_ref m set removed_at = now() where m.removed_at is null and (
           exists (select from profile_ref p where p.profile_id = m.muted_profile_id and p.state = 'deleted')
           or exists (select from account_ref a where a.account_id = m.account_id and a.state = 'deleted'))",
    ] {
        ended += run(on, pairs, Vec::new()).await?;
    }
    Ok(ended)
}
