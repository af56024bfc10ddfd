//! PUT and PATCH of a profile, and who may see it.

use contracts::profile::v1::ProfileVisibility;
use identity::Context;

use crate::domain::changes::changed;
use crate::domain::{Change, Changes, Naming, Whole};
use crate::error::{Error, Result};
use crate::events::publish;
use crate::store as rows;

use super::{App, Target, check_username, lock_own, note_completion};

impl App {
    /// Changes what is given and what follows from it; nothing given is nothing changed.
    pub(crate) async fn update(
        &self,
        ctx: &Context,
        target: Target,
        changes: &Changes,
    ) -> Result<Whole> {
        check_username(changes)?;
        let mut tx = self.db.begin(ctx).await?;
        let profile = lock_own(&mut tx, ctx, target).await?;
        ctx.expected_version().admit(profile.version)?;
        if !profile.is_draft() && matches!(changes.draft_data, Change::Set(_)) {
            return Err(Error::NotADraft);
        }
        let before = rows::profile::whole_of(&*tx, profile).await?;
        let mut after = before.clone();
        after.apply(changes, Naming::default());
        after.profile.is_placeholder &= *changes == Changes::default();
        after
            .answers
            .check(&self.config.limits())
            .map_err(|refusal| Error::Answers(vec![refusal]))?;

        let changed = changed(&before, &after);
        if changed.is_empty() {
            return Ok(before);
        }
        after.profile.touch(identity::clock::now());
        let after = rows::profile::save(&tx, &before, &after).await?;
        note_completion(&mut tx, &after.profile);
        publish::updated(&mut tx, ctx, &after.profile, changed).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Sets who may see a profile.
    pub(crate) async fn set_visibility(
        &self,
        ctx: &Context,
        target: Target,
        visibility: ProfileVisibility,
    ) -> Result<Whole> {
        let changes = Changes {
            visibility: Some(visibility),
            ..Changes::default()
        };
        self.update(ctx, target, &changes).await
    }
}
