//! What a player does: loads parts one after the other, plays them in their time, waits for those that are not there.

/// A player may be so far behind or ahead of its target that it plays faster or slower.
const SLACK_MS: i64 = 100;
/// Parts that a player looks ahead: bits of a word.
const AHEAD: u32 = 128;

/// Parts are numbered from the broadcast's first.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// The part that is played next.
    pub play: u32,
    /// The part that is loaded next.
    pub next: u32,
    /// Parts from `play` on: loaded.
    ready: u128,
    /// Parts from `play` on: announced to the swarm's core, and whole there.
    known: u128,
    whole: u128,
    /// An own request is on its way.
    pub loading: bool,
    /// What was last asked of the core.
    pub wanted: Option<u32>,
    /// It waits since.
    pub stalled_ms: Option<i64>,
    pub started: bool,
    /// The playhead is so far behind the clock.
    pub lag_ms: i64,
    /// Events of an earlier wait are void.
    pub turn: u32,
}

impl Viewer {
    pub(super) fn new(first: u32) -> Self {
        Self {
            play: first,
            next: first,
            ready: 0,
            known: 0,
            whole: 0,
            loading: false,
            wanted: None,
            stalled_ms: None,
            started: false,
            lag_ms: 0,
            turn: 0,
        }
    }

    fn bit(&self, part: u32) -> Option<u128> {
        part.checked_sub(self.play).filter(|ahead| *ahead < AHEAD).map(|ahead| 1 << ahead)
    }

    pub(super) fn announce(&mut self, part: u32) {
        self.known |= self.bit(part).unwrap_or(0);
    }

    pub(super) fn complete(&mut self, part: u32) {
        self.whole |= self.bit(part).unwrap_or(0);
    }

    pub(super) fn load(&mut self, part: u32) {
        self.ready |= self.bit(part).unwrap_or(0);
        self.next = self.next.max(part + 1);
    }

    pub(super) fn knows(&self, part: u32) -> bool {
        self.bit(part).is_some_and(|bit| self.known & bit != 0)
    }

    pub(super) fn has_whole(&self, part: u32) -> bool {
        self.bit(part).is_some_and(|bit| self.whole & bit != 0)
    }

    /// The core's parts are those of another connection to the swarm now.
    pub(super) fn forget(&mut self) {
        (self.known, self.whole, self.wanted) = (0, 0, None);
    }

    /// Whether the part to be played next is there.
    pub(super) fn can_play(&self) -> bool {
        self.ready & 1 != 0
    }

    /// Plays a part; gives the time until the next, in ms.
    pub(super) fn advance(&mut self, part_ms: i64, target_ms: i64) -> i64 {
        self.play += 1;
        self.next = self.next.max(self.play);
        self.ready >>= 1;
        self.known >>= 1;
        self.whole >>= 1;
        // At 1.1 times the speed what was lost by waiting is made up for, at 0.95 the distance grows.
        if self.lag_ms > target_ms + SLACK_MS {
            part_ms * 10 / 11
        } else if self.lag_ms < target_ms - SLACK_MS {
            part_ms * 20 / 19
        } else {
            part_ms
        }
    }
}
