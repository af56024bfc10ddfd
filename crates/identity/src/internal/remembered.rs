//! A bounded memory of values until their time is over.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Remembers at most `most` values; when full, forgets the ones past their time, and if
/// there are none, all.
pub(super) struct Remembered<K, V> {
    most: usize,
    values: Mutex<HashMap<K, (V, i64)>>,
}

impl<K: Hash + Eq, V: Clone> Remembered<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            values: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: i64) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values
            .get(key)
            .filter(|(_, until)| now < *until)
            .map(|(value, _)| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V, until: i64, now: i64) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= self.most {
            values.retain(|_, (_, until)| now < *until);
        }
        if values.len() >= self.most {
            values.clear();
        }
        values.insert(key, (value, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_with_their_time_and_never_exceed_the_bound() {
        let memory = Remembered::new(3);
        memory.put(1, "one", 10, 0);
        assert_eq!(memory.get(&1, 9), Some("one"));
        assert_eq!(memory.get(&1, 10), None);
        for n in 2..=3 {
            memory.put(n, "later", 100, 0);
        }
        memory.put(4, "four", 100, 20);
        assert_eq!(
            (memory.get(&1, 0), memory.get(&2, 20)),
            (None, Some("later"))
        );
        memory.put(5, "five", 100, 20);
        assert_eq!(
            (memory.get(&2, 20), memory.get(&5, 20)),
            (None, Some("five"))
        );
    }
}
