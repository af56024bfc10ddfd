//! `account_ref` compared with the auth service.

use chassis::async_trait;
use contracts::auth::v1::{AccountRef, AccountState};
use fault::{Fault, Result};
use identity::Context;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::{Compared, Comparison, Difference};
use crate::projections::{keep_account, run};

/// `account_ref`. The version of an account rises without events too, hence what is compared is the state.
#[derive(Clone, Copy, Debug)]
pub struct Accounts;

#[async_trait]
impl Compared for Accounts {
    fn name(&self) -> &'static str {
        "account_ref"
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let sql = "select account_id as id, state, version from account_ref where account_id > $1 order by 1 limit $2";
        let facts = |row: &QueryResult| {
            let state = row.try_get::<String>("", "state")?;
            Ok((state, row.try_get::<i32>("", "version")?))
        };
        let kept = at.kept(sql, after, facts).await?;
        let (accounts, reach) = at.accounts(ctx, after, &kept).await?;
        for (id, account) in &accounts {
            self.repair(at, ctx, *id, account, kept.rows.get(id))
                .await?;
        }
        let unknown = |id: &Uuid| reach.covers(*id) && !accounts.contains_key(id);
        for (&id, &(_, version)) in kept.rows.iter().filter(|(id, _)| unknown(id)) {
            let tx = at.db().begin(ctx).await?;
            let gone = remove(&*tx, id, version).await?;
            tx.commit().await?;
            if gone {
                at.repaired(self, Difference::Unknown);
            }
        }
        Ok(reach.next())
    }
}

impl Accounts {
    async fn repair(
        &self,
        at: &Comparison,
        ctx: &Context,
        id: Uuid,
        account: &AccountRef,
        kept: Option<&(String, i32)>,
    ) -> Result<()> {
        let state = match account.state() {
            AccountState::Live => "live",
            AccountState::Suspended => "suspended",
            AccountState::Deleted => "deleted",
            AccountState::Unspecified => {
                return Err(Fault::internal("an account without a state"));
            }
        };
        let difference = match kept {
            // Accounts nobody ever suspended or deleted are in no projection.
            None if state == "live" => return Ok(()),
            None => Difference::Missing,
            Some((_, version)) if *version > account.version => Difference::Ahead,
            Some((known, _)) if known == state => return Ok(()),
            Some((_, version)) if *version == account.version => Difference::Ahead,
            Some(_) => Difference::Behind,
        };
        let tx = at.db().begin(ctx).await?;
        if let (Difference::Ahead, Some(&(_, version))) = (difference, kept) {
            remove(&*tx, id, version).await?;
        }
        let changed = keep_account(&*tx, &account.account_id, state, account.version).await?;
        tx.commit().await?;
        if changed {
            at.repaired(self, difference);
        }
        Ok(())
    }
}

/// Removes a row that is damage, as long as it is the one that was seen; returns whether it was.
async fn remove(on: &impl ConnectionTrait, id: Uuid, version: i32) -> Result<bool> {
    let sql = "delete from account_ref where account_id = $1 and version = $2";
    Ok(run(on, sql, vec![id.into(), version.into()]).await? == 1)
}
