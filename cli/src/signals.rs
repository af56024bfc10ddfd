//! Being told to stop: Ctrl-C or SIGTERM.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process in order; a second one ends it at once.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on: until then a signal kills the process.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Lets the process end in order, or at once when told again.
    pub async fn end(mut self, ending: impl Future<Output = ()>) {
        tokio::select! {
            () = ending => {}
            () = self.next() => {
                tracing::warn!("told twice, ending at once");
                std::process::exit(1);
            }
        }
    }
}
