//! The output timeline of a broadcast: every run of media (a publish, or what follows a change of parameters or a
//! jump of the encoder's clock) is laid behind the one before it.

use std::time::Instant;

use media::{Audio, Kind, MediaTime, Tracks, Unit};

/// A step back of more than this is another clock; less is disorder, which decoding times must not show.
const MAX_STEP_BACK: MediaTime = MediaTime::from_millis(500);
/// A step ahead that the wall clock does not explain by this much is another clock; less is lost media.
const MAX_STEP_AHEAD: MediaTime = MediaTime::from_secs(3);
/// Sound that strays from the count of its samples by more than this is moved, if it lasts.
const MAX_DRIFT: MediaTime = MediaTime::from_millis(50);
/// Sound that strays by more than this was lost or repeated: it is moved at once.
const MAX_SLIP: MediaTime = MediaTime::from_millis(150);
/// How many packets have to agree that the sound drifts: single timestamps are often off.
const DRIFT_WITNESSES: u32 = 8;
/// Sound whose clock stays wrong for this many packets (1-2 s) is taken as it comes.
const MAX_STRAY_PACKETS: u32 = 64;

/// Sound of which nothing comes for this much of picture is stood for by silence: players need both to go on. Sound that
/// is always late by less (encoders send it up to 1 s later) is waited for.
const ABSENT: MediaTime = MediaTime::from_millis(1500);
/// Silence stays this far behind, so that sound that comes again has its place.
const ABSENT_MARGIN: MediaTime = MediaTime::from_millis(500);

/// What becomes of a unit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Nothing: it lies before the run's start, repeats what was there, or its clock is wrong.
    Dropped,
    /// It follows another clock: a new run has to begin.
    Jump,
    /// It belongs here on the output timeline.
    Placed {
        dts: MediaTime,
        pts: MediaTime,
        /// Packets of silence that stand for lost sound just before it.
        silence: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    dts: MediaTime,
    arrival: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Sounded {
    arrival: Instant,
    picture: MediaTime,
    end: MediaTime,
}

/// Where the units of the current run belong.
#[derive(Debug)]
pub(crate) struct Timeline {
    start: MediaTime,
    offset: MediaTime,
    has_video: bool,
    video: Option<Heard>,
    video_dts: MediaTime,
    audio: Option<AudioClock>,
    /// When sound came last, where the picture was then, and where that sound ended.
    sounded: Sounded,
}

impl Timeline {
    /// A run whose `first` unit lies at `start`.
    pub(crate) fn new(tracks: &Tracks, first: &Unit, start: MediaTime) -> Self {
        Self {
            start,
            offset: start - first.dts,
            has_video: tracks.video.is_some(),
            video: None,
            video_dts: start,
            audio: tracks.audio.as_ref().map(AudioClock::new),
            sounded: Sounded { arrival: first.arrival, picture: start, end: start },
        }
    }

    /// The end and the number of packets of silence, of `samples` each, that stand for sound which stays away, at a
    /// frame's `arrival`.
    pub(crate) fn absent_sound(&mut self, arrival: Instant, samples: u32) -> Option<(MediaTime, u32)> {
        let Sounded { arrival: last, picture, end } = self.sounded;
        // Lost frames are no time without sound, and neither is a network that stood still.
        let absent = MediaTime::from_duration(arrival.saturating_duration_since(last)).min(self.video_dts - picture);
        let audio = self.audio.as_mut().filter(|_| absent >= ABSENT)?;
        let until = (end + absent - ABSENT_MARGIN).to_ticks(audio.rate);
        let next = audio.next.unwrap_or_else(|| self.start.to_ticks(audio.rate));
        let count = u32::try_from((until - next) / i64::from(samples.max(1))).unwrap_or(0);
        let end = next + i64::from(count) * i64::from(samples);
        audio.next = Some(end);
        (count > 0).then(|| (MediaTime::from_ticks(end, audio.rate), count))
    }

    /// Places `unit`; `silence` is how many samples a packet of silence has, if lost sound can be stood for by it.
    pub(crate) fn place(&mut self, unit: &Unit, silence: Option<u32>) -> Placement {
        match unit.kind {
            Kind::Video if self.has_video => self.place_video(unit),
            Kind::Audio => self.place_audio(unit, silence),
            Kind::Video => Placement::Dropped,
        }
    }

    fn place_video(&mut self, unit: &Unit) -> Placement {
        if self.video.is_some_and(|last| jumps(last, unit)) {
            return Placement::Jump;
        }
        self.video = Some(Heard { dts: unit.dts, arrival: unit.arrival });
        // A decoding time before the last one's is raised to it; the picture is still shown in its time.
        self.video_dts = (unit.dts + self.offset).max(self.video_dts);
        Placement::Placed { dts: self.video_dts, pts: unit.pts + self.offset, silence: 0 }
    }

    fn place_audio(&mut self, unit: &Unit, silence: Option<u32>) -> Placement {
        let Some(audio) = &mut self.audio else { return Placement::Dropped };
        if audio.last.is_some_and(|last| jumps(last, unit)) || (self.has_video && audio.strays(unit, self.offset, self.video_dts)) {
            if !self.has_video {
                return Placement::Jump;
            }
            // The picture tells the time. If its clock jumped too, its next frame says so.
            audio.astray += 1;
            if audio.astray < MAX_STRAY_PACKETS {
                return Placement::Dropped;
            }
            let truth = audio.next.map_or(self.video_dts, |next| MediaTime::from_ticks(next, audio.rate));
            audio.shift = truth.max(self.video_dts) - (unit.dts + self.offset);
        }
        audio.astray = 0;
        audio.last = Some(Heard { dts: unit.dts, arrival: unit.arrival });
        let placement = audio.place(unit, self.offset, self.start, silence);
        if let (Placement::Placed { .. }, Some(next)) = (&placement, audio.next) {
            let end = MediaTime::from_ticks(next, audio.rate);
            self.sounded = Sounded { arrival: unit.arrival, picture: self.video_dts, end };
        }
        placement
    }
}

/// Whether `unit` follows another clock than the unit of its track before it.
fn jumps(last: Heard, unit: &Unit) -> bool {
    let step = unit.dts - last.dts;
    let waited = MediaTime::from_duration(unit.arrival.saturating_duration_since(last.arrival));
    step < -MAX_STEP_BACK || step - waited > MAX_STEP_AHEAD
}

/// Counts samples: a sound track has no gaps and overlaps between packets, whatever their rounded timestamps say.
#[derive(Debug)]
struct AudioClock {
    rate: u32,
    track: Audio,
    last: Option<Heard>,
    /// Where the next packet begins by the count, in samples.
    next: Option<i64>,
    /// Correction of a clock that differs from the picture's.
    shift: MediaTime,
    late: u32,
    early: u32,
    astray: u32,
}

impl AudioClock {
    fn new(track: &Audio) -> Self {
        let rate = track.sample_rate.max(1);
        Self { rate, track: track.clone(), last: None, next: None, shift: MediaTime::ZERO, late: 0, early: 0, astray: 0 }
    }

    /// Whether `unit` lies implausibly far from the picture.
    fn strays(&self, unit: &Unit, offset: MediaTime, video_dts: MediaTime) -> bool {
        /// Players buffer less, and no encoder interleaves worse.
        const MAX_SKEW: MediaTime = MediaTime::from_secs(5);
        let lost = self.last.map_or(MediaTime::ZERO, |last| unit.dts - last.dts).abs();
        (unit.dts + offset + self.shift - video_dts).abs() > MAX_SKEW && (self.last.is_none() || lost > MAX_SKEW)
    }

    fn place(&mut self, unit: &Unit, offset: MediaTime, start: MediaTime, silence: Option<u32>) -> Placement {
        let truth = unit.dts + offset + self.shift;
        let ticks = truth.to_ticks(self.rate);
        let samples = i64::from(self.track.samples(&unit.data)).max(1);
        let Some(next) = self.next else {
            if truth < start {
                return Placement::Dropped;
            }
            return self.placed(ticks, samples, 0);
        };
        let drift = MediaTime::from_ticks(ticks - next, self.rate);
        self.late = if drift > MAX_DRIFT { self.late + 1 } else { 0 };
        self.early = if drift < -MAX_DRIFT { self.early + 1 } else { 0 };
        if drift > MAX_SLIP || self.late >= DRIFT_WITNESSES {
            return match silence.map(|length| i64::from(length.max(1))) {
                Some(length) => {
                    let count = (ticks - next) / length;
                    self.placed(next + count * length, samples, u32::try_from(count).unwrap_or(0))
                }
                None => self.placed(ticks, samples, 0),
            };
        }
        if drift < -MAX_SLIP || self.early >= DRIFT_WITNESSES {
            self.early = 0;
            return Placement::Dropped;
        }
        self.placed(next, samples, 0)
    }

    fn placed(&mut self, position: i64, samples: i64, silence: u32) -> Placement {
        self.late = 0;
        self.next = Some(position + samples);
        let dts = MediaTime::from_ticks(position, self.rate);
        Placement::Placed { dts, pts: dts, silence }
    }
}
