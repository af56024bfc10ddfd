//! One endpoint of a service: its connections, and whether it is in rotation.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{
    Method, Request, Response, Version,
    uri::{self, Authority, InvalidUriParts, Scheme},
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tonic::body::Body;

use super::{
    Failure, Kind, Outgoing,
    body::Received,
    connection::{Connection, End, Entered, Use},
    load::Load,
    probe,
    rotation::{Outage, State},
    tasks::Tasks,
};
use crate::metadata;

/// Calls that wait this long without a word from the endpoint have it asked whether it lives.
const SUSPICIOUS: Duration = Duration::from_millis(400);
/// How often one call looks for a connection that stays open.
const CONNECTS: u32 = 3;
/// The shortest pause between two probes.
const PAUSE: Duration = Duration::from_millis(50);
/// Who was in rotation this long has its earlier outages forgotten.
const HEALTHY: Duration = Duration::from_secs(10);

/// One endpoint. Its state changes rarely; what every call touches are counters and the
/// short list of its connections.
pub(super) struct Endpoint {
    callee: Arc<str>,
    at: String,
    /// The same as a request names it; none when it is no address.
    authority: Option<Authority>,
    load: Arc<Load>,
    state: AtomicU8,
    /// Failed calls in a row.
    failures: AtomicU32,
    history: Mutex<History>,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Held by whoever connects, so that many callers open one connection.
    connecting: Arc<tokio::sync::Mutex<()>>,
    /// Says that somebody waits for the endpoint to come back.
    wanted: Arc<Notify>,
    /// Changes after every probe.
    probed: watch::Sender<()>,
    tasks: Weak<Tasks>,
    me: Weak<Self>,
}

/// How often the endpoint was out lately.
struct History {
    outages: u32,
    in_since: Instant,
}

impl Endpoint {
    pub(super) fn new(callee: Arc<str>, at: String, tasks: Weak<Tasks>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            callee,
            authority: at.parse().ok(),
            at,
            load: Arc::new(Load::new()),
            state: AtomicU8::new(State::In as u8),
            failures: AtomicU32::new(0),
            history: Mutex::new(History {
                outages: 0,
                in_since: Instant::now(),
            }),
            connections: Mutex::new(Vec::new()),
            connecting: Arc::new(tokio::sync::Mutex::new(())),
            wanted: Arc::default(),
            probed: watch::Sender::new(()),
            tasks,
            me: me.clone(),
        })
    }

    /// Returns `host:port`.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) fn load(&self) -> &Load {
        &self.load
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Relaxed) {
            0 => State::In,
            1 => State::Leaving,
            _ => State::Out,
        }
    }

    /// Makes one try of a call: the head of the reply, however long that takes.
    pub(super) async fn send(&self, call: &Outgoing) -> Result<Response<Body>, Failure> {
        let mut counted = self.load.begin(call.kind);
        let place = self.enter().await?;
        counted.connected();
        let head = self.head(call).map_err(Failure::never_sent)?;
        let reply = place.send(head, call.body.clone());
        let reply = self.watched(call, place.connection(), reply).await?;
        counted.answered();
        // A stream may be silent for long, and whoever reads it goes on elsewhere.
        let silenced = (call.kind == Kind::Stream).then(|| place.connection().silenced());
        Ok(reply.map(|stream| Body::new(Received::new(stream, silenced, (counted, place)))))
    }

    /// Returns the head of one try, with the time it has.
    fn head(&self, call: &Outgoing) -> Result<Request<()>, InvalidUriParts> {
        let mut target = uri::Parts::default();
        target.scheme = Some(Scheme::HTTP);
        target.authority = self.authority.clone();
        target.path_and_query = Some(call.path.clone());
        let mut head = Request::new(());
        *head.method_mut() = Method::POST;
        *head.uri_mut() = target.try_into()?;
        *head.version_mut() = Version::HTTP_2;
        *head.headers_mut() = call.headers.clone();
        metadata::write_timeout(head.headers_mut(), call.deadline);
        Ok(head)
    }

    /// Waits for a reply; when the endpoint says nothing for long, it is asked whether it
    /// lives. If it does not say so, it is out of rotation, and calls that may be made elsewhere
    /// are given up. Others wait on: it may only be slow, and may have acted upon them.
    async fn watched<T>(
        &self,
        call: &Outgoing,
        connection: &Connection,
        reply: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let gives_up = call.is_repeatable || call.kind == Kind::Stream;
        let silenced = connection.silenced();
        tokio::pin!(reply, silenced);
        loop {
            tokio::select! {
                biased;
                reply = &mut reply => return reply,
                () = &mut silenced, if gives_up => return Err(Failure::Lost("no answer to a ping".into())),
                () = tokio::time::sleep(SUSPICIOUS) => {}
            }
            if self.load.silence() >= SUSPICIOUS {
                connection.ask();
            }
        }
    }

    /// Takes a place on a connection, opening one if there is none with room.
    async fn enter(&self) -> Result<Entered, Failure> {
        for _ in 0..CONNECTS {
            if let Some(place) = self.place() {
                return Ok(place);
            }
            let turn = Arc::clone(&self.connecting).lock_owned().await;
            // Somebody may have connected, or failed to, in the meantime.
            if let Some(place) = self.place() {
                return Ok(place);
            }
            if self.state() == State::Out {
                return Err(Failure::never_sent("the endpoint is out"));
            }
            let (Some(tasks), Some(me)) = (self.tasks.upgrade(), self.me.upgrade()) else {
                return Err(Failure::never_sent("the mesh is gone"));
            };
            // A task, so that it goes on whoever gives up waiting.
            tasks.spawn(async move {
                if let Err(failure) = me.connect().await {
                    me.unreachable(failure);
                }
                drop(turn);
            });
        }
        Err(Failure::never_sent("no connection stays open"))
    }

    /// Opens a connection.
    async fn connect(&self) -> Result<(), Failure> {
        let Some(tasks) = self.tasks.upgrade() else {
            return Err(Failure::never_sent("the mesh is gone"));
        };
        let me = self.me.clone();
        let ended = move |end: End| {
            if let Some(me) = me.upgrade() {
                me.ended(&end);
            }
        };
        let connection = Arc::new(Connection::open(&self.at, &tasks, ended).await?);
        self.list().push(connection);
        Ok(())
    }

    /// Takes a place on the first connection that has one, and forgets those before it that
    /// take no more calls.
    fn place(&self) -> Option<Entered> {
        let (mut place, mut said_goaway) = (None, false);
        self.list().retain(|connection| {
            if place.is_some() {
                return true;
            }
            let usable = connection.usable();
            match usable {
                Use::Open => place = Some(connection.enter()),
                Use::Leaving => said_goaway = true,
                Use::Full | Use::Broken => {}
            }
            matches!(usable, Use::Open | Use::Full)
        });
        if said_goaway {
            self.take_out(Outage::GoAway);
        }
        place
    }

    /// Forgets connections that take no more calls, and returns what became of one.
    fn weed(&self) -> Option<Use> {
        let mut found = None;
        self.list().retain(|connection| {
            let usable = connection.usable();
            let stays = matches!(usable, Use::Open | Use::Full);
            if !stays {
                found = Some(usable);
            }
            stays
        });
        found
    }

    /// Judges by the end of a connection, unless it was forgotten already.
    fn ended(&self, end: &End) {
        match (end, self.weed()) {
            (End::Silent, _) => self.unreachable("no answer to a ping"),
            (End::Closed, Some(Use::Leaving)) => self.take_out(Outage::GoAway),
            // Who closes while nothing is going on may only be tidying up.
            (End::Closed, Some(_)) if !self.load.is_idle() => {
                self.unreachable("the connection broke");
            }
            (End::Closed, _) => {}
        }
    }

    fn unreachable(&self, why: impl fmt::Display) {
        self.take_out(Outage::Unreachable(why.to_string()));
    }

    /// Counts a call that was answered.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// Counts a call that failed for the endpoint's reasons; returns how many did in a row.
    pub(super) fn failed(&self) -> u32 {
        self.failures.fetch_add(1, Relaxed) + 1
    }

    /// Takes the endpoint out of rotation until it answers a probe. The calls it has go on.
    pub(super) fn take_out(&self, outage: Outage) {
        let mut history = self.history();
        let (from, to) = (self.state(), outage.state());
        if from == State::Out || from == to {
            return;
        }
        self.state.store(to as u8, Relaxed);
        if to == State::Out {
            self.list().clear();
        }
        let (callee, endpoint) = (&*self.callee, &*self.at);
        match to {
            State::Out => {
                tracing::warn!(callee, endpoint, why = %outage, "endpoint out of rotation")
            }
            _ => tracing::info!(callee, endpoint, why = %outage, "endpoint out of rotation"),
        }
        if from != State::In {
            // It is being probed already.
            return;
        }
        self.out().increment(1);
        history.outages = match history.in_since.elapsed() {
            long if long > HEALTHY => 0,
            _ => history.outages + 1,
        };
        if let Some(tasks) = self.tasks.upgrade() {
            let wanted = Arc::clone(&self.wanted);
            tasks.spawn(come_back(self.me.clone(), wanted, outage, history.outages));
        }
    }

    /// Asks the endpoint whether it serves, on a connection it may keep.
    async fn probe(&self) -> Result<(), Failure> {
        let _turn = self.connecting.lock().await;
        for _ in 0..CONNECTS {
            let Some(place) = self.place() else {
                self.connect().await?;
                continue;
            };
            match probe::check(&place, &self.at).await {
                // The connection had no more room, or was about to go.
                Err(Failure::NeverSent(_)) if self.weed().is_some() => {}
                outcome => return outcome,
            }
        }
        Err(Failure::never_sent("no connection stays open"))
    }

    /// Has an endpoint that is out probed before its time, and waits for the outcome: nobody else can be asked.
    pub(super) async fn probed_now(&self) {
        let mut probed = self.probed.subscribe();
        self.wanted.notify_one();
        // It is owned by the endpoint, so it only ever changes.
        let _changed = probed.changed().await;
    }

    /// Whether it says that it serves. One that cannot be reached is taken out of rotation, as by a call.
    pub(super) async fn serves(&self) -> bool {
        if self.state() == State::Out {
            return false;
        }
        match self.probe().await {
            Ok(()) => true,
            Err(failure) => {
                self.unreachable(failure);
                false
            }
        }
    }

    fn put_back(&self) {
        let mut history = self.history();
        history.in_since = Instant::now();
        self.failures.store(0, Relaxed);
        self.load.forget();
        self.state.store(State::In as u8, Relaxed);
        self.probed.send_replace(());
        self.out().decrement(1);
        tracing::info!(
            callee = &*self.callee,
            endpoint = &*self.at,
            "endpoint in rotation again"
        );
    }

    fn out(&self) -> metrics::Gauge {
        metrics::gauge!("sf_mesh_endpoints_out", "callee" => self.callee.to_string())
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if self.state() != State::In {
            self.out().decrement(1);
        }
    }
}

/// Probes an endpoint until it serves, or nobody wants it any more.
async fn come_back(
    endpoint: Weak<Endpoint>,
    wanted: Arc<Notify>,
    outage: Outage,
    mut outages: u32,
) {
    loop {
        due(&wanted, &outage, outages).await;
        let Some(endpoint) = endpoint.upgrade() else {
            return;
        };
        match endpoint.probe().await {
            Ok(()) => return endpoint.put_back(),
            Err(failure) => endpoint.unreachable(failure),
        }
        endpoint.probed.send_replace(());
        outages += 1;
    }
}

/// Waits until a probe is due. An endpoint whose calls fail is not probed before its time: it may well pass.
async fn due(wanted: &Notify, outage: &Outage, outages: u32) {
    let delay = tokio::time::sleep(outage.delay(outages));
    if matches!(outage, Outage::Failures) {
        return delay.await;
    }
    let early = async {
        tokio::time::sleep(PAUSE).await;
        wanted.notified().await;
    };
    tokio::select! {
        () = delay => {}
        () = early => {}
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("at", &self.at)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
