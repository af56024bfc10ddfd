//! Moves what a service streams to its reader, whatever protocol that is, until one of them ends or the reader's right does.
//!
//! A pump is a task of its own: hyper asks for nothing on behalf of an HTTP/2 reader whose window is closed, and a stream has to
//! end for such a reader too.

mod body;
mod ending;

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use chassis::Place;
use fault::Fault;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc::{self, Permit};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use self::body::Pumped;
use crate::accept::pulse::InFlight;
use crate::auth::Session;
use crate::log;
use crate::pipeline::{Door, Exchange};
use crate::respond::ReplyBody;

pub(crate) use self::body::Chunk;
pub(crate) use self::ending::Ending;

/// How long the reader of a broken stream has to take why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// From handing over the last bytes of a broken stream to breaking the connection: what hyper has not written by then is lost.
const FLUSH: Duration = Duration::from_millis(250);

/// How a protocol writes a stream.
pub(crate) trait Printer: Send + Sync + 'static {
    /// What a service sends one by one.
    type Item: Send;

    /// What stands before the first item.
    fn opening(&self) -> &'static [u8] {
        b""
    }

    /// What says that the stream is alive and means nothing else (ST-4); none where the protocol has no such thing.
    fn heartbeat(&self) -> Option<&'static [u8]> {
        None
    }

    /// Writes an item; `first` when none stands before it.
    fn item(&self, item: Self::Item, first: bool) -> Bytes;

    /// Reports whether a stream that has to end is complete, and how it failed if not.
    fn outcome(&self, ending: Ending) -> Result<(), Fault>;

    /// Writes the end of a complete stream.
    fn complete(&self) -> Last;

    /// Writes the end of a stream that failed; `first` when no item stands before it.
    fn failure(&self, fault: Fault, request_id: &str, first: bool) -> Last;
}

/// What a reader gets last.
#[derive(Debug)]
pub(crate) struct Last {
    pub(crate) bytes: Bytes,
    /// How the body ends; none breaks it off.
    pub(crate) end: Option<Chunk>,
}

/// What a stream runs by.
struct Pump<P> {
    printer: P,
    /// Pause after which a heartbeat is sent (ST-4).
    heartbeat: Duration,
    /// How long a reader may take nothing (N-17).
    patience: Duration,
    request_id: String,
    route: Cow<'static, str>,
    /// Kept while the stream is: the connection of one who takes nothing is not kept for it.
    _in_flight: InFlight,
}

/// Why a stream ends.
enum End {
    /// It is complete.
    Complete,
    /// The service or the reader's right failed, which the reader is told.
    Failed(Fault),
    /// The reader is gone, or takes nothing.
    Left,
}

impl Door {
    /// Returns a body of what a service streams. It ends with the service, at `until`, with the session, or with the door.
    pub(crate) fn pump<P: Printer>(
        &self,
        exchange: &mut Exchange,
        session: Option<&Session>,
        until: Instant,
        items: impl Stream<Item = Result<P::Item, Fault>> + Send + 'static,
        printer: P,
    ) -> ReplyBody {
        let ending = self.ending(session.cloned(), &exchange.request_id, until);
        let place = exchange.place.take();
        let pump = Pump {
            printer,
            heartbeat: self.config.limits.stream_heartbeat(),
            patience: self.config.limits.idle_body(),
            request_id: exchange.request_id.clone(),
            route: exchange.record.route.clone(),
            _in_flight: exchange.in_flight.clone(),
        };
        let (out, chunks) = mpsc::channel(1);
        let mut running = JoinSet::new();
        running.spawn(pump.run(items, ending, place, out).in_current_span());
        ReplyBody::stream(Pumped::new(chunks, running))
    }
}

impl<P: Printer> Pump<P> {
    /// Runs until the stream has ended and its reader took the end. At most one chunk is kept for a reader, and no item is
    /// asked for before that one was taken, so a slow reader slows its service down.
    async fn run(
        self,
        items: impl Stream<Item = Result<P::Item, Fault>> + Send,
        ending: impl Future<Output = Ending> + Send,
        place: Option<Place>,
        out: mpsc::Sender<Chunk>,
    ) {
        let mut first = true;
        let end = self.flow(items, ending, &out, &mut first).await;
        // The service's work ended with `items`; what follows concerns the reader alone.
        drop(place);
        let last = match end {
            End::Complete => self.printer.complete(),
            End::Failed(fault) => {
                log::explain(&self.route, &fault);
                self.printer.failure(fault, &self.request_id, first)
            }
            End::Left => return,
        };
        self.conclude(last, &out).await;
    }

    async fn flow(
        &self,
        items: impl Stream<Item = Result<P::Item, Fault>> + Send,
        ending: impl Future<Output = Ending> + Send,
        out: &mpsc::Sender<Chunk>,
        first: &mut bool,
    ) -> End {
        let (mut items, mut ending) = (pin!(items), pin!(ending));
        let opening = self.printer.opening();
        if !opening.is_empty() && out.try_send(Chunk::Data(opening.into())).is_err() {
            return End::Left;
        }
        loop {
            let room = tokio::select! {
                // A reader who is always behind must not outlive its token.
                biased;
                ending = ending.as_mut() => return self.end(ending),
                room = room(out, self.patience) => match room {
                    Some(room) => room,
                    None => return End::Left,
                },
            };
            let chunk = tokio::select! {
                biased;
                ending = ending.as_mut() => return self.end(ending),
                item = items.next() => match item {
                    Some(Ok(item)) => self.printer.item(item, std::mem::take(first)),
                    Some(Err(fault)) => return End::Failed(fault),
                    None => return End::Complete,
                },
                beat = self.silence() => Bytes::from_static(beat),
            };
            room.send(Chunk::Data(chunk));
        }
    }

    fn end(&self, ending: Ending) -> End {
        match self.printer.outcome(ending) {
            Ok(()) => End::Complete,
            Err(fault) => End::Failed(fault),
        }
    }

    /// Waits until a heartbeat is due.
    async fn silence(&self) -> &'static [u8] {
        match self.printer.heartbeat() {
            Some(beat) => {
                sleep(self.heartbeat).await;
                beat
            }
            None => std::future::pending().await,
        }
    }

    /// Hands over the last of a stream, to a reader who takes it in time.
    async fn conclude(&self, last: Last, out: &mpsc::Sender<Chunk>) {
        let Last { bytes, end } = last;
        let patience = if end.is_some() {
            self.patience
        } else {
            LAST_WORD
        };
        if !bytes.is_empty() {
            let Some(room) = room(out, patience).await else {
                return;
            };
            room.send(Chunk::Data(bytes));
        }
        // Room for more means that all before was taken.
        let Some(room) = room(out, patience).await else {
            return;
        };
        match end {
            Some(end) => {
                room.send(end);
                // Whoever takes the end drops the body, and with it this task.
                timeout(patience, out.closed()).await.unwrap_or_default();
            }
            None => sleep(FLUSH).await,
        }
    }
}

/// Waits until the reader took what was handed over before; none when it is gone or out of patience.
async fn room(out: &mpsc::Sender<Chunk>, patience: Duration) -> Option<Permit<'_, Chunk>> {
    timeout(patience, out.reserve()).await.ok()?.ok()
}
