//! The end of a profile: what is personal goes at once, the id is never used again.

use identity::Context;
use store::Tx;

use crate::domain::Profile;
use crate::error::{Error, Result};
use crate::events::publish;
use crate::store as rows;

use super::primary::{mark, move_mark};
use super::{App, Target, foreign_or_unknown};

impl App {
    /// Deletes a profile and lets another be primary if it was.
    pub(crate) async fn delete(&self, ctx: &Context, target: Target) -> Result<()> {
        let caller = ctx.require_caller()?.clone();
        let id = target.resolve(ctx)?;
        let mut tx = self.db.begin(ctx).await?;
        let mut live = rows::profile::lock_account(&tx, caller.account_id).await?;
        live.retain(|profile| profile.deleted_at.is_none());
        let Some(at) = live.iter().position(|profile| profile.id == id) else {
            return Err(foreign_or_unknown(&mut tx, &ctx.viewer(), id).await?);
        };
        let gone = live.swap_remove(at);
        let Some(heir) = heir(&live) else {
            return Err(Error::LastProfile);
        };
        ctx.expected_version().admit(gone.version)?;
        let (gone, primary) = if gone.is_primary {
            let (gone, heir) = move_mark(&mut tx, ctx, &gone, heir).await?;
            (gone, Some(heir))
        } else {
            (
                gone,
                live.iter().find(|profile| profile.is_primary).cloned(),
            )
        };
        let primary = match primary {
            Some(primary) => primary,
            None => mark(&mut tx, heir).await?,
        };
        let gone = erase(&mut tx, gone).await?;
        publish::deleted(&mut tx, ctx, &gone, Some(&primary)).await?;
        Ok(tx.commit().await?)
    }
}

/// Returns who is primary when nobody is: the oldest finished profile, else the
/// oldest.
fn heir(live: &[Profile]) -> Option<&Profile> {
    live.iter()
        .min_by_key(|profile| (profile.is_draft(), profile.created_at, profile.id))
}

/// Takes everything personal of a profile away and ends its connections and the mutes of it.
pub(super) async fn erase(tx: &mut Tx, mut profile: Profile) -> Result<Profile> {
    let read = profile.version;
    profile.erase(identity::clock::now());
    let profile = rows::profile::update(tx, read, &profile).await?;
    // Connections before counters, counters in id order, as the events of connections take them.
    let mut touched = rows::relation::disconnect(tx, profile.id).await?;
    touched.insert(profile.id);
    rows::relation::unmute(tx, profile.id).await?;
    rows::stats::count_connections(tx, touched).await?;
    rows::profile::strip(tx, profile.id).await?;
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Settings, Whole};

    fn profile(id: u128, age: i64, draft: bool) -> Profile {
        let made = OffsetDateTime::UNIX_EPOCH - Duration::days(age);
        let mut whole = Whole::new(Uuid::from_u128(id), Uuid::nil(), Settings::default(), made);
        if draft {
            whole.draft();
        }
        whole.profile
    }

    #[test]
    fn pr_4_the_oldest_finished_profile_is_next_else_the_oldest() {
        let id = |live: &[Profile]| heir(live).map(|heir| heir.id.as_u128());
        assert_eq!(
            id(&[
                profile(1, 9, true),
                profile(2, 1, false),
                profile(3, 5, false)
            ]),
            Some(3)
        );
        assert_eq!(id(&[profile(1, 1, true), profile(2, 9, true)]), Some(2));
        assert_eq!(id(&[]), None);
    }
}
