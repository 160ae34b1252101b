//! What users may still have here, shared by everything that comes in for them at the same time: recordings of lives, imports,
//! uploads in one form. None of it is in a row before it is whole, so that each alone would take all the room there is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::UserId;

/// What comes in, user by user; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Allowances(Arc<Mutex<HashMap<UserId, Pool>>>);

#[derive(Debug, Default)]
struct Pool {
    /// What the rows left when they were last counted; `None`: no limit.
    room_bytes: Option<u64>,
    /// What has come that no row counts yet.
    coming_bytes: u64,
    /// There are so many [`Share`]s.
    shares: usize,
}

impl Allowances {
    /// For something that begins to come in. `room_bytes`: what the rows leave this user now.
    pub fn share(&self, user: UserId, room_bytes: Option<u64>) -> Share {
        let mut pools = self.pools();
        let pool = pools.entry(user).or_default();
        pool.room_bytes = room_bytes;
        pool.shares += 1;
        Share { allowances: self.clone(), user, taken_bytes: AtomicU64::new(0) }
    }

    /// The rows were counted again.
    pub fn refresh(&self, user: UserId, room_bytes: Option<u64>) {
        if let Some(pool) = self.pools().get_mut(&user) {
            pool.room_bytes = room_bytes;
        }
    }

    /// What has come for this user that no row counts yet.
    pub fn coming_bytes(&self, user: UserId) -> u64 {
        self.pools().get(&user).map_or(0, |pool| pool.coming_bytes)
    }

    fn pools(&self) -> MutexGuard<'_, HashMap<UserId, Pool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part in what a user may still have; given back when dropped.
#[derive(Debug)]
pub struct Share {
    allowances: Allowances,
    user: UserId,
    taken_bytes: AtomicU64,
}

impl Share {
    /// Counts what came; false, and not counted, when it is more than there is room for, with all that comes beside it.
    pub fn take(&self, bytes: u64) -> bool {
        let mut pools = self.allowances.pools();
        // There is one as long as it has shares.
        let Some(pool) = pools.get_mut(&self.user) else { return false };
        let coming_bytes = pool.coming_bytes.saturating_add(bytes);
        if pool.room_bytes.is_some_and(|room_bytes| coming_bytes > room_bytes) {
            return false;
        }
        pool.coming_bytes = coming_bytes;
        self.taken_bytes.fetch_add(bytes, Ordering::Relaxed);
        true
    }

    /// A row counts what came. Call after the commit.
    pub fn counted(&self) {
        self.give_back(|pool, taken_bytes| {
            pool.room_bytes = pool.room_bytes.map(|room_bytes| room_bytes.saturating_sub(taken_bytes));
        });
    }

    fn give_back(&self, then: impl FnOnce(&mut Pool, u64)) {
        let mut pools = self.allowances.pools();
        let Some(pool) = pools.get_mut(&self.user) else { return };
        let taken_bytes = self.taken_bytes.swap(0, Ordering::Relaxed);
        pool.coming_bytes = pool.coming_bytes.saturating_sub(taken_bytes);
        then(pool, taken_bytes);
        if pool.shares == 0 {
            pools.remove(&self.user);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(|pool, _| pool.shares -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    #[test]
    fn what_comes_at_once_shares_the_room() {
        let allowances = Allowances::default();
        let one = allowances.share(ANN, Some(100));
        let two = allowances.share(ANN, Some(100));
        assert!(one.take(60) && two.take(40));
        assert_eq!(allowances.coming_bytes(ANN), 100);
        assert!(!two.take(1) && !one.take(1), "both together have all there is");
        assert_eq!(allowances.coming_bytes(ANN), 100, "what was refused did not come");
        assert!(allowances.share(BOB, Some(100)).take(100), "others have their own");
        assert!(allowances.share(BOB, None).take(u64::MAX));
    }

    #[test]
    fn what_failed_is_given_to_others_and_what_became_a_row_is_not() {
        let allowances = Allowances::default();
        let (one, two, three) = (allowances.share(ANN, Some(100)), allowances.share(ANN, Some(100)), allowances.share(ANN, Some(100)));
        assert!(one.take(60) && !three.take(60));
        drop(one);
        assert!(two.take(60), "it came to nothing");
        two.counted();
        assert_eq!(allowances.coming_bytes(ANN), 0);
        drop(two);
        assert!(three.take(40) && !three.take(1), "a row has it");
        // Counted again: the row is gone.
        allowances.refresh(ANN, Some(100));
        assert!(three.take(60));
        drop(three);
        assert!(allowances.pools().is_empty(), "nothing is left of what ended");
    }
}
