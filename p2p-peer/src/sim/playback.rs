//! What players ask for, and when.

use super::{
    outcome::SETTLE_MS,
    world::{EPOCH_MS, Event, World},
};
use crate::core::trace::Input;

/// A player that waits loads the part itself after this.
const PATIENCE_MS: i64 = 1_000;
/// A part that is not announced by then is loaded by its playlist.
const UNANNOUNCED_MS: i64 = 1_500;

impl World<'_> {
    pub(super) fn tracker_ms(&self, p: u32) -> i64 {
        (self.peers[p as usize].home.origin_path().rtt_ms / 2.0) as i64 + 1
    }

    pub(super) fn path_ms(&self, a: u32, b: u32) -> i64 {
        (self.peers[a as usize].home.path(&self.peers[b as usize].home).rtt_ms / 2.0) as i64 + 1
    }

    pub(super) fn http_ms(&mut self, p: u32, bytes: u64) -> i64 {
        let took = self.peers[p as usize].home.http_ms(bytes, &mut self.rng) as i64;
        let third = self.scenario.measure_ms / 3;
        let slow = (self.scenario.warm_ms + third..self.scenario.warm_ms + 2 * third).contains(&self.now);
        took * self.scenario.slow_http_tenths.filter(|_| slow).unwrap_or(10) / 10
    }

    /// The player's own requests for parts, not through the swarm.
    pub(super) fn own_load(&mut self, p: u32, first: u32, last: u32, requests: u64) {
        let bytes = (first..=last).map(|part| self.size(part)).sum();
        let took = self.http_ms(p, bytes);
        let peer = &mut self.peers[p as usize];
        peer.viewer.loading = true;
        let early = self.now - peer.joined_ms <= self.scenario.delay_ms + SETTLE_MS;
        if self.counts(p) {
            self.tally.own(self.now, bytes, requests + u64::from(last - first) + 1, early);
        }
        self.wheel.put(self.now + took, Event::OwnLoad { p, first, last });
    }

    pub(super) fn own_loaded(&mut self, p: u32, first: u32, last: u32) {
        let (latency_ms, part_ms) = (self.scenario.latency_ms, self.scenario.part_ms);
        let counts = self.counts(p);
        let now = self.now;
        let peer = &mut self.peers[p as usize];
        if !peer.alive {
            return;
        }
        for part in first..=last {
            peer.viewer.load(part);
        }
        peer.viewer.loading = false;
        if !peer.viewer.started {
            peer.viewer.started = true;
            if counts {
                self.tally.started(now - peer.joined_ms);
            }
            // What lies before the target is not shown.
            while peer.viewer.play < last && now - i64::from(peer.viewer.play + 1) * part_ms >= latency_ms {
                peer.viewer.advance(part_ms, latency_ms);
            }
            let turn = peer.viewer.turn;
            self.wheel.put(now, Event::Play(p, turn));
        }
        self.resume(p);
        self.pump(p);
    }

    /// Ends a wait if the part is there.
    pub(super) fn resume(&mut self, p: u32) {
        let viewer = &mut self.peers[p as usize].viewer;
        if viewer.stalled_ms.is_some() && viewer.can_play() {
            viewer.turn += 1;
            let turn = viewer.turn;
            self.wheel.put(self.now, Event::Play(p, turn));
        }
    }

    /// The player asks for its next part.
    pub(super) fn pump(&mut self, p: u32) {
        loop {
            let newest = self.parts;
            let now = self.now;
            let peer = &mut self.peers[p as usize];
            let part = peer.viewer.next;
            if !peer.alive || !peer.viewer.started || peer.viewer.loading || part >= newest {
                return;
            }
            // The buffer of a player is bounded; the edge comes first.
            if peer.active {
                if peer.viewer.knows(part) {
                    if peer.viewer.has_whole(part) {
                        peer.viewer.load(part);
                        self.resume(p);
                        continue;
                    }
                    if peer.viewer.wanted != Some(part) {
                        peer.viewer.wanted = Some(part);
                        let place = self.place(part);
                        self.feed(p, Input::Wanted { place });
                    }
                    return;
                }
                if now < self.made_ms(part) + UNANNOUNCED_MS {
                    return;
                }
            }
            // A blocking playlist request and the part.
            self.own_load(p, part, part, 1);
            return;
        }
    }

    pub(super) fn play(&mut self, p: u32, turn: u32) {
        let (part_ms, target_ms) = (self.scenario.part_ms, self.scenario.latency_ms);
        let counts = self.counts(p);
        let now = self.now;
        let peer = &mut self.peers[p as usize];
        if !peer.alive || turn != peer.viewer.turn {
            return;
        }
        let time_ms = i64::from(peer.viewer.play) * part_ms;
        let viewer = &mut peer.viewer;
        if viewer.can_play() {
            if let Some(since) = viewer.stalled_ms.take()
                && counts
            {
                self.tally.stall(now - since);
            }
            viewer.lag_ms = now - time_ms;
            let part = viewer.play;
            let next_ms = viewer.advance(part_ms, target_ms);
            if counts {
                let lag_ms = viewer.lag_ms;
                let bytes = self.size(part);
                self.tally.played(now, lag_ms, bytes);
            }
            self.wheel.put(now + next_ms, Event::Play(p, turn));
        } else {
            let since = *viewer.stalled_ms.get_or_insert(now);
            // Whatever the swarm does, the player does not wait for ever.
            if now - since >= PATIENCE_MS && !viewer.loading && viewer.play < self.parts {
                let part = viewer.play;
                self.own_load(p, part, part, 1);
            }
            self.wheel.put(now + part_ms, Event::Play(p, turn));
        }
        self.feed(p, Input::Playhead { time_ms: Some(EPOCH_MS + time_ms) });
        self.pump(p);
    }
}
