//! Counters compared with the rows they count, every night (D12).

use ::events::projections::{Compared, Comparison};
use chassis::async_trait;
use fault::Result;
use identity::Context;
use uuid::Uuid;

use crate::store::engagement::Thing;
use crate::store::recount;

/// Things looked at in one transaction.
const PAGE: i64 = 500;

/// The counters of posts, or of comments. Views are not among them: the rows they count are not kept as long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters(pub(crate) Thing);

#[async_trait]
impl Compared for Counters {
    fn name(&self) -> &'static str {
        match self.0 {
            Thing::Post => "post_stats",
            Thing::Comment => "comment_stats",
        }
    }

    async fn page(&self, at: &Comparison, ctx: &Context, after: Uuid) -> Result<Option<Uuid>> {
        let tx = at.db().begin(ctx).await?;
        let found = recount::page(&*tx, self.0, after, PAGE).await?;
        tx.commit().await?;
        if found.mended > 0 {
            metrics::counter!("sf_counter_drift_total", "of" => self.name())
                .increment(found.mended);
            tracing::warn!(
                of = self.name(),
                mended = found.mended,
                "counters had drifted"
            );
        }
        Ok(found.last)
    }
}
