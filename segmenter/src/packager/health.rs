//! What the streamer is told about the stream.

use media::{MediaTime, Unit};

/// The state of a publish as its packager sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Frames per second, measured.
    pub frame_rate: Option<f64>,
    /// Bits per second of video over the last seconds.
    pub video_bitrate: u64,
    /// Bits per second of audio over the last seconds.
    pub audio_bitrate: u64,
    /// Between the last two keyframes.
    pub keyframe_interval: Option<MediaTime>,
    /// The longest of this broadcast; the next one's hint.
    pub longest_keyframe_interval: Option<MediaTime>,
    /// A keyframe interval outgrew the target duration: segments had to be cut without a keyframe.
    pub outgrown: bool,
    /// Most B-frames in a row.
    pub b_frames: u32,
    /// Stretches of 100 ms and more in which video was lost while sound went on.
    pub video_holes: u64,
    /// Packets of silence that stand for lost sound.
    pub silent_packets: u64,
    /// Units that could not be used: before the first keyframe, on a wrong clock, too large.
    pub dropped_units: u64,
    /// Runs after the first: reconnects, parameter changes, timestamp jumps.
    pub discontinuities: u64,
    /// Nothing arrives at the moment.
    pub interrupted: bool,
}

/// Bitrates are averaged over this.
const WINDOW: MediaTime = MediaTime::from_secs(4);

/// Measures what [`Health`] reports.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    pub(crate) health: Health,
    window_start: Option<MediaTime>,
    video_bytes: u64,
    audio_bytes: u64,
    highest_pts: Option<MediaTime>,
    b_frames: u32,
    last_keyframe: Option<MediaTime>,
}

impl Monitor {
    /// Takes a video unit on the output timeline.
    pub(crate) fn video(&mut self, unit: &Unit) {
        self.video_bytes += unit.data.len() as u64;
        if self.highest_pts.is_some_and(|highest| unit.pts < highest) {
            self.b_frames += 1;
            self.health.b_frames = self.health.b_frames.max(self.b_frames);
        } else {
            self.b_frames = 0;
            self.highest_pts = Some(unit.pts);
        }
        if unit.keyframe
            && let Some(last) = self.last_keyframe.replace(unit.dts)
        {
            let interval = unit.dts - last;
            self.health.keyframe_interval = Some(interval);
            self.health.longest_keyframe_interval = self.health.longest_keyframe_interval.max(Some(interval));
        }
        self.roll(unit.dts);
    }

    /// Takes an audio unit on the output timeline.
    pub(crate) fn audio(&mut self, unit: &Unit) {
        self.audio_bytes += unit.data.len() as u64;
        self.roll(unit.dts);
    }

    /// A new run: what was before is no measure.
    pub(crate) fn restart(&mut self) {
        let health = std::mem::take(&mut self.health);
        *self = Self { health, ..Self::default() };
    }

    /// The keyframe before this one.
    pub(crate) fn last_keyframe(&self) -> Option<MediaTime> {
        self.last_keyframe
    }

    fn roll(&mut self, at: MediaTime) {
        let start = *self.window_start.get_or_insert(at);
        let length = at - start;
        if length >= WINDOW {
            let rate = |bytes: u64| (bytes as f64 * 8.0 / length.as_secs_f64()) as u64;
            self.health.video_bitrate = rate(self.video_bytes);
            self.health.audio_bitrate = rate(self.audio_bytes);
            (self.video_bytes, self.audio_bytes) = (0, 0);
            self.window_start = Some(at);
        }
    }
}
