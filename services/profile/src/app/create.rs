//! POST of a profile: the wizard's drafts and their end (PR-5, PR-7, PR-8).

use identity::{Caller, Context};
use store::Tx;
use uuid::Uuid;

use crate::domain::changes::changed;
use crate::domain::wizard::{Request, Way, way};
use crate::domain::{AccountState, Change, Changes, Finished, Naming, Profile, Settings, Whole};
use crate::error::{Error, Result};
use crate::events::publish;
use crate::store as rows;

use super::{App, check_username, note_completion, tell_completed, tell_created};

/// What is posted.
#[derive(Clone, Debug)]
pub(crate) struct Creation {
    /// Fields and answers; the type is always among them.
    pub(crate) changes: Changes,
    /// The request's bytes, by which a repeat is known.
    pub(crate) request: Vec<u8>,
}

impl App {
    /// Makes a profile, keeps or finishes a draft, or converts the placeholder.
    /// Returns the profile and whether there is one more than before.
    pub(crate) async fn create(&self, ctx: &Context, creation: &Creation) -> Result<(Whole, bool)> {
        let caller = ctx.require_caller()?.clone();
        check_username(&creation.changes)?;
        let mut tx = self.db.begin(ctx).await?;
        let had = rows::profile::lock_account(&tx, caller.account_id).await?;
        if had
            .iter()
            .any(|profile| profile.account_state == AccountState::Deleted)
        {
            return Err(Error::AccountGone);
        }
        let finished = self.finished(&caller, creation);
        let live: Vec<_> = had
            .iter()
            .filter(|profile| profile.deleted_at.is_none())
            .cloned()
            .collect();
        let request = Request {
            kind: creation.changes.kind.unwrap_or_default(),
            finish: finished.as_ref().map(|finished| finished.hash.as_slice()),
            now: identity::clock::now(),
            repeats: self.config.repeats(),
        };
        let made = match way(&live, &request) {
            Way::Repeat(id) => {
                return Ok((rows::profile::whole_of(&*tx, one(&live, id)?).await?, false));
            }
            Way::Into(id) => {
                let profile = one(&live, id)?;
                (
                    self.take_in(&mut tx, ctx, &live, profile, creation, finished)
                        .await?,
                    false,
                )
            }
            Way::New => {
                // The token names the first profile before it exists: whoever is faster makes it.
                let id = if had.is_empty() {
                    caller.profile_id
                } else {
                    Uuid::now_v7()
                };
                (
                    self.add(
                        &mut tx,
                        ctx,
                        &live,
                        (id, caller.account_id),
                        creation,
                        finished,
                    )
                    .await?,
                    true,
                )
            }
        };
        tx.commit().await?;
        Ok(made)
    }

    /// Returns how a repeat of a final request will be known; nothing for a draft.
    fn finished(&self, caller: &Caller, creation: &Creation) -> Option<Finished> {
        if matches!(creation.changes.draft_data, Change::Set(_)) {
            return None;
        }
        let hash = identity::keyed_hash(
            &self.key,
            &[caller.account_id.as_bytes().as_slice(), &creation.request],
        );
        Some(Finished {
            hash: hash.to_vec(),
            at: identity::clock::now(),
        })
    }

    /// Lets a draft or the placeholder take the request in.
    async fn take_in(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        live: &[Profile],
        profile: Profile,
        creation: &Creation,
        finished: Option<Finished>,
    ) -> Result<Whole> {
        let fallback = primary(live).map(|primary| primary.display_name.as_str());
        let replaceable = profile.is_placeholder || fallback == Some(profile.display_name.as_str());
        let before = rows::profile::whole_of(&**tx, profile).await?;
        let mut after = before.clone();
        after.apply(
            &creation.changes,
            Naming {
                fallback,
                replaceable,
            },
        );
        let first_end = finished.is_some();
        end_or_keep(&mut after, finished);
        after
            .answers
            .check(&self.config.limits())
            .map_err(|refusal| Error::Answers(vec![refusal]))?;

        let changed = changed(&before, &after);
        if !changed.is_empty() {
            after.profile.touch(identity::clock::now());
        }
        let after = rows::profile::save(tx, &before, &after).await?;
        if !changed.is_empty() {
            note_completion(tx, &after.profile);
            publish::updated(tx, ctx, &after.profile, changed).await?;
        }
        if first_end {
            tell_completed(tx, ctx, &after.profile).await?;
        }
        Ok(after)
    }

    /// Adds one more profile to the account.
    async fn add(
        &self,
        tx: &mut Tx,
        ctx: &Context,
        live: &[Profile],
        (id, account): (Uuid, Uuid),
        creation: &Creation,
        finished: Option<Finished>,
    ) -> Result<Whole> {
        if live.len() >= self.config.profiles_per_account {
            return Err(Error::LimitReached(self.config.profiles_per_account));
        }
        let settings = settings(tx, live).await?;
        let mut whole = Whole::new(id, account, settings, identity::clock::now());
        whole.profile.is_primary = live.is_empty();
        whole.profile.account_state = live
            .first()
            .map_or(AccountState::Live, |profile| profile.account_state);
        let fallback = primary(live).map(|primary| primary.display_name.as_str());
        whole.apply(
            &creation.changes,
            Naming {
                fallback,
                replaceable: true,
            },
        );
        if whole.profile.display_name.is_empty() {
            return Err(Error::Nameless);
        }
        let is_finished = finished.is_some();
        end_or_keep(&mut whole, finished);
        whole
            .answers
            .check(&self.config.limits())
            .map_err(|refusal| Error::Answers(vec![refusal]))?;

        let whole = rows::profile::insert(tx, &whole).await?;
        tell_created(tx, ctx, &whole.profile).await?;
        if is_finished {
            tell_completed(tx, ctx, &whole.profile).await?;
        }
        Ok(whole)
    }
}

fn end_or_keep(whole: &mut Whole, finished: Option<Finished>) {
    match finished {
        Some(finished) => whole.finish(finished),
        None => whole.draft(),
    }
}

/// A new profile takes over what its siblings know of the account.
async fn settings(tx: &mut Tx, live: &[Profile]) -> Result<Settings> {
    let siblings = rows::profile::whole(&**tx, live.iter().take(1).cloned().collect()).await?;
    Ok(siblings
        .first()
        .map(|sibling| sibling.private.settings)
        .unwrap_or_default())
}

fn primary(live: &[Profile]) -> Option<&Profile> {
    live.iter().find(|profile| profile.is_primary)
}

fn one(live: &[Profile], id: Uuid) -> Result<Profile> {
    live.iter()
        .find(|profile| profile.id == id)
        .cloned()
        .ok_or(Error::NotFound)
}
