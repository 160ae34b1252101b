//! How many child stripes this viewer's uplink carries: one at first, twice as many after each two seconds in which
//! what was sent left at once, one more at a time after the first congestion, back by four tenths at each one.

/// Without congestion for this long: more.
const CLEAN_MS: i64 = 2_000;
/// What was pushed should have left by then. A part with a keyframe is several times as large as others, and a channel
/// that is new needs some round trips for it: two or three parts' time is no congestion yet.
const LAG_MS: i64 = 500;
/// Congestion is acted upon no more often.
const REACT_MS: i64 = 1_000;

#[derive(Debug)]
pub(super) struct Uplink {
    pub slots: u32,
    /// Before the first congestion the number doubles.
    doubling: bool,
    clean_since_ms: Option<i64>,
    reacted_ms: i64,
    most: u32,
}

impl Uplink {
    pub(super) fn new(upload: bool, ceiling_tenths: u32, stripes: u8) -> Self {
        let most = if upload { (ceiling_tenths * u32::from(stripes) / 10).max(1) } else { 0 };
        Self { slots: most.min(1), doubling: true, clean_since_ms: None, reacted_ms: -REACT_MS, most }
    }

    /// Once a second. `oldest_ms`: since when something that was pushed waits. True when `slots` changed.
    pub(super) fn handle_tick(&mut self, now: i64, in_use: u32, oldest_ms: Option<i64>) -> bool {
        if oldest_ms.is_some_and(|oldest_ms| now - oldest_ms > LAG_MS) {
            return self.handle_lag(now, in_use);
        }
        let clean_since_ms = *self.clean_since_ms.get_or_insert(now);
        // Slots that nobody uses say nothing about the link.
        if in_use * 2 <= self.slots || now - clean_since_ms < CLEAN_MS || self.slots >= self.most {
            return false;
        }
        self.clean_since_ms = Some(now);
        self.slots = self.most.min(if self.doubling { self.slots * 2 } else { self.slots + 1 });
        true
    }

    /// What was pushed did not leave in time.
    pub(super) fn handle_lag(&mut self, now: i64, in_use: u32) -> bool {
        self.clean_since_ms = Some(now);
        if now - self.reacted_ms < REACT_MS {
            return false;
        }
        self.reacted_ms = now;
        self.doubling = false;
        let before = self.slots;
        self.slots = self.most.min(1).max(self.slots.min(in_use) * 6 / 10);
        self.slots != before
    }

    /// Whether a channel has been waiting for too long.
    pub(super) fn lags(now: i64, since_ms: Option<i64>) -> bool {
        since_ms.is_some_and(|since_ms| now - since_ms > LAG_MS)
    }
}
