//! Bounds the connections that have not begun to publish.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

struct Entry {
    id: u64,
    address: IpAddr,
    evict: Arc<Notify>,
}

#[derive(Default)]
struct Pending {
    next_id: u64,
    /// Oldest first.
    entries: VecDeque<Entry>,
}

/// Lets everybody in, and the oldest out when it becomes too full.
pub(super) struct Gate {
    total: usize,
    per_address: usize,
    pending: Mutex<Pending>,
}

/// A place among the pending connections; dropping it gives the place up.
pub(super) struct Ticket {
    gate: Arc<Gate>,
    id: u64,
    evict: Arc<Notify>,
}

impl Gate {
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, pending: Mutex::default() })
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Ticket {
        let mut pending = self.lock();
        let same = pending.entries.iter().filter(|entry| entry.address == address).count();
        let leaves = if same >= self.per_address {
            pending.entries.iter().position(|entry| entry.address == address)
        } else if pending.entries.len() >= self.total {
            Some(0)
        } else {
            None
        };
        if let Some(entry) = leaves.and_then(|index| pending.entries.remove(index)) {
            entry.evict.notify_one();
        }
        let id = pending.next_id;
        pending.next_id += 1;
        let evict = Arc::new(Notify::new());
        pending.entries.push_back(Entry { id, address, evict: evict.clone() });
        Ticket { gate: self.clone(), id, evict }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Nothing in here panics half-way.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Ends when the place was given to another.
    pub async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut pending = self.gate.lock();
        // Ids rise.
        if let Ok(index) = pending.entries.binary_search_by_key(&self.id, |entry| entry.id) {
            pending.entries.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(ticket: &Ticket) -> bool {
        let mut evicted = std::pin::pin!(ticket.evicted());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        evicted.as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn the_oldest_of_the_same_address_goes_first_then_the_oldest_of_all() {
        let gate = Gate::new(3, 2);
        let [a, b] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let first = gate.admit(b);
        let second = gate.admit(a);
        let third = gate.admit(a);
        let fourth = gate.admit(a);
        assert_eq!([&first, &second, &third, &fourth].map(is_evicted), [false, true, false, false]);
        let fifth = gate.admit([10, 0, 0, 3].into());
        assert_eq!([&first, &third, &fourth, &fifth].map(is_evicted), [true, false, false, false]);
    }

    #[test]
    fn places_are_given_back() {
        let gate = Gate::new(1, 1);
        for _ in 0..3 {
            assert!(!is_evicted(&gate.admit([10, 0, 0, 1].into())));
        }
        assert!(gate.lock().entries.is_empty());
    }
}
