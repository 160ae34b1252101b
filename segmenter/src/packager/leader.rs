//! The leader: the publisher's units, with all their faults, onto the output timeline.

use super::*;
use crate::timeline::{Placement, Timeline};

impl Packager {
    pub(super) fn lead(&mut self, now: Instant, unit: Unit) {
        let is_running = matches!(self.state, State::Running);
        if !is_running || self.next_tracks.is_some() && self.begins_run(&unit) {
            if !self.begins_run(&unit) {
                self.monitor.health.dropped_units += 1;
                return;
            }
            if is_running {
                self.end_run(now);
            }
            self.fill_gap(now);
            self.start_run(&unit);
        }
        if !self.is_carried(unit.kind) {
            self.monitor.health.dropped_units += 1;
            return;
        }
        let samples = self.silence.as_ref().map(|(_, samples)| *samples);
        let Some(timeline) = &mut self.timeline else { return };
        match timeline.place(&unit, samples) {
            Placement::Dropped => self.monitor.health.dropped_units += 1,
            Placement::Jump => {
                self.end_run(now);
                // Without a timeline the unit is judged as the first of a run.
                self.lead(now, unit);
            }
            Placement::Placed { dts, pts, silence } => {
                self.fill_silence(now, unit.arrival, dts, silence);
                let arrival = unit.arrival;
                self.admit(now, Unit { dts, pts, ..unit });
                let timeline = self.timeline.as_mut().zip(samples);
                if let Some((until, count)) = timeline.and_then(|(timeline, samples)| timeline.absent_sound(arrival, samples)) {
                    self.fill_silence(now, arrival, until, count);
                }
            }
        }
    }

    /// Whether a run can begin with `unit`.
    fn begins_run(&self, unit: &Unit) -> bool {
        let tracks = self.next_tracks.as_ref().unwrap_or(&self.tracks);
        match (&tracks.video, &tracks.audio) {
            (Some(_), _) => unit.kind == Kind::Video && unit.keyframe,
            (None, Some(_)) => unit.kind == Kind::Audio,
            (None, None) => false,
        }
    }

    /// Whether units of `kind` now belong to the track that the run's initialisation describes.
    fn is_carried(&self, kind: Kind) -> bool {
        let next = self.next_tracks.as_ref().unwrap_or(&self.tracks);
        match kind {
            Kind::Video => self.tracks.video.is_some() && next.video == self.tracks.video,
            Kind::Audio => self.tracks.audio.is_some() && next.audio == self.tracks.audio,
        }
    }

    fn start_run(&mut self, first: &Unit) {
        if let Some(tracks) = self.next_tracks.take() {
            self.tracks = tracks;
        }
        if let Some(video) = &mut self.tracks.video {
            video.observe(&first.data);
            self.keyint = video.keyframe_interval(&first.data);
        }
        let discontinuity = self.config.resume.is_some() || self.has_run;
        self.monitor.health.discontinuities += u64::from(self.has_run);
        self.timeline = Some(Timeline::new(&self.tracks, first, self.edge));
        self.reset_run(discontinuity);
        self.wall.restart();
    }

    /// What both leaders and followers forget and begin with a run.
    pub(super) fn reset_run(&mut self, discontinuity: bool) {
        self.end_segment();
        self.has_run = true;
        self.pending_run = Some(discontinuity);
        self.silence = self.tracks.audio.as_ref().and_then(silence::packet);
        self.cadence = Cadence::new(self.tracks.video.as_ref().and_then(media::Video::frame_rate));
        self.monitor.restart();
        self.interleave = Interleave::default();
        self.part.clear();
        self.held.clear();
        self.is_broken = false;
        self.video = None;
        self.video_arrival = None;
        self.audio_end = self.edge;
        self.state = State::Running;
    }

    /// Silence for the `count` packets of sound that were lost before `until`.
    fn fill_silence(&mut self, now: Instant, arrival: Instant, until: MediaTime, count: u32) {
        let Some((packet, samples)) = self.silence.clone() else { return };
        let rate = self.tracks.audio.as_ref().map_or(1, |audio| audio.sample_rate);
        self.monitor.health.silent_packets += u64::from(count);
        for left in (1..=i64::from(count)).rev() {
            let dts = until - MediaTime::from_ticks(left * i64::from(samples), rate);
            self.admit(now, Unit { kind: Kind::Audio, dts, pts: dts, keyframe: true, data: packet.clone(), arrival });
        }
    }

    /// Takes a placed unit in, if it can be decoded and there is room for it.
    fn admit(&mut self, now: Instant, unit: Unit) {
        let is_video = unit.kind == Kind::Video;
        self.is_broken &= !(is_video && unit.keyframe);
        if is_video && self.is_broken || !self.part.has_room(unit.data.len()) {
            // After a missing frame the next that is whole is a keyframe.
            self.is_broken |= is_video;
            self.monitor.health.dropped_units += 1;
            return;
        }
        self.handle_placed(now, unit);
    }
}
