//! Tells whoever keeps replies of a service that they are outdated: after every commit, and at once (GW-18, CA-2).

use std::time::Duration;

use redis::Redis;
use redis::changes::{self, Change};
use store::Db;

use crate::{Shutdown, Task};

/// Least time between two signals: what is committed meanwhile is said by the second.
const PAUSE: Duration = Duration::from_millis(100);

/// The task of one service. Each replica tells of its own commits.
pub(crate) fn task(service: &'static str, db: &Db, redis: &Redis) -> Task {
    let (db, redis) = (db.clone(), redis.clone());
    Task::new(format!("{service}.changes"), move |stop: Shutdown| {
        tell(service, db.clone(), redis.clone(), stop)
    })
}

async fn tell(service: &'static str, db: Db, redis: Redis, stop: Shutdown) -> fault::Result<()> {
    let mut commits = db.commits();
    // The process before this one may have ended between a commit and its signal.
    let mut change = Change::Changed;
    loop {
        let told = redis
            .publish(changes::CHANNEL, changes::write(service, change))
            .await;
        if let Err(error) = &told {
            // Not even that the service is there was said: the change is said with the next sign of life.
            tracing::debug!(service, %error, "a change could not be told");
        }
        let paused = match change {
            Change::Changed => PAUSE,
            Change::None => Duration::ZERO,
        };
        if !paused.is_zero() && !stop.sleep(paused).await {
            return Ok(());
        }
        if told.is_ok() {
            change = Change::None;
        }
        let commit = tokio::time::timeout(changes::SIGN_OF_LIFE - paused, commits.changed());
        match stop.run(commit).await {
            Some(Ok(Ok(()))) => change = Change::Changed,
            // The pool is never dropped before its tasks, so only time can have passed.
            Some(_) => {}
            None => return Ok(()),
        }
    }
}
