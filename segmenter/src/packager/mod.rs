//! One rendition: units in, parts out. A core: time is an argument.
//!
//! The *leader* of a broadcast receives the publisher's units, lays them on the output timeline and chooses where
//! segments begin. *Followers* (the audio-only rendition, transcoded heights) receive units that already lie on
//! that timeline and mirror the leader's [`Cut`]s, so that all renditions have the same segments.
//!
//! A part is closed as soon as another frame of nominal duration would not fit, without waiting for it. The part's
//! announced duration ends where the last frame nominally ends and begins where the part before it ended: durations
//! telescope, so rounding and jitter cancel out in the sum, while `tfdt` is always the truth.

mod cadence;
mod cutting;
mod follower;
mod gap;
mod health;
mod interleave;
mod leader;
mod open_part;
pub mod silence;
mod terms;
mod wall;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{Kind, MediaTime, Tracks, Unit};

use crate::fmp4;
use crate::output::{Cut, FIRST_MSN, Init, Output, Part, Picture, Reason, Sound};
use cadence::Cadence;
use gap::Gap;
use health::Monitor;
use interleave::Interleave;
use open_part::OpenPart;
use terms::JITTER;
use wall::Wall;

pub use health::Health;
pub use terms::Terms;
pub use wall::Clock;

/// Nothing arrives for this long: the publisher is as good as gone, GAP parts keep the playlist moving.
const STALL: Duration = Duration::from_secs(2);
/// Sound this far past a frame that is due shows that the frame was lost: interleaving is closer than that.
const LATE_FRAME: MediaTime = MediaTime::from_millis(50);
/// A hole that is worth counting.
const HOLE: MediaTime = MediaTime::from_millis(100);
/// Without a frame for this long, a segment without keyframe is not the keyframe interval's fault.
const HOLE_IS_OVER: MediaTime = MediaTime::from_secs(1);
/// Timestamps ahead of the edge by less than this leave nothing out.
const SLACK: MediaTime = MediaTime::from_millis(20);
/// The shortest part: it has to last.
const SHORTEST: MediaTime = MediaTime::from_millis(1);
/// If neither the stream nor its timestamps tell how long a frame lasts.
const DEFAULT_FRAME: MediaTime = MediaTime::from_millis(33);
/// Terms are fixed without a second frame if sound goes on for this long without it.
const UNSETTLED: MediaTime = MediaTime::from_secs(1);
/// A segment of 10 s at 100 Mbit/s; a larger one is cut at the next part.
const MAX_SEGMENT_BYTES: u64 = 128 << 20;
/// GAP parts that one absence between two units can need: 10 s of the shortest parts.
const MAX_ABSENCE_PARTS: usize = 100;

/// Which part a packager plays in its broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes the publisher's units as they come.
    Leader {
        /// Emit [`Output::Unit`] for followers and transcoders.
        mirror: bool,
    },
    /// Takes units on the output timeline, and the leader's [`Cut`]s.
    Follower {
        /// From the leader's [`Output::Started`].
        terms: Terms,
    },
}

/// Where an earlier process left the broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The next segment's media sequence number.
    pub msn: u64,
    /// The next part's running number.
    pub part_number: u64,
    /// The next initialisation's running number.
    pub init_number: u32,
    /// The end of what was published, on the output timeline.
    pub position: MediaTime,
    /// Wall clock at `position`, in ns since the Unix epoch: the time since then becomes GAP.
    pub wall_clock: i64,
    /// What the playlists announce already.
    pub terms: Terms,
}

/// How a packager is to work.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Leader or follower.
    pub role: Role,
    /// The wish for the length of parts, 100-1000 ms.
    pub part: MediaTime,
    /// Ties the monotonic clock to the calendar.
    pub clock: Clock,
    /// Continues a broadcast.
    pub resume: Option<Resume>,
    /// The longest keyframe interval of this key's last session.
    pub keyframe_interval_hint: Option<MediaTime>,
}

#[derive(Debug)]
enum State {
    /// Nothing was announced yet.
    Idle,
    /// Units flow.
    Running,
    /// A run ended and the next has not begun.
    Absent(Gap),
    Ended,
}

/// The segment that is being filled.
#[derive(Debug)]
struct Segment {
    msn: u64,
    start: MediaTime,
    /// Parts so far.
    parts: u32,
    bytes: u64,
    /// Followers know that it began.
    is_cut: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Packager {
    config: Config,
    state: State,
    terms: Option<Terms>,
    tracks: Tracks,
    next_tracks: Option<Tracks>,
    silence: Option<(Bytes, u32)>,
    timeline: Option<crate::timeline::Timeline>,
    cadence: Cadence,
    monitor: Monitor,
    wall: Wall,
    /// The end of the last part.
    edge: MediaTime,
    part: OpenPart,
    segment: Segment,
    part_number: u64,
    init_number: u32,
    /// A run began whose first part is not out yet; whether it is a discontinuity.
    pending_run: Option<bool>,
    /// What followers get once the run's first part is out.
    held: Vec<Unit>,
    has_run: bool,
    /// Followers: where the leader's run began.
    run_start: MediaTime,
    /// The encoder's setting in frames, if it told it.
    keyint: Option<u32>,
    interleave: Interleave,
    /// A frame is missing: nothing can be decoded before the next keyframe.
    is_broken: bool,
    /// When the run's last frame of video is decoded.
    video: Option<MediaTime>,
    video_arrival: Option<Instant>,
    audio_end: MediaTime,
    audio_duration: MediaTime,
    newest_arrival: Option<Instant>,
    cuts: VecDeque<Cut>,
    outputs: VecDeque<Output>,
}

impl Packager {
    /// A packager that has heard nothing yet. With a [`Resume`] it is in an absence and emits GAP parts.
    pub fn new(config: Config) -> Self {
        let terms = match config.role {
            Role::Follower { terms } => Some(terms),
            Role::Leader { .. } => config.resume.map(|resume| resume.terms),
        };
        let position = config.resume.map_or(MediaTime::ZERO, |resume| resume.position);
        let mut packager = Self {
            config,
            state: State::Idle,
            terms,
            tracks: Tracks::default(),
            next_tracks: None,
            silence: None,
            timeline: None,
            cadence: Cadence::new(None),
            monitor: Monitor::default(),
            wall: Wall::new(),
            edge: position,
            part: OpenPart::default(),
            segment: Segment {
                msn: config.resume.map_or(FIRST_MSN, |resume| resume.msn),
                start: position,
                parts: 0,
                bytes: 0,
                is_cut: false,
            },
            part_number: config.resume.map_or(0, |resume| resume.part_number),
            init_number: config.resume.map_or(0, |resume| resume.init_number),
            pending_run: None,
            held: Vec::new(),
            has_run: false,
            run_start: position,
            keyint: None,
            interleave: Interleave::default(),
            is_broken: false,
            video: None,
            video_arrival: None,
            audio_end: MediaTime::ZERO,
            audio_duration: MediaTime::ZERO,
            newest_arrival: None,
            cuts: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        if let Some(terms) = terms {
            packager.announce(terms);
        }
        if let Some(resume) = config.resume {
            packager.wall = Wall::fixed(resume.position, resume.wall_clock);
            if packager.is_leader() {
                packager.state = State::Absent(Gap::since(config.clock.instant_at(resume.wall_clock), resume.position));
            }
        }
        packager
    }

    /// The publish's parameters, or its followers': at first, and whenever they change.
    pub fn handle_tracks(&mut self, now: Instant, tracks: &Tracks) {
        let mut tracks = tracks.clone();
        // Where only a keyframe tells the picture's size, the same record means the same size.
        if let (Some(new), Some(old)) = (&mut tracks.video, &self.tracks.video)
            && new.config == old.config
            && new.width == 0
        {
            (new.width, new.height) = (old.width, old.height);
        }
        let current = if matches!(self.state, State::Running) { Some(&self.tracks) } else { None };
        if self.next_tracks.as_ref().or(current) == Some(&tracks) {
            return;
        }
        if current == Some(&tracks) {
            self.next_tracks = None;
            return;
        }
        let picture_changes = current.is_some_and(|current| current.video != tracks.video);
        let has_video = tracks.video.is_some();
        self.next_tracks = Some(tracks);
        // Another picture cannot be decoded any more; other sound can wait for the next keyframe.
        if picture_changes && has_video && self.is_leader() {
            self.end_run(now);
        }
    }

    /// A unit: the leader takes the publisher's, followers those of [`Output::Unit`] or a transcoder's.
    pub fn handle_unit(&mut self, now: Instant, unit: Unit) {
        if matches!(self.state, State::Ended) || unit.data.is_empty() {
            return;
        }
        if self.newest_arrival.is_some_and(|newest| unit.arrival >= newest + STALL) {
            self.handle_timeout(now);
        }
        self.newest_arrival = self.newest_arrival.max(Some(unit.arrival));
        if self.is_leader() {
            self.lead(now, unit);
        } else {
            self.follow(now, unit);
        }
    }

    /// The publisher is gone: from now on GAP parts keep the cadence by the clock.
    pub fn handle_interruption(&mut self, now: Instant) {
        if self.is_leader() && matches!(self.state, State::Running) {
            self.end_run(now);
        }
        self.next_tracks.get_or_insert_with(|| self.tracks.clone());
        self.handle_timeout(now);
    }

    /// A publisher is back: what comes next is a run of its own.
    pub fn handle_resume(&mut self, now: Instant) {
        self.handle_interruption(now);
    }

    /// The broadcast is over: everything that is there goes out.
    pub fn handle_end(&mut self, now: Instant) {
        if matches!(self.state, State::Ended) {
            return;
        }
        self.flush(now);
        self.end_segment();
        self.cut(now, Reason::End);
        self.state = State::Ended;
    }

    /// Time passes.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.is_leader() {
            return;
        }
        match &self.state {
            State::Running if self.newest_arrival.is_some_and(|arrival| now >= arrival + STALL) => {
                self.end_run(now);
                self.fill_gap(now);
            }
            State::Absent(_) => self.fill_gap(now),
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.is_leader() {
            return None;
        }
        match &self.state {
            State::Running => self.newest_arrival.map(|arrival| arrival + STALL),
            State::Absent(gap) => Some(gap.due(self.edge + self.full_part())),
            State::Idle | State::Ended => None,
        }
    }

    /// The next output, in playlist order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What the streamer may want to know.
    pub fn health(&self) -> Health {
        let frame_rate = self.cadence.frame().filter(|_| self.cadence.is_measured());
        Health {
            frame_rate: frame_rate.map(|frame| 1.0 / frame.as_secs_f64()),
            interrupted: matches!(self.state, State::Absent(_)),
            ..self.monitor.health.clone()
        }
    }

    fn is_leader(&self) -> bool {
        matches!(self.config.role, Role::Leader { .. })
    }

    fn announce(&mut self, terms: Terms) {
        self.terms = Some(terms);
        let Terms { target_duration, part_target } = terms;
        self.outputs.push_back(Output::Started { target_duration, part_target });
    }

    /// Fixes the terms, if nothing fixed them before.
    fn settle(&mut self) -> Terms {
        if let Some(terms) = self.terms {
            return terms;
        }
        let terms = self.provisional_terms();
        self.announce(terms);
        terms
    }

    /// The terms by what the first part's units show so far.
    fn provisional_terms(&self) -> Terms {
        let has_video = self.tracks.video.is_some();
        let frame = self.cadence.frame().filter(|_| has_video);
        let packet = Some(self.audio_duration).filter(|&duration| duration > MediaTime::ZERO);
        let interval = if has_video { self.keyframe_interval().unwrap_or(terms::UNKNOWN_INTERVAL) } else { terms::SEGMENT };
        Terms { target_duration: terms::target_duration(interval), part_target: terms::part_target(self.config.part, frame, packet) }
    }

    /// The frame or packet duration by which parts are cut, and how far timestamps may stray from it.
    fn pace(&self) -> Option<(MediaTime, MediaTime)> {
        if self.tracks.video.is_some() {
            self.cadence.frame().map(|frame| (frame, JITTER))
        } else {
            Some((self.audio_duration, MediaTime::ZERO)).filter(|(frame, _)| *frame > MediaTime::ZERO)
        }
    }

    /// The length of an ordinary part.
    fn full_part(&self) -> MediaTime {
        match (self.terms, self.pace()) {
            (Some(terms), Some((frame, jitter))) => terms.full_part(frame, jitter),
            (Some(terms), None) => terms.part_target,
            (None, _) => self.config.part,
        }
    }

    /// A unit with its place on the output timeline.
    fn handle_placed(&mut self, now: Instant, unit: Unit) {
        match unit.kind {
            Kind::Video => self.handle_video(now, &unit),
            Kind::Audio => self.handle_audio(now, &unit),
        }
        // After the cut that it may have caused.
        if let Role::Leader { mirror: true } = self.config.role {
            if self.pending_run.is_some() {
                self.held.push(unit);
            } else {
                self.outputs.push_back(Output::Unit(unit));
            }
        }
    }

    fn handle_video(&mut self, now: Instant, unit: &Unit) {
        if let Some(last) = self.video {
            let step = unit.dts - last;
            if step - self.cadence.frame().unwrap_or(step) >= HOLE {
                self.monitor.health.video_holes += 1;
            }
            self.cadence.observe(step);
        }
        if unit.keyframe && self.is_leader() {
            self.consider_cut(now, unit.dts);
        }
        self.monitor.video(unit);
        self.observe_arrival(unit);
        self.append(now, unit);
        self.video = Some(unit.dts);
        self.video_arrival = Some(unit.arrival);
        self.interleave.observe(unit.dts, self.audio_end);
    }

    /// The leader maps the wall clock; followers take its mapping.
    fn observe_arrival(&mut self, unit: &Unit) {
        if self.is_leader() {
            self.wall.observe(unit.dts, self.config.clock.unix_nanos(unit.arrival));
        }
    }

    fn handle_audio(&mut self, now: Instant, unit: &Unit) {
        let Some(track) = &self.tracks.audio else { return };
        let (rate, samples) = (track.sample_rate, track.samples(&unit.data));
        let duration = MediaTime::from_ticks(i64::from(samples), rate);
        self.audio_duration = duration;
        self.monitor.audio(unit);
        if self.tracks.video.is_none() {
            self.observe_arrival(unit);
            self.append(now, unit);
            self.audio_end = unit.dts + duration;
            if self.is_leader() && self.part.is_empty() && self.segment_length() + self.full_part() / 2 >= terms::SEGMENT {
                self.next_segment(now);
            }
            return;
        }
        self.part.push_audio(unit, rate, samples);
        self.audio_end = unit.dts + duration;
        self.close_without_video(now, unit.arrival, duration);
    }
}
