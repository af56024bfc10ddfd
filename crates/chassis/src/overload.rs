//! How much a door lets in at once, and what happens to the rest (GW-27, N-21, T28).
//!
//! Past the point where the machine is busy, taking more in makes everybody wait. So there are as many places as can be
//! worked on, and who finds none is told at once to come back, before anything of the request is read or asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use contracts::RpcRule;
use fault::{Fault, Reason};

/// Longest time a client is told to stay away, in seconds (N-21).
const AWAY: u64 = 5;

/// How many places there are.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Requests worked on at once.
    pub in_flight: usize,
    /// How many of them, in percent, are kept for [`Claim::Reserved`].
    pub reserve_percent: u8,
    /// Streams sent at once.
    pub streams: usize,
}

/// The places of one replica.
#[derive(Debug)]
pub struct Overload {
    requests: Arc<Room>,
    /// Where requests without a claim to the reserve stop being taken in.
    ordinary: usize,
    streams: Arc<Room>,
    refused: AtomicU64,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// An ordinary place.
    Ordinary,
    /// Any place: signing in and out goes on when nothing else does.
    Reserved,
    /// A place among the streams, which may stay for hours and so have a room of their own.
    Stream,
}

#[derive(Debug)]
struct Room {
    places: usize,
    taken: AtomicUsize,
}

/// A place, given back on drop.
#[derive(Debug)]
pub struct Place(Arc<Room>);

impl Claim {
    /// Returns what a call of an RPC asks for.
    #[must_use]
    pub fn of(rule: &RpcRule) -> Self {
        match (rule.streaming, rule.reserve) {
            (true, _) => Self::Stream,
            (false, true) => Self::Reserved,
            (false, false) => Self::Ordinary,
        }
    }
}

impl Overload {
    /// Returns as many free places as the capacity has.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        let room = |places| {
            Arc::new(Room {
                places,
                taken: AtomicUsize::new(0),
            })
        };
        let percent = capacity.reserve_percent.min(100) as usize;
        let reserve = capacity.in_flight.saturating_mul(percent).div_ceil(100);
        Self {
            requests: room(capacity.in_flight),
            ordinary: capacity.in_flight - reserve,
            streams: room(capacity.streams),
            refused: AtomicU64::new(0),
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` with a time to stay away when there is none.
    pub fn enter(&self, claim: Claim) -> Result<Place, Fault> {
        let (room, most) = match claim {
            Claim::Ordinary => (&self.requests, self.ordinary),
            Claim::Reserved => (&self.requests, self.requests.places),
            Claim::Stream => (&self.streams, self.streams.places),
        };
        let more = |taken| (taken < most).then_some(taken + 1);
        let entered = room
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if entered.is_ok() {
            return Ok(Place(Arc::clone(room)));
        }
        metrics::counter!("sf_shed_total").increment(1);
        // One after the other is told another time, so that they do not come back together.
        let turn = self.refused.fetch_add(1, Ordering::Relaxed);
        Err(
            Fault::new(Reason::ServiceUnavailable, "The server is overloaded")
                .with_retry_after(Duration::from_secs(1 + turn % AWAY)),
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overload(in_flight: usize, streams: usize) -> Overload {
        Overload::new(Capacity {
            in_flight,
            reserve_percent: 10,
            streams,
        })
    }

    #[test]
    fn gw_27_the_last_tenth_is_for_signing_in_and_out() {
        let overload = overload(20, 1);
        let mut inside: Vec<Place> = (0..18)
            .map(|_| overload.enter(Claim::Ordinary).unwrap())
            .collect();
        assert!(overload.enter(Claim::Ordinary).is_err());
        inside.extend((0..2).map(|_| overload.enter(Claim::Reserved).unwrap()));
        assert!(overload.enter(Claim::Reserved).is_err(), "it ends as well");
        // What the reserve is used for is given back to those it is kept for first.
        inside.pop();
        assert!(overload.enter(Claim::Ordinary).is_err());
        assert!(overload.enter(Claim::Reserved).is_ok());
        inside.clear();
        assert!(overload.enter(Claim::Ordinary).is_ok());
    }

    #[test]
    fn gw_27_streams_and_requests_take_no_place_from_each_other() {
        let overload = overload(2, 2);
        let _streams = [Claim::Stream; 2].map(|it| overload.enter(it).unwrap());
        assert!(overload.enter(Claim::Stream).is_err());
        let _request = overload.enter(Claim::Ordinary).unwrap();
        assert!(overload.enter(Claim::Ordinary).is_err());
    }

    #[test]
    fn n_21_refusals_spread_over_one_to_five_seconds() {
        let overload = overload(0, 0);
        let mut seconds: Vec<u64> = (0..10)
            .map(|_| overload.enter(Claim::Reserved).unwrap_err())
            .map(|refused| refused.retry_after().unwrap().as_secs())
            .collect();
        seconds.sort_unstable();
        assert_eq!(seconds, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    }
}
