//! `profile_ref` compared with the profile service.

use chassis::async_trait;
use fault::Result;
use identity::Context;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Compared, Comparison, Difference, Versions};
use crate::projections::{keep_profile, run};

/// `profile_ref`, by version.
#[derive(Clone, Copy, Debug)]
pub struct Profiles;

#[async_trait]
impl Compared for Profiles {
    fn name(&self) -> &'static str {
        "profile_ref"
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let sql = "select profile_id as id, version from profile_ref where profile_id > $1 order by 1 limit $2";
        let versions = |row: &sea_orm::QueryResult| {
            let version = row.try_get("", "version")?;
            Ok(Versions {
                facts: version,
                newest: version,
            })
        };
        let kept = at.kept(sql, after, versions).await?;
        let page = at.profiles(ctx, after, &kept).await?;
        let ids = page.wrong.iter().map(|(id, _)| *id);
        let mut facts = at.profile_refs(ctx, ids).await?;
        for (id, difference) in page.wrong {
            let Some(profile) = facts.remove(&id) else {
                continue;
            };
            let tx = at.db().begin(ctx).await?;
            if let (Difference::Ahead, Some(known)) = (difference, kept.rows.get(&id)) {
                remove(&*tx, id, known.newest).await?;
            }
            let changed = keep_profile(&*tx, Some(profile)).await?;
            tx.commit().await?;
            if changed {
                at.repaired(self, difference);
            }
        }
        for id in page.unknown {
            let tx = at.db().begin(ctx).await?;
            let gone = remove(&*tx, id, kept.rows[&id].newest).await?;
            tx.commit().await?;
            if gone {
                at.repaired(self, Difference::Unknown);
            }
        }
        Ok(page.reach.next())
    }
}

/// Removes a row that is damage, as long as it is the one that was seen; returns whether it was.
async fn remove(on: &impl ConnectionTrait, id: Uuid, version: i32) -> Result<bool> {
    let sql = "delete from profile_ref where profile_id = $1 and version = $2";
    Ok(run(on, sql, vec![id.into(), version.into()]).await? == 1)
}
