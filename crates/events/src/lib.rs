#![doc = include_str!("../README.md")]

mod consumer;
mod dead;
mod envelope;
mod outbox;
mod patience;
pub mod projections;
mod relay;
mod retention;

pub use consumer::Consumer;
pub use dead::{Letter, count as dead_letters, list as list_dead_letters, replay, replay_one};
pub use envelope::{context, decode, full_name_parts};
pub use outbox::{APPEND, Event, publish, row, wake};
pub use relay::{Pace, Relay, republish};

/// The one field of a stream's entries: an encoded `Envelope`.
pub const FIELD: &str = "envelope";

/// The stream a service's events travel in (EB-3).
#[must_use]
pub fn stream(service: &str) -> String {
    format!("sf:events:{service}")
}

/// The signal that wakes the relay of a service on another replica.
fn wake_signal(service: &str) -> String {
    format!("sf:relay:{service}")
}
