//! What profiles carry of their accounts compared with the auth service, every night (PJ-5).

use contracts::auth::v1::{AccountRef, AccountState as Told};
use events::projections::{Compared, Comparison, Difference};
use fault::{Fault, Result};
use identity::Context;
use uuid::Uuid;

use crate::domain::{AccountState, ContactVisibility, Settings};
use crate::store::{self as rows, copies::Copy};

use super::account::{AccountChange, change_account, change_settings};

/// State and settings of accounts, by what they say: their versions rise without events too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountFacts;

#[chassis::async_trait]
impl Compared for AccountFacts {
    fn name(&self) -> &'static str {
        "account_facts"
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let kept = rows::copies::page(at, after).await?;
        let (accounts, reach) = at.accounts(ctx, after, &kept).await?;
        for (account, copy) in &kept.rows {
            // An account its owner knows nothing of: its profiles are not ours to end.
            let Some(told) = accounts.get(account) else {
                continue;
            };
            let owner = Owner::read(told)?;
            if let Some(difference) = owner.differs(copy)
                && owner.repair(at, ctx, *account, copy).await?
            {
                at.repaired(self, difference);
            }
        }
        Ok(reach.next())
    }
}

/// What the auth service says of an account.
struct Owner {
    state: AccountState,
    version: i32,
    settings: Settings,
}

impl Owner {
    fn read(told: &AccountRef) -> Result<Self> {
        let state = match told.state() {
            Told::Live => AccountState::Live,
            Told::Suspended => AccountState::Suspended,
            Told::Deleted => AccountState::Deleted,
            Told::Unspecified => return Err(Fault::internal("an account without a state")),
        };
        Ok(Self {
            state,
            version: told.version,
            settings: Settings {
                private_account: told.private_account,
                contact_visibility: ContactVisibility::from_word(&told.contact_visibility)?,
                version: told.settings_version,
                account_version: 0,
            },
        })
    }

    fn has_other_state(&self, copy: &Copy) -> bool {
        let states = match self.state {
            AccountState::Deleted => &copy.states,
            AccountState::Live | AccountState::Suspended => &copy.live_states,
        };
        states.iter().any(|state| state != self.state.word())
    }

    fn has_other_settings(&self, copy: &Copy) -> bool {
        let private = self.settings.private_account;
        self.state != AccountState::Deleted
            && (copy.private.iter().any(|known| *known != private)
                || copy
                    .contact
                    .iter()
                    .any(|known| known != self.settings.contact_visibility.word()))
    }

    fn differs(&self, copy: &Copy) -> Option<Difference> {
        let versions = [
            (self.has_other_state(copy), copy.version >= self.version),
            (
                self.has_other_settings(copy),
                copy.settings_version >= self.settings.version,
            ),
        ];
        let wrong = versions.iter().filter(|(differs, _)| *differs);
        let ahead = |(_, ahead): &(bool, bool)| match ahead {
            true => Difference::Ahead,
            false => Difference::Behind,
        };
        wrong.map(ahead).max()
    }

    /// Applies what the owner says as its events would, unless something was told meanwhile; returns whether it did.
    async fn repair(
        &self,
        at: &Comparison,
        ctx: &Context,
        account: Uuid,
        seen: &Copy,
    ) -> Result<bool> {
        let mut tx = at.db().begin(ctx).await?;
        rows::profile::lock_account(&tx, account).await?;
        if rows::copies::of(&tx, account).await?.as_ref() != Some(seen) {
            return Ok(false);
        }
        rows::copies::forget_versions(&tx, account).await?;
        let change = AccountChange {
            account,
            state: self.state,
            version: self.version,
        };
        change_account(&mut tx, ctx, change).await?;
        if self.state != AccountState::Deleted {
            change_settings(&mut tx, ctx, account, self.settings).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}
