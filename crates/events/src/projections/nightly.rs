//! Every night, each projection is compared with its owner (PJ-5), by one replica (JB-1).

use std::sync::Arc;
use std::time::Duration;

use chassis::Task;
use fault::Result;
use identity::Context;
use mesh::Peers;
use serde_json::json;
use store::{Db, Lease};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::compare::{Compared, Comparison};

/// How often it is looked at whether the time has come, or whether a run that broke off is to go on.
const LOOK: Duration = Duration::from_secs(60);
/// How long one grant of the lease lasts: more than one page takes.
const LEASE: Duration = Duration::from_secs(120);
/// Time one page may take.
const TIME: Duration = Duration::from_secs(30);
/// The night begins at one, UTC, and ends at five; in seconds of the day.
const NIGHT: std::ops::Range<u64> = 3_600..18_000;

/// Compares copies with their owners, at a moment between one and five at night (UTC) that differs by service and day.
///
/// A run that broke off goes on where it was, on whichever replica. Differences are repaired and counted in
/// `sf_projection_repairs_total{service,projection,difference}`; `sf_projection_compared_seconds{service}` says how long
/// ago a run was completed.
#[must_use]
pub fn nightly(service: &str, db: Db, peers: Peers, copies: Vec<Arc<dyn Compared>>) -> Task {
    let lease = Lease::new(db.clone(), "projections", "", LEASE);
    let comparison = Comparison {
        service: service.to_owned(),
        db,
        peers,
    };
    Task::every(format!("{service}.projections"), LOOK, move || {
        let (comparison, lease, copies) = (comparison.clone(), lease.clone(), copies.clone());
        async move { look(&comparison, &lease, &copies).await }
    })
}

async fn look(comparison: &Comparison, lease: &Lease, copies: &[Arc<dyn Compared>]) -> Result<()> {
    let now = identity::clock::now();
    let Some(completed) = lease.completed_at().await? else {
        // A new service has read the streams from their beginning; its first night is the next.
        if lease.hold().await? {
            lease.complete().await?;
            lease.release().await?;
        }
        return Ok(());
    };
    let service = &comparison.service;
    let ago = (now - completed).as_seconds_f64().max(0.0);
    metrics::gauge!("sf_projection_compared_seconds", "service" => service.clone()).set(ago);
    if completed >= last_moment(service, now) || !lease.hold().await? {
        return Ok(());
    }
    let outcome = compare(comparison, lease, copies).await;
    lease.release().await?;
    outcome
}

/// Goes through what is left of the copies, as long as the lease is held.
async fn compare(
    comparison: &Comparison,
    lease: &Lease,
    copies: &[Arc<dyn Compared>],
) -> Result<()> {
    let noted = lease.noted().await?;
    let begun = copies.iter().position(|copy| noted["in"] == copy.name());
    let mut after: Uuid = noted["after"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_default();
    for copy in &copies[begun.unwrap_or(0)..] {
        loop {
            let ctx = Context::background(format!("compare-{}", Uuid::now_v7()), TIME);
            let Some(next) = copy.page(comparison, &ctx, after).await? else {
                break;
            };
            after = next;
            let place = json!({"in": copy.name(), "after": after.to_string()});
            if !(lease.hold().await? && lease.note(place).await?) {
                return Ok(());
            }
        }
        after = Uuid::nil();
    }
    lease.complete().await?;
    Ok(())
}

/// The last moment at which the service was to compare its projections.
fn last_moment(service: &str, now: OffsetDateTime) -> OffsetDateTime {
    let today = moment(service, now.date());
    if today <= now {
        return today;
    }
    let yesterday = now.date().previous_day();
    yesterday.map_or(today, |yesterday| moment(service, yesterday))
}

/// The service's moment of a day: any second of the night, the same on every replica.
fn moment(service: &str, day: Date) -> OffsetDateTime {
    // FNV-1a: nothing but spread is asked of it.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in service.bytes().chain(day.to_julian_day().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let second = NIGHT.start + hash % (NIGHT.end - NIGHT.start);
    day.midnight().assume_utc() + Duration::from_secs(second)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn pj_5_the_moment_is_at_night_and_differs_by_service_and_day() {
        let noon = datetime!(2026-11-23 12:00 UTC);
        let mut moments = Vec::new();
        for day in 0..30 {
            let noon = noon + time::Duration::days(day);
            for service in ["feed", "messaging", "group"] {
                let moment = last_moment(service, noon);
                assert!((1..5).contains(&moment.hour()), "{moment}");
                assert_eq!(moment.date(), noon.date());
                moments.push(moment.time());
            }
        }
        moments.sort();
        moments.dedup();
        assert!(moments.len() > 80, "{}", moments.len());
    }

    #[test]
    fn pj_5_before_the_moment_of_the_day_it_is_yesterdays_that_counts() {
        let midnight = datetime!(2026-11-23 00:00 UTC);
        let yesterday = midnight.date().previous_day().unwrap();
        assert_eq!(last_moment("feed", midnight), moment("feed", yesterday));
        let next = moment("feed", midnight.date());
        assert_eq!(last_moment("feed", next), next);
        assert_eq!(
            last_moment("feed", next - time::Duration::SECOND),
            moment("feed", yesterday)
        );
    }
}
