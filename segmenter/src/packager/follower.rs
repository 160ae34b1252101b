//! Followers: the same segments, absences and runs as the leader, at their own nearest frame.

use super::*;

/// Cuts that wait for a unit: a transcoder is a second behind, late sound a few.
const MAX_PENDING: usize = 8;
/// A forced keyframe may come this much before the cut: timestamps are rounded.
const EARLY: MediaTime = MediaTime::from_millis(5);

impl Packager {
    /// The leader's boundary, in the order in which it said them.
    pub fn handle_cut(&mut self, now: Instant, cut: Cut) {
        if self.is_leader() || matches!(self.state, State::Ended) {
            return;
        }
        self.cuts.push_back(cut);
        // An absence and the end do not wait for units: there are none.
        let is_final = matches!(cut.reason, Reason::Gap | Reason::End);
        while is_final && !self.cuts.is_empty() || self.cuts.len() > MAX_PENDING {
            let Some(cut) = self.cuts.pop_front() else { return };
            self.apply(now, cut);
        }
    }

    pub(super) fn follow(&mut self, now: Instant, unit: Unit) {
        while let Some(&cut) = self.cuts.front() {
            if !self.reaches(&unit, cut.at) {
                break;
            }
            self.cuts.pop_front();
            self.apply(now, cut);
        }
        let is_carried = match unit.kind {
            Kind::Video => self.tracks.video.is_some() && (self.video.is_some() || unit.keyframe),
            Kind::Audio => self.tracks.audio.is_some(),
        };
        if !matches!(self.state, State::Running)
            || !is_carried
            || unit.dts + unit_slack(&unit) < self.run_start
            || !self.part.has_room(unit.data.len())
        {
            self.monitor.health.dropped_units += 1;
            return;
        }
        self.handle_placed(now, unit);
    }

    /// Whether a segment that the leader began `at` can begin with `unit`.
    fn reaches(&self, unit: &Unit, at: MediaTime) -> bool {
        let tracks = self.next_tracks.as_ref().unwrap_or(&self.tracks);
        match unit.kind {
            Kind::Video => unit.keyframe && unit.pts + EARLY >= at,
            Kind::Audio => tracks.video.is_none() && unit.dts >= at,
        }
    }

    fn apply(&mut self, now: Instant, cut: Cut) {
        let is_absent = matches!(self.state, State::Absent(_));
        match cut.reason {
            Reason::Segment | Reason::Run { .. } => {
                self.close_until(now, cut.at);
                self.absent_until(now, cut.at);
                self.advance(now, cut.msn);
                self.wall.follow(cut.at, cut.wall_clock);
            }
            Reason::Gap => {
                if !is_absent {
                    self.flush(now);
                    self.state = State::Absent(Gap::since(now, self.edge));
                }
                self.wall.follow(cut.at, cut.wall_clock);
                self.absent_until(now, cut.at);
            }
            Reason::End => {
                self.flush(now);
                self.end_segment();
                self.state = State::Ended;
            }
        }
        if let Reason::Run { discontinuity } = cut.reason {
            if let Some(tracks) = self.next_tracks.take() {
                self.tracks = tracks;
            }
            self.edge = self.edge.max(cut.at);
            self.wall = Wall::fixed(cut.at, cut.wall_clock);
            self.run_start = cut.at;
            self.reset_run(discontinuity);
        }
    }

    /// Closes the open part where the leader's segment ends.
    fn close_until(&mut self, now: Instant, at: MediaTime) {
        if self.part.is_empty() {
            return;
        }
        if self.tracks.video.is_none() || !self.part.has_video() {
            self.flush(now);
            return;
        }
        let terms = self.settle();
        let end = at.clamp(self.edge + SHORTEST, self.edge + terms.part_target);
        self.close_part(now, end, at.max(end));
    }

    /// Ends segments until the leader's is reached; each has to have a part.
    fn advance(&mut self, now: Instant, msn: u64) {
        while self.segment.msn < msn {
            if self.segment.parts == 0 {
                self.gap_part(now, SHORTEST);
            }
            self.end_segment();
        }
    }

    /// GAP parts up to `until`.
    fn absent_until(&mut self, now: Instant, until: MediaTime) {
        let longest = self.full_part();
        for _ in 0..MAX_ABSENCE_PARTS {
            let left = until - self.edge;
            if left < SLACK {
                return;
            }
            self.gap_part(now, left.min(longest));
        }
    }
}

/// A unit that begins before its run by less than this belongs to it: transcoders reorder.
fn unit_slack(unit: &Unit) -> MediaTime {
    if unit.kind == Kind::Video { HOLE } else { MediaTime::ZERO }
}
