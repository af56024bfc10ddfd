//! What one connection is doing and since when, so that time limits need no cooperation from the HTTP parser.
//!
//! hyper has one timer for heads and none for the version sniff, the idle connection or the reader who takes nothing
//! (hyperium/hyper #3756). The wire reports bytes here, the service reports requests, and the watchdog reads deadlines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::scan::Scan;
use crate::config::Limits;

/// How long a closing connection waits for the client to take the reply and close too.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing was ever sent: close without a word.
    Silent,
    /// A head was begun and not finished: 408.
    Head,
    /// No request for the keep-alive time: finish and close.
    Idle,
    /// The reader takes nothing, or the closing handshake does not end: drop.
    Stuck,
}

/// The state of one connection, shared by its wire, its requests and its watchdog.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    heard: bool,
    active: usize,
    idle_since: Instant,
    head_since: Option<Instant>,
    blocked_since: Option<Instant>,
    closing_since: Option<Instant>,
    scan: Scan,
    /// Whether a head broke the grammar behind a request that is not answered yet.
    malformed: bool,
    head_overdue: bool,
    unread: bool,
}

/// A request in flight, over when its last clone is dropped; the connection is idle again when none is left. No reply's body
/// holds one: that of an HTTP/2 reader who takes nothing is kept by the connection, and must not keep it in turn.
#[derive(Debug, Clone)]
pub(crate) struct InFlight(Arc<Request>);

#[derive(Debug)]
struct Request {
    pulse: Pulse,
}

impl Pulse {
    pub(super) fn new() -> Self {
        let state = State {
            heard: false,
            active: 0,
            idle_since: Instant::now(),
            head_since: None,
            blocked_since: None,
            closing_since: None,
            scan: Scan::start(),
            malformed: false,
            head_overdue: false,
            unread: false,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a request whose head is complete.
    pub(crate) fn request(&self) -> InFlight {
        let mut state = self.state();
        state.active += 1;
        state.head_since = None;
        InFlight(Arc::new(Request {
            pulse: self.clone(),
        }))
    }

    /// Takes note of bytes that arrived; false means they break the head's grammar and nothing stands in the way of
    /// saying so at once. Behind a reply that is not sent yet it is said when hyper reads that far.
    pub(super) fn heard(&self, bytes: &[u8]) -> bool {
        let mut state = self.state();
        if bytes.is_empty() || state.malformed {
            return true;
        }
        state.heard = true;
        state.malformed = !state.scan.accepts(bytes);
        if state.scan.is_http2() {
            state.head_since = None;
            return true;
        }
        if state.active > 0 {
            return true;
        }
        state.head_since.get_or_insert_with(Instant::now);
        !state.malformed || state.blocked_since.is_some()
    }

    /// Takes note of whether the last write was taken.
    pub(super) fn wrote(&self, blocked: bool) {
        let mut state = self.state();
        if blocked {
            state.blocked_since.get_or_insert_with(Instant::now);
        } else {
            state.blocked_since = None;
        }
    }

    /// Takes note that the connection is being closed; true when the client may still be sending a body.
    pub(super) fn closing(&self) -> bool {
        let mut state = self.state();
        state.closing_since.get_or_insert_with(Instant::now);
        state.unread
    }

    /// Lets the wire answer 408 when it is next read.
    pub(super) fn condemn_head(&self) {
        self.state().head_overdue = true;
    }

    pub(super) fn head_is_overdue(&self) -> bool {
        self.state().head_overdue
    }

    /// Returns what is overdue now, or the time until which nothing can become so.
    pub(super) fn check(&self, limits: &Limits) -> Result<Instant, Overdue> {
        let (now, state) = (Instant::now(), self.state());
        let (deadline, overdue) = state.deadline(limits);
        if let Some(deadline) = deadline
            && deadline <= now
        {
            return Err(overdue);
        }
        // Whatever begins after this moment cannot be due before the shortest limit has passed.
        let shortest = limits
            .head()
            .min(limits.idle_body())
            .min(limits.keep_alive())
            .min(LINGER_TIME);
        Ok(deadline.map_or(now + shortest, |deadline| deadline.min(now + shortest)))
    }
}

impl InFlight {
    /// Reports whether the request, or one that came with it, breaks the grammar of heads.
    pub(crate) fn is_malformed(&self) -> bool {
        self.0.pulse.state().malformed
    }

    /// Takes note that the reply is made before the body was read to its end.
    pub(crate) fn leave_unread(&self) {
        self.0.pulse.state().unread = true;
    }
}

impl State {
    fn deadline(&self, limits: &Limits) -> (Option<Instant>, Overdue) {
        if let Some(since) = self.closing_since {
            return (Some(since + LINGER_TIME), Overdue::Stuck);
        }
        if let Some(since) = self.blocked_since {
            return (Some(since + limits.idle_body()), Overdue::Stuck);
        }
        if self.active > 0 {
            return (None, Overdue::Idle);
        }
        if !self.heard {
            return (Some(self.idle_since + limits.first_byte()), Overdue::Silent);
        }
        match self.head_since {
            Some(since) => (Some(since + limits.head()), Overdue::Head),
            None => (Some(self.idle_since + limits.keep_alive()), Overdue::Idle),
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        state.active = state.active.saturating_sub(1);
        if state.active == 0 {
            state.idle_since = Instant::now();
            state.head_since = state.scan.is_in_head().then_some(state.idle_since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_17_each_state_has_its_own_deadline() {
        let limits = Limits::default();
        let pulse = Pulse::new();
        // Deadlines count from a moment just gone by, so they lie a little below the limit.
        let due = |pulse: &Pulse| {
            let (deadline, overdue) = pulse.state().deadline(&limits);
            (
                deadline.map(|it| (it - Instant::now()).as_secs_f64().ceil() as u64 * 1000),
                overdue,
            )
        };
        assert_eq!(due(&pulse), (Some(limits.first_byte_ms), Overdue::Silent));
        assert!(pulse.heard(b"GET /"));
        assert_eq!(due(&pulse), (Some(limits.head_ms), Overdue::Head));
        assert!(pulse.heard(b" HTTP/1.1\r\n\r\n"));
        let request = pulse.request();
        assert_eq!(due(&pulse).0, None);
        pulse.wrote(true);
        assert_eq!(due(&pulse), (Some(limits.idle_body_ms), Overdue::Stuck));
        pulse.wrote(false);
        drop(request);
        assert_eq!(due(&pulse), (Some(limits.keep_alive_ms), Overdue::Idle));
        let request = pulse.request();
        assert!(pulse.heard(b"GET / HT"));
        drop(request);
        assert_eq!(
            due(&pulse),
            (Some(limits.head_ms), Overdue::Head),
            "a pipelined head begun and not ended"
        );
    }
}
