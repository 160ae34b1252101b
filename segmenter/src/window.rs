//! The sliding window of one rendition: which segments and parts its playlist lists, and where their bytes are.
//!
//! A core: [`Window::handle_output`] takes what a packager says, [`Window::view`] gives an immutable picture of
//! the moment that is cheap to make and to share.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::MediaTime;
use sha2::{Digest, Sha256};

use crate::journal::Recording;
use crate::name::{Names, Resource};
use crate::output::FIRST_MSN;
use crate::{Init, Output, Part};

/// EXT-X-PART tags go when they are farther than this many target durations from the end, and their
/// resources stay for as many more (section 6.2.2).
pub(crate) const PARTS_LISTED: i64 = 3;
/// A playlist never becomes shorter than this many target durations by removal (section 6.2.2).
pub(crate) const FLOOR: i64 = 3;
/// How long after its end a segment's parts may still be asked for, in target durations: listed for three,
/// available for three more, and one because tags go at segment boundaries.
const PARTS_AVAILABLE: u32 = 7;
/// Old initialisation sections that no segment uses any more; an encoder that changes parameters all the time
/// must not grow memory.
const MAX_INITS: usize = 64;
/// Removed segments linger in memory only up to this multiple of the memory budget.
const LINGER_BUDGET: u64 = 3;

/// What a window is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// How resources are named.
    pub names: Names,
    /// Length of the playlist (how far back viewers can seek); never below three target durations.
    pub dvr_window: Duration,
    /// Media kept in memory, in bytes. What is older is served from the recording; without a recording the
    /// playlist shrinks to this, though never below three target durations.
    pub memory_bytes: u64,
    /// Media kept in memory, as a duration.
    pub memory: Duration,
    /// PART-HOLD-BACK; raised to three part targets if below (section 4.4.3.8).
    pub part_hold_back: Duration,
    /// EXT-X-GAP segments listed before the first real one, if the first media sequence number leaves room
    /// for them: players that want whole segments to start then start from parts.
    pub leading_gaps: u64,
}

impl Config {
    /// One second of hold-back: what stock players, which do not fetch hinted parts, play without stalls.
    pub const PART_HOLD_BACK: Duration = Duration::from_secs(1);
    /// 20 s of a 2.5 Mbit/s stream.
    pub const MEMORY_BYTES: u64 = 6 << 20;
    /// Six target durations of 2 s: all that viewers near the edge ask for. The page cache does the rest.
    pub const MEMORY: Duration = Duration::from_secs(12);
    /// As many as other servers found Apple's players to want.
    pub const LEADING_GAPS: u64 = FIRST_MSN;

    /// The defaults with a window of `dvr_window`.
    pub fn new(names: Names, dvr_window: Duration) -> Self {
        Self {
            names,
            dvr_window,
            memory_bytes: Self::MEMORY_BYTES,
            memory: Self::MEMORY,
            part_hold_back: Self::PART_HOLD_BACK,
            leading_gaps: Self::LEADING_GAPS,
        }
    }
}

/// A run of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpan {
    /// The file.
    pub path: Arc<Path>,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// A complete segment has reached the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its media sequence number.
    pub msn: u64,
    /// Its parts, one after the other.
    pub span: FileSpan,
}

/// A part as the window keeps it.
#[derive(Clone, Debug)]
pub(crate) struct PartEntry {
    pub duration: MediaTime,
    pub independent: bool,
    pub gap: bool,
    pub length: u64,
    /// Empty once the segment's bytes are only in the recording.
    pub bytes: Bytes,
}

/// A complete segment.
#[derive(Clone, Debug)]
pub struct Segment {
    pub(crate) msn: u64,
    pub(crate) duration: MediaTime,
    pub(crate) program_date_time: i64,
    pub(crate) init: u32,
    pub(crate) discontinuity: bool,
    pub(crate) gap: bool,
    pub(crate) first_part: u64,
    /// Empty once neither tags nor resources of parts are needed.
    pub(crate) parts: Arc<[PartEntry]>,
    pub(crate) length: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) stored: Option<FileSpan>,
    /// The bytes are in `parts`.
    resident: bool,
    /// One of [`Config::leading_gaps`].
    pub(crate) leading: bool,
    closed: Instant,
    available_until: Instant,
}

impl Segment {
    fn parts_end(&self) -> u64 {
        self.first_part + self.parts.len() as u64
    }

    fn evict(&mut self) {
        let strip = |part: &PartEntry| PartEntry { bytes: Bytes::new(), ..part.clone() };
        self.parts = self.parts.iter().map(strip).collect();
        self.resident = false;
    }
}

/// The segment whose parts still come.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub msn: u64,
    pub program_date_time: i64,
    pub init: u32,
    pub discontinuity: bool,
    pub first_part: u64,
    pub parts: Vec<PartEntry>,
    pub duration: MediaTime,
    pub length: u64,
    hash: Sha256,
}

/// Sums over the media so far, for the multivariant playlist.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Bits per second of the segment with the most.
    pub peak: u64,
    pub bytes: u64,
    pub duration: MediaTime,
}

impl Measured {
    pub(crate) fn average(&self) -> u64 {
        bits_per_second(self.bytes, self.duration)
    }
}

fn bits_per_second(bytes: u64, duration: MediaTime) -> u64 {
    let nanos = duration.as_nanos().max(1).unsigned_abs();
    u64::try_from(u128::from(bytes) * 8_000_000_000 / u128::from(nanos)).unwrap_or(u64::MAX)
}

/// The window at one moment; immutable, shared by all readers of that version.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) config: Arc<Config>,
    pub(crate) target_duration: u32,
    pub(crate) part_target: MediaTime,
    pub(crate) listed: Arc<[Arc<Segment>]>,
    pub(crate) lingering: Arc<[Arc<Segment>]>,
    pub(crate) open: Option<Arc<Open>>,
    pub(crate) inits: Arc<[Init]>,
    /// Announced but not used by a part yet.
    pub(crate) next_init: Option<u32>,
    pub(crate) discontinuity_sequence: u64,
    pub(crate) next_part: u64,
    pub(crate) ended: bool,
    pub(crate) measured: Measured,
    pub(crate) segments_version: u64,
}

/// The bytes behind a name.
#[derive(Clone, Debug)]
pub enum Object {
    /// In memory, in this order.
    Memory(Arc<[Bytes]>),
    /// In the recording.
    File(FileSpan),
}

impl Object {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Object::Memory(chunks) => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Object::File(span) => span.length,
        }
    }
}

/// What the window knows of a name.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// There it is.
    Found(Object),
    /// The hinted part: it will come next.
    Hinted,
    /// A later part than the hinted one: not known, yet to come.
    Later,
    /// Never was, is an absence, or is gone.
    Missing,
}

impl View {
    /// The target duration as a span.
    pub(crate) fn target(&self) -> MediaTime {
        MediaTime::from_secs(i64::from(self.target_duration))
    }

    /// EXT-X-MEDIA-SEQUENCE.
    pub fn media_sequence(&self) -> u64 {
        match (self.listed.first(), &self.open) {
            (Some(segment), _) => segment.msn,
            (None, Some(open)) => open.msn,
            (None, None) => 0,
        }
    }

    /// The stream has ended: EXT-X-ENDLIST.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Something can be listed.
    pub fn is_listable(&self) -> bool {
        self.open.is_some() || !self.listed.is_empty()
    }

    /// Media sequence number of the last complete segment.
    pub(crate) fn last_complete(&self) -> Option<u64> {
        self.listed.last().map(|segment| segment.msn)
    }

    /// LAST-MSN and LAST-PART (section 4.4.5.4).
    pub fn last_part(&self) -> Option<(u64, u64)> {
        match (&self.open, self.listed.last()) {
            (Some(open), _) => Some((open.msn, (open.parts.len() as u64).saturating_sub(1))),
            (None, Some(segment)) => Some((segment.msn, (segment.parts.len() as u64).saturating_sub(1))),
            (None, None) => None,
        }
    }

    /// Changes when the set of complete segments does.
    pub fn segments_version(&self) -> u64 {
        self.segments_version
    }

    /// Duration of all that is listed.
    pub(crate) fn duration(&self) -> MediaTime {
        let open = self.open.as_ref().map_or(MediaTime::ZERO, |open| open.duration);
        self.listed.iter().fold(open, |sum, segment| sum + segment.duration)
    }

    /// Bits per second over all media so far; `None` before a target duration of it is there.
    pub fn average_bitrate(&self) -> Option<u64> {
        let mut measured = self.measured;
        if let Some(open) = &self.open {
            measured.bytes += open.length;
            measured.duration += open.duration;
        }
        (measured.duration >= self.target()).then(|| measured.average())
    }

    /// The newest initialisation section that parts use.
    pub fn init(&self) -> Option<&Init> {
        let number = match (&self.open, self.listed.last()) {
            (Some(open), _) => open.init,
            (None, Some(segment)) => segment.init,
            (None, None) => return self.inits.last(),
        };
        self.inits.iter().rfind(|init| init.number == number)
    }

    fn segment(&self, msn: u64) -> Option<&Arc<Segment>> {
        // Both lists ascend; only the listed one is without holes.
        let listed = self.listed.first().and_then(|first| msn.checked_sub(first.msn));
        match listed {
            Some(index) => self.listed.get(usize::try_from(index).ok()?),
            None => self.lingering.iter().find(|segment| segment.msn == msn),
        }
    }

    fn segment_of_part(&self, number: u64) -> Option<&Arc<Segment>> {
        [&self.listed, &self.lingering].into_iter().find_map(|list| {
            let after = list.partition_point(|segment| segment.first_part <= number);
            let segment = list.get(after.checked_sub(1)?)?;
            (number < segment.parts_end()).then_some(segment)
        })
    }

    /// The bytes of a resource.
    pub fn look_up(&self, resource: Resource) -> Lookup {
        match resource {
            Resource::Init(number) => {
                let init = self.inits.iter().find(|init| init.number == number);
                init.map_or(Lookup::Missing, |init| Lookup::Found(Object::Memory(Arc::from([init.bytes.clone()]))))
            }
            Resource::Segment(msn) => self.look_up_segment(msn),
            Resource::Part(number) => self.look_up_part(number),
        }
    }

    fn look_up_segment(&self, msn: u64) -> Lookup {
        let Some(segment) = self.segment(msn) else { return Lookup::Missing };
        if segment.gap {
            Lookup::Missing
        } else if segment.resident {
            let present = segment.parts.iter().filter(|part| !part.gap);
            Lookup::Found(Object::Memory(present.map(|part| part.bytes.clone()).collect()))
        } else {
            segment.stored.clone().map_or(Lookup::Missing, |span| Lookup::Found(Object::File(span)))
        }
    }

    fn look_up_part(&self, number: u64) -> Lookup {
        if number >= self.next_part {
            return match (self.ended, number == self.next_part) {
                (true, _) => Lookup::Missing,
                (false, true) => Lookup::Hinted,
                (false, false) => Lookup::Later,
            };
        }
        let memory = |part: &PartEntry| match part.gap {
            true => Lookup::Missing,
            false => Lookup::Found(Object::Memory(Arc::from([part.bytes.clone()]))),
        };
        if let Some(open) = &self.open
            && let Some(index) = number.checked_sub(open.first_part)
        {
            return usize::try_from(index).ok().and_then(|i| open.parts.get(i)).map_or(Lookup::Missing, memory);
        }
        let Some(segment) = self.segment_of_part(number) else { return Lookup::Missing };
        // In range by the line above.
        let index = (number - segment.first_part) as usize;
        let part = &segment.parts[index];
        match &segment.stored {
            _ if segment.resident => memory(part),
            Some(span) if !part.gap => {
                let before: u64 = segment.parts[..index].iter().map(|part| part.length).sum();
                let span = FileSpan { path: span.path.clone(), offset: span.offset + before, length: part.length };
                Lookup::Found(Object::File(span))
            }
            _ => Lookup::Missing,
        }
    }
}

/// The lists of a [`View`], which most versions have in common.
#[derive(Clone, Debug)]
struct Shared {
    listed: Arc<[Arc<Segment>]>,
    lingering: Arc<[Arc<Segment>]>,
    inits: Arc<[Init]>,
}

/// The sliding window of one rendition.
#[derive(Debug)]
pub struct Window {
    config: Arc<Config>,
    target_duration: u32,
    part_target: MediaTime,
    listed: VecDeque<Arc<Segment>>,
    lingering: VecDeque<Arc<Segment>>,
    open: Option<Open>,
    inits: Vec<Init>,
    current_init: Option<u32>,
    next_init: Option<(u32, bool)>,
    discontinuity_sequence: u64,
    next_part: Option<u64>,
    ended: bool,
    longest: MediaTime,
    measured: Measured,
    segments_version: u64,
    /// The lists as last handed out; `None` once they changed.
    shared: Option<Shared>,
}

impl Window {
    /// An empty window.
    pub fn new(config: Config) -> Self {
        Self {
            config: Arc::new(config),
            target_duration: 0,
            part_target: MediaTime::ZERO,
            listed: VecDeque::new(),
            lingering: VecDeque::new(),
            open: None,
            inits: Vec::new(),
            current_init: None,
            next_init: None,
            discontinuity_sequence: 0,
            next_part: None,
            ended: false,
            longest: MediaTime::ZERO,
            measured: Measured::default(),
            segments_version: 0,
            shared: None,
        }
    }

    /// The window of a broadcast that was recorded and goes on: what was recorded is listed as far as the
    /// configured window reaches, and served from there.
    pub fn restore(config: Config, now: Instant, recording: &Recording) -> Self {
        let mut window = Self::new(config);
        if let Some((target_duration, part_target)) = recording.started {
            window.handle_output(now, Output::Started { target_duration, part_target });
        }
        window.inits = recording.inits.clone();
        window.current_init = recording.segments.last().map(|segment| segment.init);
        window.next_part = recording.next_part();
        window.discontinuity_sequence = recording.discontinuities_dropped;
        let real = recording.segments.iter().fold(MediaTime::ZERO, |sum, segment| sum + segment.duration());
        // Less than what was published may have been recorded: when in doubt they were gone already.
        if let Some(first) = recording.segments.first().filter(|_| real + window.target() < window.floor()) {
            window.lead_in(now, first.msn, first.first_part, first.program_date_time, first.init);
        }
        for segment in &recording.segments {
            let gap = segment.is_gap();
            window.measure(segment.span.length, segment.duration(), gap);
            let parts = segment.parts.iter().map(|part| PartEntry {
                duration: part.duration,
                independent: part.independent,
                gap: part.gap,
                length: part.length,
                bytes: Bytes::new(),
            });
            window.listed.push_back(Arc::new(Segment {
                msn: segment.msn,
                duration: segment.duration(),
                program_date_time: segment.program_date_time,
                init: segment.init,
                discontinuity: segment.discontinuity,
                gap,
                first_part: segment.first_part,
                parts: parts.collect(),
                length: segment.span.length,
                sha256: segment.sha256,
                stored: (!gap).then(|| segment.span.clone()),
                resident: false,
                leading: false,
                closed: now,
                available_until: now,
            }));
        }
        window.slide(now);
        window
    }

    fn target(&self) -> MediaTime {
        MediaTime::from_secs(i64::from(self.target_duration))
    }

    fn floor(&self) -> MediaTime {
        MediaTime::from_nanos(self.target().as_nanos().saturating_mul(FLOOR))
    }

    /// The rendition's names.
    pub fn names(&self) -> &Names {
        &self.config.names
    }

    /// Takes what the packager said, in its order.
    pub fn handle_output(&mut self, now: Instant, output: Output) {
        match output {
            Output::Started { target_duration, part_target } => {
                // Section 6.2.1: neither may change in a playlist's life.
                if self.target_duration == 0 {
                    self.target_duration = target_duration.max(1);
                    self.part_target = part_target;
                    self.slide(now);
                }
            }
            Output::Init(init) => {
                let discontinuity = init.discontinuity || self.next_init.is_some_and(|(_, before)| before);
                self.next_init = Some((init.number, discontinuity));
                self.inits.push(init);
                self.shared = None;
            }
            Output::Part(part) => self.handle_part(now, part),
            Output::SegmentEnd { msn, .. } => {
                if self.open.as_ref().is_some_and(|open| open.msn == msn) {
                    self.close(now);
                }
            }
            Output::Cut(_) | Output::Unit(_) => {}
        }
    }

    /// The broadcast is over: nothing more will come, EXT-X-ENDLIST.
    pub fn handle_end(&mut self, now: Instant) {
        self.close(now);
        self.ended = true;
    }

    /// A complete segment reached the recording; its memory may go.
    pub fn handle_stored(&mut self, now: Instant, stored: Stored) {
        let mut all = self.lingering.iter_mut().chain(self.listed.iter_mut());
        if let Some(segment) = all.find(|segment| segment.msn == stored.msn)
            && segment.length == stored.span.length
        {
            Arc::make_mut(segment).stored = Some(stored.span);
            self.shared = None;
            self.slide(now);
        }
    }

    /// No segment below this media sequence number is served any more; its bytes may be deleted.
    pub fn oldest_needed(&self) -> Option<u64> {
        let oldest = self.lingering.front().or(self.listed.iter().find(|segment| !segment.leading))?;
        Some(oldest.msn)
    }

    fn handle_part(&mut self, now: Instant, part: Part) {
        if self.open.as_ref().is_some_and(|open| open.msn != part.msn) {
            self.close(now);
        }
        let due = self.listed.back().map(|segment| segment.msn + 1);
        // Only between segments may numbers be missing: a restart does not use lost ones again.
        let in_order = match (&self.open, self.next_part) {
            (Some(_), Some(next)) => part.number == next,
            (None, Some(next)) => part.number >= next && due.is_none_or(|due| part.msn == due),
            (_, None) => true,
        };
        if !in_order || self.ended {
            tracing::error!(part.msn, part.number, "segmenter.window: part out of order left out");
            return;
        }
        if self.open.is_none() && !self.open_segment(now, &part) {
            return;
        }
        let Some(open) = &mut self.open else { return };
        self.next_part = Some(part.number + 1);
        open.hash.update(&part.bytes);
        open.duration += part.duration;
        open.length += part.bytes.len() as u64;
        open.parts.push(PartEntry {
            duration: part.duration,
            independent: part.independent,
            gap: part.gap,
            length: part.bytes.len() as u64,
            bytes: part.bytes,
        });
    }

    fn open_segment(&mut self, now: Instant, part: &Part) -> bool {
        let (init, discontinuity) = match (self.next_init.take(), self.current_init) {
            (Some(next), _) => next,
            (None, Some(current)) => (current, false),
            (None, None) => {
                tracing::error!(part.msn, "segmenter.window: part without initialisation left out");
                return false;
            }
        };
        self.current_init = Some(init);
        if self.listed.is_empty() {
            self.lead_in(now, part.msn, part.number, part.program_date_time, init);
        }
        self.open = Some(Open {
            msn: part.msn,
            program_date_time: part.program_date_time,
            init,
            discontinuity,
            first_part: part.number,
            parts: Vec::new(),
            duration: MediaTime::ZERO,
            length: 0,
            hash: Sha256::new(),
        });
        true
    }

    /// EXT-X-GAP segments before the first part, each of one target duration.
    fn lead_in(&mut self, now: Instant, msn: u64, first_part: u64, program_date_time: i64, init: u32) {
        let count = self.config.leading_gaps.min(msn);
        let target = self.target();
        for before in (1..=count).rev() {
            // `before` is at most `leading_gaps`, a small number.
            let shift = target.as_millis().saturating_mul(i64::try_from(before).unwrap_or(i64::MAX));
            self.listed.push_back(Arc::new(Segment {
                msn: msn - before,
                duration: target,
                program_date_time: program_date_time.saturating_sub(shift),
                init,
                discontinuity: false,
                gap: true,
                first_part,
                parts: Arc::from([]),
                length: 0,
                sha256: [0; 32],
                stored: None,
                resident: false,
                leading: true,
                closed: now,
                available_until: now,
            }));
        }
        self.shared = None;
    }

    fn measure(&mut self, length: u64, duration: MediaTime, gap: bool) {
        if gap {
            return;
        }
        self.measured.bytes += length;
        self.measured.duration += duration;
        // Section 4.4.6.2: the peak is taken over at least half a target duration.
        let target = self.target();
        if duration.as_nanos().saturating_mul(2) >= target.as_nanos() {
            self.measured.peak = self.measured.peak.max(bits_per_second(length, duration));
        }
    }

    fn close(&mut self, now: Instant) {
        let Some(open) = self.open.take() else { return };
        let gap = open.parts.iter().all(|part| part.gap);
        self.measure(open.length, open.duration, gap);
        self.listed.push_back(Arc::new(Segment {
            msn: open.msn,
            duration: open.duration,
            program_date_time: open.program_date_time,
            init: open.init,
            discontinuity: open.discontinuity,
            gap,
            first_part: open.first_part,
            parts: open.parts.into(),
            length: open.length,
            sha256: open.hash.finalize().into(),
            stored: None,
            resident: !gap,
            leading: false,
            closed: now,
            available_until: now,
        }));
        self.slide(now);
    }

    /// Removes from the playlist what is beyond the window, and from memory what is beyond the budget.
    fn slide(&mut self, now: Instant) {
        self.segments_version += 1;
        self.shared = None;
        let floor = self.floor();
        let window = MediaTime::from_duration(self.config.dvr_window).max(floor);
        let mut total = self.listed.iter().fold(MediaTime::ZERO, |sum, segment| sum + segment.duration);
        self.longest = self.longest.max(total + self.target());

        let leading = self.listed.iter().take_while(|segment| segment.leading).map(|segment| segment.duration);
        let real = total - leading.fold(MediaTime::ZERO, |sum, duration| sum + duration);
        while let Some(front) = self.listed.front() {
            let left = total - front.duration;
            let remove = if front.leading { real >= floor } else { left >= window };
            if !remove {
                break;
            }
            total = left;
            self.unlist(now);
        }

        // Without a recording, memory bounds the playlist.
        let budget = MediaTime::from_duration(self.config.memory).max(floor);
        let unstored = |segment: &&Arc<Segment>| segment.resident && segment.stored.is_none();
        let mut bytes: u64 = self.listed.iter().filter(unstored).map(|segment| segment.length).sum();
        let mut span = self.listed.iter().filter(unstored).fold(MediaTime::ZERO, |sum, segment| sum + segment.duration);
        while bytes > self.config.memory_bytes || span > budget {
            let Some(front) = self.listed.front() else { break };
            let left = total - front.duration;
            if left < floor {
                break;
            }
            if unstored(&front) {
                bytes -= front.length;
                span -= front.duration;
            }
            total = left;
            self.unlist(now);
        }

        while self.lingering.front().is_some_and(|segment| segment.available_until <= now) {
            self.lingering.pop_front();
        }
        self.evict(now);
        self.drop_inits();
    }

    fn unlist(&mut self, now: Instant) {
        let Some(mut segment) = self.listed.pop_front() else { return };
        if segment.discontinuity {
            self.discontinuity_sequence += 1;
        }
        if segment.gap {
            return;
        }
        // Section 6.2.2: available until first appearance plus its own and the longest playlist's duration;
        // and its parts until three target durations after their tags went.
        let parts = Duration::from_secs(u64::from(self.target_duration)) * PARTS_AVAILABLE;
        let availability = (segment.duration + self.longest).to_duration().max(parts);
        let until = segment.closed + availability;
        if until > now {
            Arc::make_mut(&mut segment).available_until = until;
            self.lingering.push_back(segment);
        }
    }

    fn evict(&mut self, now: Instant) {
        let mut bytes = 0;
        let mut span = MediaTime::ZERO;
        let keep = MediaTime::from_duration(self.config.memory);
        let parts_needed = Duration::from_secs(u64::from(self.target_duration)) * PARTS_AVAILABLE;
        let newest = self.listed.back().map(|segment| segment.msn);
        // Newest first: what does not fit any more goes to the recording.
        for segment in self.listed.iter_mut().rev().chain(self.lingering.iter_mut().rev()) {
            if Some(segment.msn) == newest {
                // Its parts tell LAST-PART.
                bytes += segment.length;
                span += segment.duration;
            } else if segment.resident {
                bytes += segment.length;
                span += segment.duration;
                if segment.stored.is_some() && (bytes > self.config.memory_bytes || span > keep) {
                    bytes -= segment.length;
                    Arc::make_mut(segment).evict();
                }
            } else if !segment.parts.is_empty() && now.saturating_duration_since(segment.closed) > parts_needed {
                Arc::make_mut(segment).parts = Arc::from([]);
            }
        }
        while bytes > self.config.memory_bytes.saturating_mul(LINGER_BUDGET) {
            let Some(gone) = self.lingering.pop_front() else { break };
            if gone.resident {
                bytes = bytes.saturating_sub(gone.length);
            }
        }
    }

    fn drop_inits(&mut self) {
        let oldest = self.lingering.front().or(self.listed.front()).map(|segment| segment.init);
        if let Some(oldest) = oldest {
            self.inits.retain(|init| init.number >= oldest);
        }
        if self.inits.len() > MAX_INITS {
            let used = |init: &Init| {
                self.current_init == Some(init.number)
                    || self.next_init.is_some_and(|(next, _)| next == init.number)
                    || self.lingering.iter().chain(self.listed.iter()).any(|segment| segment.init == init.number)
            };
            self.inits = self.inits.iter().filter(|init| used(init)).cloned().collect();
        }
    }

    /// The window as it is now.
    pub fn view(&mut self) -> View {
        let shared = self.shared.get_or_insert_with(|| Shared {
            listed: self.listed.iter().cloned().collect(),
            lingering: self.lingering.iter().cloned().collect(),
            inits: self.inits.clone().into(),
        });
        let Shared { listed, lingering, inits } = shared.clone();
        View {
            config: self.config.clone(),
            target_duration: self.target_duration,
            part_target: self.part_target,
            listed,
            lingering,
            open: self.open.clone().map(Arc::new),
            inits,
            next_init: self.next_init.map(|(number, _)| number),
            discontinuity_sequence: self.discontinuity_sequence,
            next_part: self.next_part.unwrap_or(0),
            ended: self.ended,
            measured: self.measured,
            segments_version: self.segments_version,
        }
    }
}
