//! Absences: GAP parts by the clock, so that the playlist keeps its cadence while nothing arrives.

use std::time::{Duration, Instant};

use media::MediaTime;

/// An absence longer than this (the machine slept) is not made up for part by part.
const MAX_DEBT: Duration = Duration::from_secs(120);

/// Ties the output timeline to the clock while no units do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    since: Instant,
    from: MediaTime,
}

impl Gap {
    /// An absence that began at `since`, when the timeline was at `from`.
    pub(crate) fn since(since: Instant, from: MediaTime) -> Self {
        Self { since, from }
    }

    /// When a part that ends at `end` is due.
    pub(crate) fn due(&self, end: MediaTime) -> Instant {
        self.since + (end - self.from).to_duration()
    }

    /// Forgives what cannot be made up for.
    pub(crate) fn forgive(&mut self, now: Instant, edge: MediaTime) {
        if now.saturating_duration_since(self.due(edge)) > MAX_DEBT {
            *self = Self { since: now, from: edge };
        }
    }
}
