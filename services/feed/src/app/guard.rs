//! Who is guarded, compared every night with what is known of profiles and accounts, after these have been.

use ::events::projections::{Compared, Comparison, Difference};
use chassis::async_trait;
use fault::Result;
use identity::Context;
use uuid::Uuid;

use crate::store::guard;

/// Profiles looked at in one transaction.
const PAGE: usize = 500;

/// Which profiles are guarded, and which likes are theirs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guarded;

#[async_trait]
impl Compared for Guarded {
    fn name(&self) -> &'static str {
        "likes"
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let tx = at.db().begin(ctx).await?;
        let (repaired, last) = guard::repair(&*tx, after, PAGE).await?;
        tx.commit().await?;
        for _ in 0..repaired {
            at.repaired(self, Difference::Behind);
        }
        Ok(last)
    }
}
