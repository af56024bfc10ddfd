//! When a stream ends although its service would go on: with its token (SC-3, ST-5), with its time, or with the door (N-22).

use std::sync::Arc;

use fault::{Fault, Reason};
use tokio::time::{Instant, sleep_until};

use crate::auth::Session;
use crate::pipeline::Door;

/// Why a stream has to end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The token is no longer good.
    Lapsed(Fault),
    /// Its time is over.
    Due,
    /// The door closes.
    Closing,
}

impl From<Ending> for Fault {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Lapsed(fault) => fault,
            Ending::Due => Self::timeout(),
            Ending::Closing => Self::new(Reason::ServiceUnavailable, "The server is closing"),
        }
    }
}

impl Door {
    /// Returns what waits until a stream has to end, at `until` at the latest, and says why.
    pub(super) fn ending(
        &self,
        session: Option<Session>,
        request_id: &str,
        until: Instant,
    ) -> impl Future<Output = Ending> + Send + 'static {
        let (gate, closing) = (Arc::clone(&self.gate), self.closing.clone());
        let request_id = request_id.to_owned();
        async move {
            let lapsed = async {
                match &session {
                    Some(session) => gate.lapse(session, &request_id).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                fault = lapsed => Ending::Lapsed(fault),
                () = sleep_until(until) => Ending::Due,
                () = closing.begun() => Ending::Closing,
            }
        }
    }
}
