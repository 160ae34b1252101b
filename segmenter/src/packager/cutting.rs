//! Where parts and segments end.

use super::*;

impl Packager {
    /// Adds a unit of the track that sets the pace, and closes what is full.
    pub(super) fn append(&mut self, now: Instant, unit: &Unit) {
        if let Some((frame, _)) = self.pace() {
            self.make_room(now, unit.dts, frame);
        }
        match &self.tracks.audio {
            Some(track) if unit.kind == Kind::Audio => {
                self.part.push_audio(unit, track.sample_rate, track.samples(&unit.data));
            }
            _ => self.part.push_video(unit),
        }
        if let Some((frame, jitter)) = self.pace() {
            let end = unit.dts + frame;
            if self.is_full(end + frame + jitter) {
                let terms = self.settle();
                self.close_part(now, end.clamp(self.edge + terms.shortest_part(), self.edge + terms.part_target), end);
            }
        }
    }

    /// Whether a frame that ends at `end` does not fit into the open part any more.
    fn is_full(&self, end: MediaTime) -> bool {
        let target = match self.terms {
            Some(terms) => terms.part_target,
            None if self.tracks.video.is_some() && !self.cadence.is_measured() => return false,
            None => self.provisional_terms().part_target,
        };
        end > self.edge + target
    }

    /// Closes parts until a frame at `at` fits: it comes later than expected, or something before it was lost.
    fn make_room(&mut self, now: Instant, at: MediaTime, frame: MediaTime) {
        for _ in 0..MAX_ABSENCE_PARTS {
            if !self.is_full(at + frame) {
                return;
            }
            let terms = self.settle();
            let ahead = at - self.edge;
            if !self.part.is_empty() {
                let end = at.clamp(self.edge + terms.shortest_part(), self.edge + terms.part_target);
                self.close_part(now, end, at.max(end));
            } else if ahead > (frame / 2).max(SLACK) {
                self.gap_part(now, ahead.min(self.full_part()));
            } else {
                return;
            }
        }
        // More is missing than an absence can be: what the publisher left out is left out.
        self.edge = self.edge.max(at);
    }

    /// Closes the open part with sound alone, if sound shows that the frames which should close it are lost.
    pub(super) fn close_without_video(&mut self, now: Instant, arrival: Instant, packet: MediaTime) {
        let frame = self.cadence.frame().unwrap_or(DEFAULT_FRAME);
        // Sound that comes in a burst shows nothing.
        if self.video_arrival.is_none_or(|last| arrival < last + (frame + LATE_FRAME).to_duration()) {
            return;
        }
        let Some(picture) = self.interleave.picture(self.audio_end) else { return };
        if self.terms.is_none() && picture < self.edge + UNSETTLED {
            return;
        }
        for _ in 0..MAX_ABSENCE_PARTS {
            let full = self.settle().full_part(frame, JITTER);
            if self.part.is_empty() || picture <= self.edge + full - frame + LATE_FRAME + packet {
                return;
            }
            let end = self.edge + full;
            self.close_part(now, end, end);
        }
    }

    /// At a keyframe: ends the segment here if that lands nearer to its nominal length than the next keyframe would,
    /// or if the next could come too late.
    pub(super) fn consider_cut(&mut self, now: Instant, at: MediaTime) {
        if self.segment.parts == 0 && !self.part.has_video() {
            return;
        }
        let frame = self.cadence.frame().unwrap_or(DEFAULT_FRAME);
        let last_interval = self.monitor.last_keyframe().map(|last| at - last);
        let bound = self.keyframe_interval();
        let expected = last_interval.or(bound).unwrap_or(terms::UNKNOWN_INTERVAL);
        let worst = expected.max(bound.unwrap_or(expected));
        let length = at - self.segment.start;
        let now_misses = (length - terms::SEGMENT).abs();
        let next_misses = (length + expected - terms::SEGMENT).abs();
        let longest = self.settle().longest_segment();
        if length + worst <= longest && next_misses < now_misses {
            self.open_independent_part(now, at);
            return;
        }
        let is_late = at - self.edge > frame / 2;
        if self.part.has_video() || is_late && !self.part.is_empty() {
            let end = at.clamp(self.edge + SHORTEST, self.edge + self.settle().part_target);
            self.close_part(now, end, at.max(end));
        }
        // The part may have ended the segment already, because it was the longest possible.
        if self.segment.parts > 0 {
            self.next_segment(now);
        }
    }

    /// Begins a part with a keyframe `at` inside a segment, if the part before it is long enough.
    fn open_independent_part(&mut self, now: Instant, at: MediaTime) {
        let Some(terms) = self.terms else { return };
        let length = at - self.edge;
        if self.part.has_video() && length >= terms.shortest_part() && length <= terms.part_target {
            self.close_part(now, at, at);
        }
    }

    /// The upper bound of the keyframe interval, as far as the encoder or its last session tells it.
    pub(super) fn keyframe_interval(&self) -> Option<MediaTime> {
        let frames = self.keyint.zip(self.cadence.frame());
        frames
            .map(|(count, frame)| MediaTime::from_nanos(frame.as_nanos().saturating_mul(i64::from(count))))
            .or(self.config.keyframe_interval_hint)
    }

    /// Sends out the open part; it ends at `end`, its last frame at `video_end`.
    pub(super) fn close_part(&mut self, now: Instant, end: MediaTime, video_end: MediaTime) {
        self.settle();
        self.wall.adjust(self.edge);
        self.begin_run(now);
        let finished = self.part.finish(self.part_number, video_end);
        self.segment.bytes += finished.bytes.len() as u64;
        let newest_arrival = finished.newest_arrival.unwrap_or(now);
        self.emit_part(now, end - self.edge, |part| Part {
            bytes: finished.bytes,
            independent: finished.independent,
            newest_arrival,
            ..part
        });
    }

    /// Sends out a part that stands for something absent.
    pub(super) fn gap_part(&mut self, now: Instant, duration: MediaTime) {
        self.settle();
        let is_absent = matches!(self.state, State::Absent(_));
        if is_absent && !self.segment.is_cut {
            self.segment.is_cut = true;
            self.cut(now, Reason::Segment);
        }
        if !is_absent {
            self.wall.adjust(self.edge);
            self.begin_run(now);
        }
        self.emit_part(now, duration, |part| Part { gap: true, ..part });
        if is_absent {
            self.cut(now, Reason::Gap);
        }
    }

    fn emit_part(&mut self, now: Instant, duration: MediaTime, fill: impl FnOnce(Part) -> Part) {
        let part = Part {
            msn: self.segment.msn,
            index: self.segment.parts,
            number: self.part_number,
            bytes: Bytes::new(),
            start: self.edge,
            duration,
            independent: false,
            gap: false,
            program_date_time: self.wall_clock(now).div_euclid(1_000_000),
            newest_arrival: now,
        };
        self.outputs.push_back(Output::Part(fill(part)));
        self.part_number += 1;
        self.segment.parts += 1;
        self.edge += duration;
        let Some(terms) = self.terms else { return };
        let is_long = self.segment_length() + terms.part_target > terms.longest_segment();
        if is_long || self.segment.bytes > MAX_SEGMENT_BYTES {
            let is_flowing = self.video.is_some_and(|last| self.edge - last < HOLE_IS_OVER);
            self.monitor.health.outgrown |= is_long && is_flowing && matches!(self.state, State::Running);
            self.next_segment(now);
        }
    }

    /// The initialisation, the announcement to followers, and what was held back for them.
    fn begin_run(&mut self, now: Instant) {
        let Some(discontinuity) = self.pending_run.take() else { return };
        let Tracks { video, audio } = &self.tracks;
        let codecs = video.iter().map(media::Video::codec_string).chain(audio.iter().map(media::Audio::codec_string));
        let codecs: Vec<_> = codecs.collect();
        let frame_rate = self.cadence.frame().map(|frame| 1.0 / frame.as_secs_f64());
        self.outputs.push_back(Output::Init(Init {
            number: self.init_number,
            bytes: fmp4::init(video.as_ref(), audio.as_ref()),
            codecs: codecs.join(","),
            video: video.as_ref().map(|video| Picture { width: video.width, height: video.height, frame_rate }),
            audio: audio.as_ref().map(|audio| Sound { sample_rate: audio.playback_rate(), channels: audio.channels }),
            discontinuity,
        }));
        self.init_number += 1;
        self.segment.is_cut = true;
        self.cut(now, Reason::Run { discontinuity });
        self.outputs.extend(self.held.drain(..).map(Output::Unit));
    }

    pub(super) fn segment_length(&self) -> MediaTime {
        self.edge - self.segment.start
    }

    /// Ends the segment if it has parts; what follows is in another.
    pub(super) fn end_segment(&mut self) {
        if self.segment.parts > 0 {
            let (msn, duration) = (self.segment.msn, self.segment_length());
            self.outputs.push_back(Output::SegmentEnd { msn, duration });
            self.segment = Segment { msn: msn + 1, start: self.edge, parts: 0, bytes: 0, is_cut: false };
        }
        self.segment.start = self.edge;
    }

    /// Ends the segment and begins another.
    pub(super) fn next_segment(&mut self, now: Instant) {
        self.end_segment();
        if !matches!(self.state, State::Absent(_)) {
            self.segment.is_cut = true;
            self.cut(now, Reason::Segment);
        }
    }

    /// Tells followers what begins at the edge.
    pub(super) fn cut(&mut self, now: Instant, reason: Reason) {
        if self.is_leader() {
            let wall_clock = self.wall_clock(now);
            self.outputs.push_back(Output::Cut(Cut { msn: self.segment.msn, at: self.edge, wall_clock, reason }));
        }
    }

    /// The wall clock at the edge, in ns since the Unix epoch.
    fn wall_clock(&self, now: Instant) -> i64 {
        self.wall.unix_nanos(self.edge).unwrap_or_else(|| self.config.clock.unix_nanos(now))
    }

    /// Sends out what is there, however short.
    pub(super) fn flush(&mut self, now: Instant) {
        if self.part.is_empty() {
            return;
        }
        let terms = self.settle();
        let frame = self.pace().map_or(DEFAULT_FRAME, |(frame, _)| frame);
        let end = match self.video.filter(|_| self.part.has_video()) {
            Some(last) => last + frame,
            None => self.audio_end,
        };
        self.close_part(now, end.clamp(self.edge + SHORTEST, self.edge + terms.part_target), end);
    }

    /// The units of the current run are over; until the next run, the clock keeps the cadence.
    pub(super) fn end_run(&mut self, now: Instant) {
        self.flush(now);
        self.end_segment();
        self.timeline = None;
        self.state = match self.terms {
            Some(_) => State::Absent(Gap::since(self.newest_arrival.unwrap_or(now), self.edge)),
            None => State::Idle,
        };
    }

    /// Emits the GAP parts that are due.
    pub(super) fn fill_gap(&mut self, now: Instant) {
        let State::Absent(gap) = &mut self.state else { return };
        gap.forgive(now, self.edge);
        let gap = *gap;
        let full = self.full_part();
        while gap.due(self.edge + full) <= now {
            self.gap_part(now, full);
            if self.segment_length() + full / 2 >= terms::SEGMENT {
                self.end_segment();
            }
        }
    }
}
