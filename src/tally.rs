//! Counts by key within a time: of guesses, of letters.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Keys remembered; the oldest half goes when full. At most 400 bytes each.
const REMEMBERED: usize = 20_000;

/// Lets so many of each key pass within a window that begins with the first.
#[derive(Debug)]
pub(crate) struct Tally<K> {
    limit: u32,
    window: Duration,
    counts: Mutex<HashMap<K, (u32, Instant)>>,
}

impl<K: Eq + Hash> Tally<K> {
    /// `limit` of each key within `window`.
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window, counts: Mutex::default() }
    }

    /// Counts one. If it is one too many, it is not counted, and the error says how long to wait.
    pub fn count(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut counts = self.lock();
        if counts.len() >= REMEMBERED && !counts.contains_key(&key) {
            counts.retain(|_, (_, since)| now.saturating_duration_since(*since) < self.window);
            if counts.len() >= REMEMBERED {
                let mut times: Vec<_> = counts.values().map(|(_, since)| *since).collect();
                times.sort_unstable();
                let middle = times[times.len() / 2];
                counts.retain(|_, (_, since)| *since > middle);
            }
        }
        let entry = counts.entry(key).or_insert((0, now));
        let left = self.window.saturating_sub(now.saturating_duration_since(entry.1));
        if left.is_zero() {
            *entry = (0, now);
        } else if entry.0 >= self.limit {
            return Err(left);
        }
        entry.0 += 1;
        Ok(())
    }

    /// One that was counted does not count after all.
    pub fn take_back(&self, key: &K) {
        let mut counts = self.lock();
        if let Some((count, _)) = counts.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    /// None of this key counts any more.
    pub fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (u32, Instant)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_number() {
        let tally = Tally::new(2, Duration::from_secs(60));
        let start = Instant::now();
        let later = start + Duration::from_secs(20);
        assert_eq!((tally.count("a", start), tally.count("a", later), tally.count("b", later)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(tally.count("a", later), Err(Duration::from_secs(40)));
        assert_eq!(tally.count("a", start + Duration::from_secs(60)), Ok(()), "a new window");
        tally.take_back(&"b");
        assert_eq!((tally.count("b", later), tally.count("b", later)), (Ok(()), Ok(())));
        assert!(tally.count("b", later).is_err());
        tally.forget(&"b");
        assert_eq!(tally.count("b", later), Ok(()));
    }

    #[test]
    fn strangers_do_not_grow_memory() {
        let tally = Tally::new(1, Duration::from_secs(60));
        let start = Instant::now();
        for key in 0..REMEMBERED + 10 {
            assert_eq!(tally.count(key, start + Duration::from_micros(key as u64)), Ok(()));
        }
        let last = start + Duration::from_secs(1);
        assert!(tally.lock().len() <= REMEMBERED);
        assert!(tally.count(REMEMBERED + 9, last).is_err(), "the newest are remembered");
        assert_eq!(tally.count(0, last), Ok(()), "the oldest are not");
    }
}
