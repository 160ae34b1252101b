//! The part that is being filled.

use std::time::Instant;

use bytes::Bytes;
use media::{MediaTime, Unit};

use crate::fmp4::{Sample, VIDEO_TIMESCALE, fragment};

/// A part of 1 s at 120 Mbit/s; beyond that the units that do not fit are dropped.
const MAX_BYTES: usize = 16 << 20;
/// 1 s of the highest frame rate, and of the shortest Opus packets.
const MAX_SAMPLES: usize = 480;

#[derive(Debug, Default)]
pub(crate) struct OpenPart {
    video: Vec<Sample>,
    audio: Vec<Sample>,
    bytes: usize,
    independent: bool,
    newest_arrival: Option<Instant>,
    /// When the last video sample that was written is decoded, and how long it lasts.
    written: Option<(u64, u32)>,
    /// Where the last audio packet ends.
    audio_end: u64,
}

/// A part that is done.
pub(crate) struct Finished {
    pub(crate) bytes: Bytes,
    pub(crate) independent: bool,
    pub(crate) newest_arrival: Option<Instant>,
}

impl OpenPart {
    pub(crate) fn is_empty(&self) -> bool {
        self.video.is_empty() && self.audio.is_empty()
    }

    pub(crate) fn has_video(&self) -> bool {
        !self.video.is_empty()
    }

    /// Whether another unit of `size` bytes may come in.
    pub(crate) fn has_room(&self, size: usize) -> bool {
        self.bytes + size <= MAX_BYTES && self.video.len() < MAX_SAMPLES && self.audio.len() < MAX_SAMPLES
    }

    /// A new run begins: nothing binds its timestamps to what was before.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn push_video(&mut self, unit: &Unit) {
        let truth = ticks(unit.dts, VIDEO_TIMESCALE);
        let decode = match (self.video.last(), self.written) {
            // Within a part durations are what lies between the frames.
            (Some(last), _) => truth.max(last.decode + 1),
            // Chromium takes a step of more than two durations as a discontinuity and then shows nothing before
            // the next keyframe. So after lost frames only the presentation time jumps; decoding catches up here.
            (None, Some((last, duration))) => truth.clamp(last + 1, last + (2 * u64::from(duration)).max(3) - 2),
            (None, None) => truth,
        };
        let composition = unit.pts.to_ticks(VIDEO_TIMESCALE).saturating_sub(decode.cast_signed());
        let composition = i32::try_from(composition).unwrap_or(0);
        self.independent |= unit.keyframe;
        self.video.push(Sample { decode, duration: 0, composition, sync: unit.keyframe, data: unit.data.clone() });
        self.note(unit);
    }

    pub(crate) fn push_audio(&mut self, unit: &Unit, rate: u32, samples: u32) {
        let decode = ticks(unit.dts, rate).max(self.audio_end);
        if let Some(last) = self.audio.last_mut() {
            last.duration = u32::try_from(decode - last.decode).unwrap_or(last.duration);
        }
        self.audio_end = decode + u64::from(samples);
        self.audio.push(Sample { decode, duration: samples, composition: 0, sync: true, data: unit.data.clone() });
        self.note(unit);
    }

    fn note(&mut self, unit: &Unit) {
        self.bytes += unit.data.len();
        self.newest_arrival = self.newest_arrival.max(Some(unit.arrival));
    }

    /// Writes the part; its last frame lasts until `video_end`.
    pub(crate) fn finish(&mut self, number: u64, video_end: MediaTime) -> Finished {
        let mut end = ticks(video_end, VIDEO_TIMESCALE);
        for sample in self.video.iter_mut().rev() {
            sample.duration = u32::try_from(end.saturating_sub(sample.decode)).unwrap_or(u32::MAX).max(1);
            end = sample.decode;
        }
        if let Some(last) = self.video.last() {
            self.written = Some((last.decode, last.duration));
        }
        // The number only has to grow; it wraps after 27 years of 200 ms parts.
        let sequence = (number as u32).wrapping_add(1);
        let bytes = fragment(sequence, &self.video, &self.audio);
        let independent = self.independent || self.video.is_empty() && self.written.is_none();
        self.video.clear();
        self.audio.clear();
        self.bytes = 0;
        self.independent = false;
        Finished { bytes, independent, newest_arrival: self.newest_arrival.take() }
    }
}

fn ticks(time: MediaTime, timescale: u32) -> u64 {
    u64::try_from(time.to_ticks(timescale)).unwrap_or(0)
}
