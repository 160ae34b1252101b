//! Events in the order of their time, in milliseconds; those of one millisecond in the order they were put in.

use std::collections::BTreeMap;

/// Events up to this far ahead lie in the wheel, later ones wait in a tree. A little over what anything but a session lasts.
const SLOTS: usize = 1 << 14;

/// A queue of events.
#[derive(Debug)]
pub(super) struct Wheel<E> {
    now: i64,
    slots: Vec<Vec<E>>,
    later: BTreeMap<i64, Vec<E>>,
}

impl<E> Wheel<E> {
    pub(super) fn new() -> Self {
        Self { now: 0, slots: std::iter::repeat_with(Vec::new).take(SLOTS).collect(), later: BTreeMap::new() }
    }

    /// `event` happens at `at`, but not before the next millisecond: nothing here takes no time.
    pub(super) fn put(&mut self, at: i64, event: E) {
        let at = at.max(self.now + 1);
        if at - self.now < SLOTS as i64 {
            self.slots[at as usize % SLOTS].push(event);
        } else {
            self.later.entry(at).or_default().push(event);
        }
    }

    /// Goes on to the next millisecond and gives its events.
    pub(super) fn advance(&mut self) -> (i64, Vec<E>) {
        self.now += 1;
        let mut events = self.later.remove(&self.now).unwrap_or_default();
        events.append(&mut self.slots[self.now as usize % SLOTS]);
        (self.now, events)
    }

    /// Gives a list of [`Self::advance`] back, for its memory.
    pub(super) fn recycle(&mut self, mut events: Vec<E>) {
        events.clear();
        let slot = &mut self.slots[self.now as usize % SLOTS];
        if slot.capacity() < events.capacity() && slot.is_empty() {
            *slot = events;
        }
    }
}
