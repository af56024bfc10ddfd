//! Round trips to Redis that requests share: those that come while two are under way go with the next (GW-3).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chassis::{Shutdown, Task};
use fault::Fault;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::{Arg, Redis, Script};
use tokio::sync::{mpsc, oneshot};

use super::{Charge, Key};

static WINDOW: Script = Script::new(include_str!("window.lua"));

/// Requests that share a trip, at most: Redis does nothing else meanwhile.
const MOST: usize = 64;

/// Trips under way at a time: while Redis works on one, the next is written or read.
const TRIPS: usize = 2;

/// Asks Redis for many requests at a time. One that comes alone does not wait for others.
#[derive(Debug)]
pub(super) struct Batches {
    redis: Redis,
    patience: Duration,
    /// There while the task runs.
    queue: RwLock<Option<Queue>>,
}

/// Every request in it waits, so it is no longer than there are places for requests.
type Queue = mpsc::UnboundedSender<Waiting>;

/// The windows of one request.
type Question = Vec<Window>;

/// The numbers the script returns for one request.
pub(super) type Answer = Result<Vec<i64>, Fault>;

#[derive(Debug, Clone, Copy)]
struct Window {
    key: Key,
    /// Limit, slot length in milliseconds, cost.
    figures: [i64; 3],
}

#[derive(Debug)]
struct Waiting {
    question: Question,
    answer: oneshot::Sender<Answer>,
}

impl Batches {
    pub(super) fn new(redis: Redis, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            redis,
            patience,
            queue: RwLock::default(),
        })
    }

    /// Counts one request.
    ///
    /// # Errors
    /// Redis does not answer in time, or fails.
    pub(super) async fn ask(&self, charges: &[Charge<'_>]) -> Answer {
        // A request whose trace is exported goes alone, so that the trip is in its trace (OB-4).
        if !telemetry::span::is_recording()
            && let Some(answer) = self.ask_with_others(charges).await
        {
            return answer;
        }
        let mut answers = self.trip(&[question(charges)]).await?;
        answers.pop().unwrap_or_else(|| Err(incomplete()))
    }

    /// None when the task does not run, or ended before the question was sent.
    async fn ask_with_others(&self, charges: &[Charge<'_>]) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            question: question(charges),
            answer,
        };
        self.enqueue(waiting)?;
        answered.await.ok()
    }

    fn enqueue(&self, waiting: Waiting) -> Option<()> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref()?.send(waiting).ok()
    }

    /// The task that makes the trips.
    pub(super) fn task(this: &Arc<Self>) -> Task {
        let batches = Arc::clone(this);
        Task::new("edge.limits", move |stop: Shutdown| {
            let (batches, waiting) = (Arc::clone(&batches), batches.open());
            async move {
                stop.run(batches.serve(waiting)).await;
                fault::Result::Ok(())
            }
        })
    }

    fn open(&self) -> mpsc::UnboundedReceiver<Waiting> {
        let (queue, waiting) = mpsc::unbounded_channel();
        *self.queue.write().unwrap_or_else(PoisonError::into_inner) = Some(queue);
        waiting
    }

    async fn serve(&self, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                Some(()) = under_way.next() => {}
                count = waiting.recv_many(&mut batch, MOST), if under_way.len() < TRIPS => {
                    if count == 0 {
                        break;
                    }
                    under_way.push(self.carry(batch));
                }
            }
        }
    }

    /// Makes one trip and tells its requests.
    async fn carry(&self, batch: Vec<Waiting>) {
        let (questions, answers): (Vec<Question>, Vec<_>) = batch
            .into_iter()
            // Whoever left or lost patience counts in process, and not here too.
            .filter(|it| !it.answer.is_closed())
            .map(|it| (it.question, it.answer))
            .unzip();
        if questions.is_empty() {
            return;
        }
        match self.trip(&questions).await {
            Ok(outcomes) => answers.into_iter().zip(outcomes).for_each(tell),
            Err(fault) => answers
                .into_iter()
                .for_each(|answer| tell((answer, Err(fault.clone())))),
        }
    }

    async fn trip(&self, questions: &[Question]) -> Result<Vec<Answer>, Fault> {
        let (mut keys, mut args) = (Vec::new(), Vec::new());
        for question in questions {
            args.push(Arg::from(i64::try_from(question.len()).unwrap_or(i64::MAX)));
            for window in question {
                keys.push(window.key.to_string());
                args.extend(window.figures.map(Arg::from));
            }
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let reply = tokio::time::timeout(self.patience, self.redis.eval(&WINDOW, &keys, &args));
        let reply = reply.await.map_err(Fault::unavailable)??.many()?;
        let mut numbers = reply.iter().map(redis::Reply::int);
        let answer = |question: &Question| -> Answer {
            let own = 1 + 2 * question.len();
            let answer: Vec<i64> = numbers.by_ref().take(own).collect::<Result<_, _>>()?;
            (answer.len() == own)
                .then_some(answer)
                .ok_or_else(incomplete)
        };
        Ok(questions.iter().map(answer).collect())
    }
}

/// Whoever left in the meantime is not told.
fn tell((to, answer): (oneshot::Sender<Answer>, Answer)) {
    let _left = to.send(answer);
}

fn question(charges: &[Charge<'_>]) -> Question {
    let window = |charge: &Charge<'_>| Window {
        key: charge.key,
        figures: [
            i64::from(charge.bucket.figures.limit),
            i64::try_from(charge.bucket.slot().as_millis()).unwrap_or(i64::MAX),
            i64::from(charge.cost),
        ],
    };
    charges.iter().map(window).collect()
}

fn incomplete() -> Fault {
    Fault::internal("a reply to the rate-limit script is incomplete")
}

#[cfg(test)]
mod tests;
