//! What the services say about themselves: that they are there, and that something changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::{Shutdown, Task};
use redis::changes::{self, Change};
use redis::{Redis, Signal, Subscription};

/// How long a service may say nothing before nothing of it is kept: three of its signs of life.
const SILENCE: Duration = Duration::from_millis(1_500);

/// Pause before the next try to subscribe.
const AGAIN: Duration = Duration::from_millis(500);

/// The states of the services, as far as they are heard.
#[derive(Debug, Default)]
pub(crate) struct News {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    services: HashMap<String, Service>,
    /// Numbers every state once: what was heard before a gap is never the present state again.
    states: u64,
}

#[derive(Debug)]
struct Service {
    state: u64,
    at: Instant,
}

impl News {
    /// Returns the number of a service's present state; none when it was not heard lately, so that a change may have
    /// been missed.
    pub(super) fn state(&self, service: &str) -> Option<u64> {
        self.state_at(service, Instant::now())
    }

    /// Returns the number of the last state that was heard of, also when the service has been silent since: nobody has
    /// said that it changed, and no signal of anybody was missed.
    pub(super) fn last_state(&self, service: &str) -> Option<u64> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.services.get(service).map(|service| service.state)
    }

    fn state_at(&self, service: &str, now: Instant) -> Option<u64> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let service = heard.services.get(service)?;
        (now.saturating_duration_since(service.at) <= SILENCE).then_some(service.state)
    }

    /// Takes in that a service was made to change something.
    pub(super) fn changed(&self, service: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.states += 1;
        let next = heard.states;
        if let Some(known) = heard.services.get_mut(service) {
            known.state = next;
        }
    }

    /// Takes in what a service said.
    fn hear(&self, service: &str, change: Change, at: Instant) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.states += 1;
        let next = heard.states;
        match heard.services.get_mut(service) {
            Some(known) => {
                // Whoever was silent for too long may have changed unheard.
                if change == Change::Changed || at.saturating_duration_since(known.at) > SILENCE {
                    known.state = next;
                }
                known.at = at;
            }
            None => {
                let known = Service { state: next, at };
                heard.services.insert(service.to_owned(), known);
            }
        }
    }

    /// Forgets everything: something may have been missed.
    fn forget(&self) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.services.clear();
    }

    /// The task that listens.
    pub(crate) fn task(this: &Arc<Self>, redis: &Redis) -> Task {
        let (news, redis) = (Arc::clone(this), redis.clone());
        Task::new("edge.cache", move |stop: Shutdown| {
            listen(Arc::clone(&news), redis.clone(), stop)
        })
    }
}

async fn listen(news: Arc<News>, redis: Redis, stop: Shutdown) -> fault::Result<()> {
    while !stop.is_begun() {
        match redis.subscribe(changes::CHANNEL).await {
            Ok(mut signals) => {
                stop.run(take_in(&news, &mut signals)).await;
            }
            Err(error) => tracing::debug!(%error, "changes are not heard; nothing is kept"),
        }
        news.forget();
        stop.sleep(AGAIN).await;
    }
    Ok(())
}

async fn take_in(news: &News, signals: &mut Subscription) {
    while let Some(signal) = signals.next().await {
        match signal {
            Signal::Gap => news.forget(),
            Signal::Message(payload) => match changes::read(&payload) {
                Some((service, change)) => news.hear(service, change, Instant::now()),
                None => tracing::warn!("a signal of changes says nothing known"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_18_a_state_is_known_while_its_service_is_heard() {
        let news = News::default();
        let start = Instant::now();
        let state = |at| news.state_at("feed", at);
        assert_eq!(state(start), None);
        news.hear("feed", Change::None, start);
        let first = state(start);
        assert!(first.is_some() && news.state_at("profile", start).is_none());
        news.hear("feed", Change::None, start);
        assert_eq!(state(start + SILENCE), first);
        news.hear("feed", Change::Changed, start);
        let second = state(start);
        assert!(second.is_some() && second != first);

        let late = start + SILENCE + Duration::from_millis(1);
        assert_eq!(state(late), None, "silent");
        assert_eq!(news.last_state("feed"), second, "as far as is known");
        news.hear("feed", Change::None, late);
        let third = state(late);
        assert!(
            third.is_some() && third != second,
            "it may have changed unheard"
        );

        news.forget();
        assert_eq!((state(late), news.last_state("feed")), (None, None));
        news.hear("feed", Change::None, late);
        assert!(state(late) > third);
    }
}
