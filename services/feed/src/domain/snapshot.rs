//! What was committed at one moment, and how far a stream of news has come (ST-3, T53).
//!
//! Transactions commit in another order than they begin in, so "everything up to number n" loses the ones that come
//! late, and waiting for them would let any long transaction hold all streams up. A snapshot says exactly which ones had
//! been committed: news is what one snapshot sees and an earlier one did not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// PostgreSQL's `pg_snapshot`: transactions before `end` have been committed or undone, except the running ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    end: u64,
    /// In ascending order.
    running: Vec<u64>,
}

impl Snapshot {
    /// Whether what the transaction did, if it was committed, is seen.
    fn sees(&self, transaction: u64) -> bool {
        transaction < self.end && self.running.binary_search(&transaction).is_err()
    }

    /// Whether everything the other one sees is seen here too. Of two snapshots of one server the later includes the
    /// earlier.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let late = self.running.iter().any(|running| other.sees(*running));
        other.end <= self.end && !late
    }
}

/// As `pg_snapshot` is written.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.running.first().unwrap_or(&self.end);
        write!(f, "{first}:{}:", self.end)?;
        for (index, running) in self.running.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{running}")?;
        }
        Ok(())
    }
}

/// A text that is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a snapshot")]
pub(crate) struct NoSnapshot;

impl FromStr for Snapshot {
    type Err = NoSnapshot;

    fn from_str(text: &str) -> Result<Self, NoSnapshot> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| NoSnapshot);
        let mut parts = text.split(':');
        let (Some(first), Some(end), Some(running), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoSnapshot);
        };
        let (first, end) = (number(first)?, number(end)?);
        let running = running
            .split(',')
            .filter(|part| !part.is_empty())
            .map(number)
            .collect::<Result<Vec<_>, _>>()?;
        // Nothing runs before the first; PostgreSQL names it whether or not it still runs.
        let in_order = running.is_sorted_by(|one, next| one < next);
        let within = running.iter().all(|one| (first..end).contains(one));
        if first <= end && in_order && within {
            Ok(Self { end, running })
        } else {
            Err(NoSnapshot)
        }
    }
}

/// How far a stream has come: it is done with what a snapshot sees, and with the posts of one more transaction up to
/// one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub(crate) struct Position {
    seen: Snapshot,
    last: Key,
}

/// A post's place in the order of a stream: the transaction that published it, then its id.
pub(crate) type Key = (u64, Uuid);

impl Position {
    /// Done with everything the snapshot sees.
    pub(crate) fn at(seen: Snapshot) -> Self {
        Self {
            seen,
            // No transaction has this number.
            last: (0, Uuid::nil()),
        }
    }

    /// What is seen.
    pub(crate) fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// The last post of the transaction the stream is in the middle of.
    pub(crate) fn last(&self) -> Key {
        self.last
    }

    /// The first transaction a walk from here visits. Who stopped in the middle of one goes on there; what was committed
    /// late, by transactions before it, is left to the next walk, so that a position never is in the middle of two.
    pub(crate) fn first(&self) -> u64 {
        let first = self.seen.running.first().unwrap_or(&self.seen.end);
        self.last.0.max(*first)
    }

    /// Where a stream stands that was here, walks to `goal` in the order of keys, and is done with `last`, which `goal`
    /// sees.
    pub(crate) fn on_the_way(&self, goal: &Snapshot, last: Key) -> Self {
        let (middle, _) = last;
        let after = self.seen.running.iter().filter(|it| **it > middle);
        let running = self.walked(goal, middle).chain([middle]);
        Self {
            seen: Snapshot {
                end: self.seen.end.max(middle + 1),
                running: running.chain(after.copied()).collect(),
            },
            last,
        }
    }

    /// Where a stream stands that was here and has walked to `goal`. What is left of the goal then is what the walk left
    /// out, see [`Self::first`].
    pub(crate) fn at_the_end(&self, goal: &Snapshot) -> Self {
        Self::at(Snapshot {
            end: goal.end,
            running: self.walked(goal, goal.end).collect(),
        })
    }

    /// The transactions before `end` that are still to be seen by a stream that was here and walks to `goal`: those the
    /// walk leaves out stay as they are, the others are as the goal sees them.
    fn walked<'a>(&'a self, goal: &'a Snapshot, end: u64) -> impl Iterator<Item = u64> + 'a {
        let (first, _) = self.last;
        let left_out = self.seen.running.iter().filter(move |it| **it < first);
        let walked = goal.running.iter().filter(move |it| **it >= first);
        left_out.chain(walked).copied().filter(move |it| *it < end)
    }
}

/// A position as cursors hold it: the end, the distances of the running ones, each to the one before, and the last post.
/// Distances are short, so that a cursor stays so even while hundreds of transactions run.
#[derive(Serialize, Deserialize)]
struct Written(u64, Vec<u64>, Key);

impl From<Position> for Written {
    fn from(position: Position) -> Self {
        let Snapshot { end, running } = position.seen;
        let mut before = 0;
        let distances = running
            .into_iter()
            .map(|running| running - std::mem::replace(&mut before, running))
            .collect();
        Self(end, distances, position.last)
    }
}

impl TryFrom<Written> for Position {
    type Error = NoSnapshot;

    fn try_from(Written(end, distances, last): Written) -> Result<Self, NoSnapshot> {
        let mut before = 0_u64;
        let mut running = Vec::with_capacity(distances.len());
        for distance in distances {
            let next = before.checked_add(distance).ok_or(NoSnapshot)?;
            if next == before || next >= end {
                return Err(NoSnapshot);
            }
            running.push(next);
            before = next;
        }
        Ok(Self {
            seen: Snapshot { end, running },
            last,
        })
    }
}

#[cfg(test)]
mod tests;
