//! Whether the process takes requests: what it waits for, what it depends on, and whether it drains (DL-4).

use std::{
    fmt,
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use tokio::sync::Mutex;

use crate::Shutdown;

/// How long a dependency may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long an answer is kept, so that probes cost the same however many there are.
const KEPT: Duration = Duration::from_secs(1);

/// Pause between two tries of what the start waits for, and between two lines about it.
const TRY_AGAIN: Duration = Duration::from_millis(500);
const SAY_AGAIN: Duration = Duration::from_secs(30);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;
type Answer = Result<(), Vec<String>>;

/// Knows whether the process can serve. Cheap to clone.
///
/// Redis is waited for when the process starts and is no dependency afterwards: without it reads go on (T45), and a
/// process that is taken out cannot serve them.
#[derive(Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Default)]
struct State {
    draining: Shutdown,
    /// What the start waits for.
    awaited: RwLock<Option<String>>,
    dependencies: RwLock<Vec<(String, Check)>>,
    last: Mutex<Option<(Instant, Answer)>>,
}

impl Readiness {
    /// Returns what is ready until it waits for something or depends on something that is away.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the start waits for; not ready until [`Readiness::started`].
    pub fn wait_for(&self, what: impl Into<String>) {
        *self.awaited() = Some(what.into());
    }

    /// Says that the start waits for nothing more.
    pub fn started(&self) {
        *self.awaited() = None;
    }

    /// Tries until it succeeds, twice a second; not ready from now on until [`Readiness::started`]. `None` when stopping came first. Why it fails is
    /// logged at first and then every half minute.
    pub async fn until<T>(
        &self,
        stop: &Shutdown,
        what: &str,
        mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
    ) -> Option<T> {
        self.wait_for(what);
        let mut said: Option<Instant> = None;
        loop {
            match stop.run(attempt()).await? {
                Ok(there) => {
                    if said.is_some() {
                        tracing::info!("{what} is there");
                    }
                    return Some(there);
                }
                Err(error) => {
                    if said.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
                        tracing::warn!(cause = format!("{error:#}"), "waiting for {what}");
                        said = Some(Instant::now());
                    }
                }
            }
            if !stop.sleep(TRY_AGAIN).await {
                return None;
            }
        }
    }

    /// Says that the process drains: not ready from now on.
    pub fn drain(&self) {
        self.0.draining.begin();
    }

    /// Waits until the process drains.
    pub async fn draining(&self) {
        self.0.draining.begun().await;
    }

    /// Adds something without which the process is not ready.
    pub fn depend<C, F>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        let check: Check = Arc::new(move || check().boxed());
        let mut dependencies = self
            .0
            .dependencies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        dependencies.push((name.into(), check));
    }

    /// Whether the process has started and does not drain. Asks nobody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.standing().is_ok()
    }

    /// Checks everything the process depends on, at most 2 s; an answer is kept for 1 s.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self) -> Answer {
        self.standing()?;
        let mut last = self.0.last.lock().await;
        let answer = match &*last {
            Some((at, answer)) if at.elapsed() < KEPT => answer.clone(),
            _ => {
                let answer = self.ask().await;
                *last = Some((Instant::now(), answer.clone()));
                answer
            }
        };
        self.standing().and(answer)
    }

    fn standing(&self) -> Answer {
        if self.0.draining.is_begun() {
            return Err(vec!["draining".to_owned()]);
        }
        match &*self.awaited() {
            Some(what) => Err(vec![format!("waiting for {what}")]),
            None => Ok(()),
        }
    }

    fn awaited(&self) -> std::sync::RwLockWriteGuard<'_, Option<String>> {
        self.0
            .awaited
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self) -> Answer {
        let dependencies = self
            .0
            .dependencies
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let answers = dependencies.into_iter().map(|(name, check)| async move {
            let there = tokio::time::timeout(ANSWER, check()).await;
            (!there.unwrap_or(false)).then_some(name)
        });
        let missing: Vec<String> = join_all(answers).await.into_iter().flatten().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing)
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dl_4_not_ready_while_starting_without_a_dependency_and_while_draining() {
        let readiness = Readiness::new();
        readiness.wait_for("redis");
        let waiting = Err(vec!["waiting for redis".to_owned()]);
        assert_eq!(readiness.check().await, waiting);
        assert!(!readiness.is_open());
        readiness.started();
        assert_eq!(readiness.check().await, Ok(()));
        readiness.drain();
        assert_eq!(readiness.check().await, Err(vec!["draining".to_owned()]));
        assert!(!readiness.is_open());
    }

    #[tokio::test]
    async fn dl_4_a_dependency_that_is_away_or_hangs_is_named() {
        let readiness = Readiness::new();
        readiness.depend("first", || async { false });
        readiness.depend("second", || async { true });
        readiness.depend("third", std::future::pending);
        let missing = Err(vec!["first".to_owned(), "third".to_owned()]);
        assert_eq!(readiness.check().await, missing);
        assert!(readiness.is_open(), "which asks nobody");
    }

    #[tokio::test]
    async fn dl_4_a_start_tries_until_it_succeeds_and_says_what_it_waits_for() {
        let (readiness, stop) = (Readiness::new(), Shutdown::new());
        let tries = std::sync::atomic::AtomicU32::new(0);
        let attempt = async || {
            assert!(!readiness.is_open(), "not ready while it waits");
            let nth = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            anyhow::ensure!(nth == 2, "not yet");
            Ok("there")
        };
        let there = readiness.until(&stop, "the database", attempt).await;
        assert_eq!(there, Some("there"));
        readiness.started();
        assert!(readiness.is_open());
        stop.begin();
        let never = readiness
            .until(&stop, "the database", async || anyhow::bail!("away"))
            .await;
        assert_eq!(never, None::<()>);
    }
}
