//! Slices that are late, and those that HTTP has to bring.

use super::{
    Core, FAR, FETCH_MARGIN_MS, Index, MAX_RESCUES, MAX_RUNS, Message, ORPHAN_FETCH_MS, Output, RESCUES_MS, SAFETY_MS, SILENT_MS,
    WANTED_MS,
    bits::Bits,
    http::stagger,
    neighbour::State,
    part::Part,
    stripe::{LinkState, Stripe, Way},
};
use crate::wire::PeerId;

impl Core {
    /// When slices of a stripe are late for a part.
    fn late_at(&self, part: &Part, stripe: &Stripe) -> i64 {
        let Some(source) = stripe.source.filter(|source| source.peer.is_some() && source.state == LinkState::Flowing) else { return FAR };
        if part.late & (1 << stripe.index) != 0 {
            return FAR;
        }
        let inter_arrival_ms = part.facts.duration_ms.max(100);
        part.seen_ms.max(source.since_ms) + stripe.lag_ms() + inter_arrival_ms * 3 / 2
    }

    /// When what is missing of a part has to be fetched.
    fn fetch_at(&self, part: &Part) -> i64 {
        let mut at = FAR;
        if let Some(offset_ms) = self.offset_ms {
            let need_ms = part.facts.time_ms + offset_ms - SAFETY_MS;
            at = need_ms - self.times.p95_ms() - FETCH_MARGIN_MS - stagger(self.short, part.place().0);
        }
        if part.wanted_ms >= 0 && self.offset_ms.is_none() {
            at = at.min(part.wanted_ms + WANTED_MS);
        }
        at.max(part.retry_ms)
    }

    /// When the slices of a stripe that nobody brings are fetched.
    fn orphan_at(&self, part: &Part) -> i64 {
        (part.seen_ms + ORPHAN_FETCH_MS + stagger(self.short, part.place().0)).max(part.retry_ms)
    }

    /// Whether playback will still ask for a part here.
    pub(super) fn needed(&self, part: &Part) -> bool {
        if !self.active || self.needed_from.is_none_or(|from| part.place() < from) {
            return false;
        }
        part.wanted_ms >= 0 || self.offset_ms.is_none() || part.facts.time_ms + part.facts.duration_ms > self.playhead_ms
    }

    pub(super) fn part_due(&self, part: &Part) -> i64 {
        let stripes = self.config.stripes;
        let needed = self.needed(part);
        let mut due = FAR;
        for stripe in &self.stripes {
            if !part.lacks(stripe.index, stripes) {
                continue;
            }
            due = due.min(self.late_at(part, stripe));
            if !needed || !part.unfetched(stripe.index, stripes) {
                continue;
            }
            due = due.min(self.fetch_at(part));
            if stripe.source.is_none() {
                due = due.min(self.orphan_at(part));
            }
        }
        due
    }

    pub(super) fn check_part(&mut self, now: i64, p: Index) {
        let stripes = self.config.stripes;
        for s in 0..self.stripes.len() {
            let (part, stripe) = (&self.window.parts[p], &self.stripes[s]);
            if now < self.late_at(part, stripe) || !part.lacks(stripe.index, stripes) {
                continue;
            }
            self.window.parts[p].late |= 1 << s;
            self.handle_late(now, p, s);
        }
        let part = &self.window.parts[p];
        if !self.needed(part) {
            return;
        }
        let all = now >= self.fetch_at(part);
        let orphans = now >= self.orphan_at(part);
        if !all && !orphans {
            return;
        }
        let mut wanted = Vec::new();
        for i in 0..part.slices() {
            let part = &self.window.parts[p];
            if part.have.has(i) || part.is_fetched(i) {
                continue;
            }
            let s = usize::from(i) % self.stripes.len();
            if !all && self.stripes[s].source.is_some() {
                continue;
            }
            wanted.push(i);
            if all && i < u16::from(stripes) {
                self.count_rescue(now, p, s);
            }
        }
        self.fetch(p, &wanted);
    }

    /// A stripe's slices of a part have not come in their time.
    fn handle_late(&mut self, now: i64, p: Index, s: Index) {
        let stripe = &self.stripes[s];
        let Some((source, peer)) = stripe.source.and_then(|source| Some((source, source.peer?))) else { return };
        let silent = source.heard_ms.is_some_and(|heard_ms| now >= heard_ms + SILENT_MS);
        let standby = stripe.standby.filter(|standby| *standby != peer).and_then(|standby| self.known(standby));
        let ready = standby.map(|n| &self.neighbours[n]).is_some_and(|n| n.state == State::Open && !n.banned && now >= n.suspect_until_ms);
        if silent && ready {
            self.suspect(now, peer);
            self.leave(s, Way::Source);
            self.fail(now, s, Way::Source, true);
            return;
        }
        self.request(now, p, s, peer);
    }

    /// Asks whoever said that it has them for the missing slices of a stripe.
    fn request(&mut self, now: i64, p: Index, s: Index, but: PeerId) {
        self.check_promises(now, true);
        let part = &mut self.window.parts[p];
        let (place, slices) = (part.place(), part.slices());
        for neighbour in &self.neighbours {
            let Some(bits) = neighbour.have.find(place, slices) else { continue };
            if neighbour.id == but || neighbour.state != State::Open || neighbour.breaks_promises(now) {
                continue;
            }
            if part.asked.iter().any(|(asked, _)| *asked == neighbour.id) {
                continue;
            }
            let mut wanted = Bits::new(slices);
            let mut any = false;
            for i in part.of_stripe(s as u8, self.config.stripes) {
                if !part.have.has(i) && bits.has(i) {
                    wanted.set(i);
                    any = true;
                }
            }
            if !any {
                continue;
            }
            let peer = neighbour.id;
            part.asked.push((peer, now));
            self.send(peer, Message::Request { rendition: self.rendition, place, slices, bits: wanted });
            return;
        }
    }

    /// HTTP had to help out for a part.
    fn count_rescue(&mut self, now: i64, p: Index, s: Index) {
        let (part, stripe) = (&self.window.parts[p], &mut self.stripes[s]);
        if !stripe.source.is_some_and(|source| source.peer.is_some() && source.state == LinkState::Flowing && source.owes(part)) {
            return;
        }
        self.stats.rescued += 1;
        stripe.rescues_ms.push(now);
        while stripe.rescues_ms.first().is_some_and(|at| now - at > RESCUES_MS) {
            stripe.rescues_ms.remove(0);
        }
        if stripe.rescues_ms.len() < MAX_RESCUES {
            return;
        }
        stripe.rescues_ms.clear();
        let stranger = stripe.source.filter(|source| source.heard_ms.is_none()).and_then(|source| source.peer);
        self.leave(s, Way::Source);
        self.fail(now, s, Way::Source, true);
        if let Some(peer) = stranger {
            self.give_up(now, peer);
        }
    }

    fn fetch(&mut self, p: Index, wanted: &[u16]) {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for index in wanted {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *index => *last = *index,
                _ => runs.push((*index, *index)),
            }
        }
        if runs.len() > MAX_RUNS {
            runs = vec![(runs[0].0, runs[runs.len() - 1].1)];
        }
        for (first, last) in runs {
            self.fetches = self.fetches.wrapping_add(1);
            let id = self.fetches;
            let part = &mut self.window.parts[p];
            for i in first..=last {
                if !part.have.has(i) {
                    part.fetch(i, id);
                }
            }
            let place = part.place();
            self.emit(Output::Fetch { id, rendition: self.rendition, place, first, last });
        }
    }
}
