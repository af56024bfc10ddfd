//! Being told to stop: Ctrl-C or SIGTERM.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What comes within this time is the same wish: Ctrl-C reaches a whole group of processes, and whoever started this one
/// may pass it on.
const SAME: Duration = Duration::from_secs(1);

async fn told_again() {
    tokio::time::sleep(SAME).await;
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}

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
    pub async fn end(self, ending: impl Future<Output = ()>) {
        drop(self);
        tokio::select! {
            () = ending => {}
            () = told_again() => {
                tracing::warn!("told twice, ending at once");
                std::process::exit(1);
            }
        }
    }
}
