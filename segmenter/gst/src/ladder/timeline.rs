//! The timeline inside of the pipeline, and the way back to the source's.

use std::collections::BTreeMap;
use std::time::Instant;

use gstreamer as gst;
use media::{MediaTime, Unit};

/// Where the timeline inside begins: room for pictures that are shown before the first one is decoded.
const START: i64 = 60_000_000_000;
/// A longer step of the source's decoding times, or one backwards, is a jump; inside, the next frame follows at once.
const LONGEST_STEP: i64 = 10_000_000_000;
/// What follows at once follows by this.
const NEXT: i64 = 33_000_000;
/// Frames that are in the pipeline at most, with the ones that a decoder left out and nobody asks for again.
const MOST_FRAMES: usize = 1024;

/// A frame's times inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) pts: gst::ClockTime,
    pub(super) dts: gst::ClockTime,
}

/// What a frame came with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    pub(super) pts: MediaTime,
    pub(super) dts: MediaTime,
    pub(super) keyframe: bool,
    pub(super) arrival: Instant,
}

/// Translates between the two.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The last decoding time, outside and inside.
    last: Option<(i64, i64)>,
    /// By presentation time inside; in the order of entering, but for B-frames.
    frames: BTreeMap<gst::ClockTime, Outside>,
}

impl Timeline {
    /// A frame goes in.
    pub(super) fn enter(&mut self, unit: &Unit) -> Inside {
        let outside = unit.dts.as_nanos();
        let dts = match self.last {
            None => START,
            Some((last, inside)) => match outside.saturating_sub(last) {
                step @ 0..=LONGEST_STEP => inside + step,
                _ => inside + NEXT,
            },
        };
        self.last = Some((outside, dts));
        // An offset of ten seconds is nonsense; a decoder would keep the picture that long.
        let composition = (unit.pts - unit.dts).as_nanos().clamp(-LONGEST_STEP, LONGEST_STEP);
        let clock = |nanos: i64| gst::ClockTime::from_nseconds(u64::try_from(nanos).unwrap_or(0));
        let mut pts = clock(dts + composition);
        // Two frames shown at the same millisecond still are two.
        while self.frames.contains_key(&pts) {
            pts += gst::ClockTime::from_nseconds(1);
        }
        self.frames.insert(pts, Outside { pts: unit.pts, dts: unit.dts, keyframe: unit.keyframe, arrival: unit.arrival });
        while self.frames.len() > MOST_FRAMES {
            self.frames.pop_first();
        }
        Inside { pts, dts: clock(dts) }
    }

    /// What the picture shown then came with. Several rungs ask for the same one.
    pub(super) fn find(&self, pts: gst::ClockTime) -> Option<Outside> {
        self.frames.get(&pts).copied()
    }

    /// Whether the picture shown then was a keyframe.
    pub(super) fn is_keyframe(&self, pts: gst::ClockTime) -> bool {
        self.find(pts).is_some_and(|frame| frame.keyframe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(dts_ms: i64, pts_ms: i64) -> Unit {
        Unit {
            kind: media::Kind::Video,
            dts: MediaTime::from_millis(dts_ms),
            pts: MediaTime::from_millis(pts_ms),
            keyframe: false,
            data: bytes::Bytes::new(),
            arrival: Instant::now(),
        }
    }

    #[test]
    fn times_come_back_exactly_over_jumps_and_equal_times() {
        let mut timeline = Timeline::default();
        let times = [(-5000, -4900), (-4967, -4967), (-4934, -4967), (9_000_000, 9_000_100), (0, 50), (33, 20), (i64::MAX, i64::MIN)];
        let mut inside_before = None;
        for (dts, pts) in times {
            let unit = unit(dts, pts);
            let inside = timeline.enter(&unit);
            assert!(inside_before < Some(inside.dts), "{dts}");
            inside_before = Some(inside.dts);
            let outside = timeline.find(inside.pts).expect("just entered");
            assert_eq!((outside.dts, outside.pts), (unit.dts, unit.pts));
        }
    }

    #[test]
    fn frames_that_never_leave_are_forgotten() {
        let mut timeline = Timeline::default();
        for index in 0..10_000 {
            timeline.enter(&unit(index * 33, index * 33));
        }
        assert_eq!(timeline.frames.len(), MOST_FRAMES);
    }
}
