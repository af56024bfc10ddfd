//! The in-process windows closed buckets use while Redis cannot be reached (GW-6): the same arithmetic, half the size.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Charge, Count, Key, RedisDown};

/// Subjects counted at once; beyond it requests are refused until windows have passed, so that memory stays bounded.
const SUBJECTS: usize = 100_000;

const SLOTS: u64 = 60;

/// The windows of this replica.
#[derive(Debug)]
pub(super) struct Local {
    epoch: Instant,
    windows: Mutex<HashMap<Key, Window>>,
}

#[derive(Debug)]
struct Window {
    slot: Duration,
    /// Slots that counted something with their counts, oldest first.
    slots: VecDeque<(u64, u64)>,
    total: u64,
}

impl Local {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            windows: Mutex::default(),
        }
    }

    /// Counts for Redis while it cannot be reached: open buckets are left out then (GW-6).
    pub(super) fn instead(&self, charges: &mut Vec<Charge<'_>>) -> (bool, Vec<Count>) {
        charges.retain(|charge| charge.bucket.figures.redis_down == RedisDown::Closed);
        self.count(charges)
    }

    /// Counts in all windows or, when one is full, in none.
    pub(super) fn count(&self, charges: &[Charge<'_>]) -> (bool, Vec<Count>) {
        let age = self.epoch.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() + charges.len() > SUBJECTS {
            windows.retain(|_, window| {
                window.forget(now_slot(age, window.slot));
                window.total > 0
            });
        }
        let crowded = windows.len() + charges.len() > SUBJECTS;
        let mut admitted = !crowded;
        for charge in charges {
            let slot = charge.bucket.slot();
            let window = windows
                .entry(charge.key)
                .or_insert_with(|| Window::new(slot));
            window.forget(now_slot(age, slot));
            admitted &= window.total < limit(charge);
        }
        let counts = charges.iter().map(|charge| {
            let length = charge.bucket.slot();
            let window = windows
                .entry(charge.key)
                .or_insert_with(|| Window::new(length));
            let slot = now_slot(age, length);
            if admitted && charge.cost > 0 {
                window.add(slot, u64::from(charge.cost));
            }
            let oldest = window.slots.front().map_or(slot, |(oldest, _)| *oldest);
            let leaves = length.saturating_mul(u32::try_from(oldest + SLOTS).unwrap_or(u32::MAX));
            Count {
                limit: limit(charge),
                used: window.total,
                reset: leaves.saturating_sub(age),
            }
        });
        (admitted, counts.collect())
    }
}

fn limit(charge: &Charge<'_>) -> u64 {
    u64::from(charge.bucket.figures.local_limit())
}

fn now_slot(age: Duration, length: Duration) -> u64 {
    u64::try_from(age.as_millis() / length.as_millis().max(1)).unwrap_or(u64::MAX)
}

impl Window {
    fn new(slot: Duration) -> Self {
        Self {
            slot,
            slots: VecDeque::new(),
            total: 0,
        }
    }

    fn forget(&mut self, slot: u64) {
        while let Some(&(oldest, count)) = self.slots.front()
            && oldest + SLOTS <= slot
        {
            self.total -= count;
            self.slots.pop_front();
        }
    }

    fn add(&mut self, slot: u64, cost: u64) {
        self.total += cost;
        match self.slots.back_mut() {
            Some((last, count)) if *last == slot => *count += cost,
            _ => self.slots.push_back((slot, cost)),
        }
    }
}
