//! Program date-time: the wall clock of arrival, mapped smoothly over the timestamps.

use std::time::Instant;

use media::MediaTime;

/// Ties the monotonic clock to the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// A moment…
    pub instant: Instant,
    /// …and what the wall clock said then, in ns since the Unix epoch.
    pub unix_nanos: i64,
}

impl Clock {
    /// The wall clock at `instant`, in ns since the Unix epoch.
    pub fn unix_nanos(&self, instant: Instant) -> i64 {
        let after = instant.saturating_duration_since(self.instant);
        let before = self.instant.saturating_duration_since(instant);
        self.unix_nanos.saturating_add((MediaTime::from_duration(after) - MediaTime::from_duration(before)).as_nanos())
    }
}

impl Clock {
    /// The moment when the wall clock says `unix_nanos`.
    pub(crate) fn instant_at(&self, unix_nanos: i64) -> Instant {
        let after = MediaTime::from_nanos(unix_nanos.saturating_sub(self.unix_nanos));
        let before = self.instant.checked_sub((-after).to_duration()).unwrap_or(self.instant);
        before.checked_add(after.to_duration()).unwrap_or(self.instant)
    }
}

/// A unit that arrives sooner than others shows the true distance; it is remembered for this long.
const MEMORY: MediaTime = MediaTime::from_secs(10);
/// The mapping follows an encoder's slow clock by at most this part of the media's time: seen as a constant by players.
const SLEW: i64 = 1000;
/// Units that arrive sooner than any before prove the mapping wrong (a first burst that was late), so it is mended
/// faster, by this part of the media's time…
const SLEW_BACK: i64 = 100;
/// …but never by more at once, in ns: a date within a run must not be seen to jump.
const STEP_BACK: i64 = 2_000_000;

/// Wall clock minus output timeline, for one run: the lower envelope of what units show.
#[derive(Debug)]
pub(crate) struct Wall {
    offset: Option<i64>,
    /// The offset is another run's.
    is_old: bool,
    adjusted: MediaTime,
    bucket: MediaTime,
    lowest: i64,
    lowest_before: i64,
}

impl Wall {
    pub(crate) fn new() -> Self {
        Self { offset: None, is_old: true, adjusted: MediaTime::ZERO, bucket: MediaTime::ZERO, lowest: i64::MAX, lowest_before: i64::MAX }
    }

    /// A mapping that is known.
    pub(crate) fn fixed(at: MediaTime, unix_nanos: i64) -> Self {
        Self { offset: Some(unix_nanos.saturating_sub(at.as_nanos())), is_old: false, ..Self::new() }
    }

    /// Another mapping is to be reached, smoothly.
    pub(crate) fn follow(&mut self, at: MediaTime, unix_nanos: i64) {
        self.lowest = unix_nanos.saturating_sub(at.as_nanos());
        self.lowest_before = i64::MAX;
    }

    /// Another run begins: the mapping holds until its first part shows another.
    pub(crate) fn restart(&mut self) {
        *self = Self { offset: self.offset, ..Self::new() };
    }

    /// A unit that belongs at `dts` arrived when the wall clock said `unix_nanos`.
    pub(crate) fn observe(&mut self, dts: MediaTime, unix_nanos: i64) {
        if dts - self.bucket > MEMORY {
            self.bucket = dts;
            self.lowest_before = self.lowest;
            self.lowest = i64::MAX;
        }
        self.lowest = self.lowest.min(unix_nanos.saturating_sub(dts.as_nanos()));
    }

    /// Moves the mapping towards what was observed; to be called once a part, which begins `at`.
    pub(crate) fn adjust(&mut self, at: MediaTime) {
        let envelope = self.lowest.min(self.lowest_before);
        if envelope == i64::MAX {
            return;
        }
        let span = (at - self.adjusted).as_nanos().clamp(0, 1_000_000_000);
        self.adjusted = at;
        self.offset = Some(match self.offset.filter(|_| !self.is_old) {
            None => envelope,
            Some(offset) => offset + (envelope - offset).clamp(-(span / SLEW_BACK).min(STEP_BACK), span / SLEW),
        });
        self.is_old = false;
    }

    /// The wall clock at `at`, in ns since the Unix epoch.
    pub(crate) fn unix_nanos(&self, at: MediaTime) -> Option<i64> {
        self.offset.map(|offset| offset.saturating_add(at.as_nanos()))
    }
}
