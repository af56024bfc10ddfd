//! Moves the items of a stream from its service to its reader, until one of them ends or the reader's right does.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use fault::Fault;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use transcode::Item;

use super::body::Chunk;
use super::form::Form;
use crate::accept::pulse::InFlight;
use crate::ending::Ending;
use crate::{log, respond};

/// How long the reader of a broken stream has to take why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// From handing over the last bytes of a broken stream to breaking the connection: what hyper has not written by then is lost.
const FLUSH: Duration = Duration::from_millis(250);

/// What a stream runs by.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) form: Form,
    /// For the array: how many items it has at most.
    pub(super) most: usize,
    /// When it ends of itself, complete.
    pub(super) until: Instant,
    /// Pause after which a heartbeat is sent (ST-4).
    pub(super) heartbeat: Duration,
    /// How long a reader may take nothing (N-17).
    pub(super) patience: Duration,
    /// The request, for its connection's time-keeping and for errors.
    pub(super) in_flight: InFlight,
    pub(super) request_id: String,
    pub(super) route: String,
}

/// Why a stream ends.
enum End {
    /// It is complete.
    Complete,
    /// The service or the reader's right failed: the reader is told, then the connection breaks (ST-2).
    Failed(Fault),
    /// The reader is gone, or takes nothing.
    Left,
}

impl Pump {
    /// Runs until the stream has ended. At most one chunk is kept for a reader, and no item is asked for before that one was
    /// taken, so a slow reader slows its service down.
    pub(super) async fn run(
        self,
        items: impl Stream<Item = Result<Item, Fault>> + Send,
        ending: impl Future<Output = Ending> + Send,
        out: mpsc::Sender<Chunk>,
    ) {
        let mut sent = 0;
        let end = self.flow(items, ending, &out, &mut sent).await;
        // The service's work ended with `items`; what follows concerns the reader alone.
        let taken = match end {
            End::Complete => {
                let closing = Bytes::from_static(self.form.closing());
                let taken = say(&out, closing, self.patience).await;
                // A reader who is gone needs no end.
                taken && out.try_send(Chunk::End).is_ok()
            }
            End::Failed(fault) => {
                log::explain(&self.route, &fault);
                let body = fault::http::body(&fault, &self.request_id, &respond::now());
                let last = self.form.failure(body, sent == 0);
                let last = [&last, self.form.closing()].concat();
                let taken = say(&out, last.into(), LAST_WORD).await;
                sleep(FLUSH).await;
                taken
            }
            End::Left => false,
        };
        if !taken {
            self.in_flight.end();
        }
    }

    async fn flow(
        &self,
        items: impl Stream<Item = Result<Item, Fault>> + Send,
        ending: impl Future<Output = Ending> + Send,
        out: &mpsc::Sender<Chunk>,
        sent: &mut usize,
    ) -> End {
        let mut items = pin!(items);
        let mut over = pin!(self.over(ending));
        let opening = self.form.opening();
        if !opening.is_empty() && out.try_send(Chunk::Data(opening.into())).is_err() {
            return End::Left;
        }
        while *sent < self.most {
            let place = tokio::select! {
                biased;
                end = over.as_mut() => return end,
                place = timeout(self.patience, out.reserve()) => match place {
                    Ok(Ok(place)) => place,
                    Ok(Err(_)) | Err(_) => return End::Left,
                },
            };
            let chunk = tokio::select! {
                biased;
                end = over.as_mut() => return end,
                item = items.next() => match item {
                    Some(Ok(item)) => {
                        *sent += 1;
                        self.form.item(item, *sent == 1)
                    }
                    Some(Err(fault)) => return End::Failed(fault),
                    None => return End::Complete,
                },
                () = sleep(self.heartbeat) => Bytes::from_static(self.form.heartbeat()),
            };
            place.send(Chunk::Data(chunk));
        }
        End::Complete
    }

    /// Waits for what ends a stream whatever its service does: the reader's right, the door, or its time.
    async fn over(&self, ending: impl Future<Output = Ending> + Send) -> End {
        match timeout_at(self.until, ending).await {
            Ok(Ending::Lapsed(fault)) => End::Failed(fault),
            Ok(Ending::Closing) | Err(_) => End::Complete,
        }
    }
}

/// Hands over the last bytes; true when they were taken in time.
async fn say(out: &mpsc::Sender<Chunk>, bytes: Bytes, patience: Duration) -> bool {
    if !bytes.is_empty() {
        match timeout(patience, out.reserve()).await {
            Ok(Ok(place)) => place.send(Chunk::Data(bytes)),
            Ok(Err(_)) | Err(_) => return false,
        }
    }
    // Room for more means that these were taken.
    matches!(timeout(patience, out.reserve()).await, Ok(Ok(_)))
}
