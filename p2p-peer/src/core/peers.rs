//! Other peers, the second's housekeeping, the stream, the report.

use super::{
    Core, DRY_MS, HAVE_MS, IDLE_MS, Index, MAX_NEIGHBOURS, Message, Output, PROMISE_MS, SHED_MS, TICK_MS, fresh_report,
    neighbour::{Neighbour, State},
    stripe::Way,
    types::HavePart,
};
use crate::wire::{PeerId, Place, message::Reason};

impl Core {
    pub(super) fn known(&self, peer: PeerId) -> Option<Index> {
        self.neighbours.iter().position(|neighbour| neighbour.id == peer)
    }

    /// The neighbour, remembered from now on; `None` for oneself, or when there is no room.
    pub(super) fn neighbour(&mut self, peer: PeerId) -> Option<Index> {
        if let Some(n) = self.known(peer) {
            return Some(n);
        }
        if peer == self.config.peer {
            return None;
        }
        if self.neighbours.len() >= MAX_NEIGHBOURS {
            let forgettable = self.neighbours.iter().position(|known| known.state == State::None && !known.banned)?;
            self.neighbours.remove(forgettable);
        }
        self.neighbours.push(Neighbour::new(peer));
        Some(self.neighbours.len() - 1)
    }

    pub(super) fn connect(&mut self, now: i64, peer: PeerId) {
        let Some(n) = self.neighbour(peer) else { return };
        let neighbour = &mut self.neighbours[n];
        if neighbour.banned || neighbour.state != State::None || now < neighbour.retry_ms {
            return;
        }
        neighbour.reset(State::Connecting);
        neighbour.idle_since_ms = now;
        self.emit(Output::Connect { peer });
    }

    /// A peer is not there any more.
    pub(super) fn lose(&mut self, now: i64, peer: PeerId) {
        if let Some(n) = self.known(peer) {
            self.neighbours[n].reset(State::None);
        }
        for s in 0..self.stripes.len() {
            let stripe = &mut self.stripes[s];
            stripe.remove(peer);
            if stripe.standby == Some(peer) {
                stripe.standby = None;
            }
            for way in [Way::Next, Way::Source] {
                if self.stripes[s].peer(way) == Some(peer) {
                    self.fail(now, s, way, true);
                }
            }
        }
    }

    pub(super) fn tell_unreachable(&mut self, peer: PeerId) {
        if !self.report.unreachable.contains(&peer) {
            self.report.unreachable.push(peer);
        }
        self.urgent = true;
    }

    pub(super) fn ban(&mut self, now: i64, peer: PeerId) {
        let Some(n) = self.known(peer).filter(|n| !self.neighbours[*n].banned) else { return };
        self.neighbours[n].banned = true;
        self.stats.banned += 1;
        self.emit(Output::Ban { peer });
        self.report.accused.push(peer);
        self.urgent = true;
        self.lose(now, peer);
    }

    pub(super) fn send(&mut self, peer: PeerId, message: Message) {
        if self.known(peer).is_some_and(|n| self.neighbours[n].state == State::Open) {
            self.emit(Output::Send { peer, message });
        }
    }

    pub(super) fn tick(&mut self, now: i64) {
        self.next_tick_ms = now + TICK_MS;
        let mut oldest_ms: Option<i64> = None;
        for n in 0..self.neighbours.len() {
            let Some(busy_since_ms) = self.neighbours[n].busy_since_ms else { continue };
            oldest_ms = Some(oldest_ms.map_or(busy_since_ms, |oldest_ms| oldest_ms.min(busy_since_ms)));
            if now - busy_since_ms > SHED_MS {
                self.shed(self.neighbours[n].id);
            }
        }
        let in_use = self.in_use();
        if self.uplink.handle_tick(now, in_use, oldest_ms) {
            self.urgent = true;
        }
        self.check_promises(now, false);
        self.send_have(now);
        self.disconnect_idle(now);
        self.update_active(now);
    }

    /// A channel that is stuck loses the newest of its subscriptions.
    fn shed(&mut self, peer: PeerId) {
        let mut newest: Option<(Index, i64)> = None;
        for (s, stripe) in self.stripes.iter().enumerate() {
            if let Some(child) = stripe.child(peer)
                && newest.is_none_or(|(_, since_ms)| child.since_ms >= since_ms)
            {
                newest = Some((s, child.since_ms));
            }
        }
        let Some((s, _)) = newest else { return };
        self.stripes[s].remove(peer);
        self.refuse(peer, s as u8, Reason::OVERLOADED, self.rendition);
    }

    /// Who did not keep a promise in time; `strangers`: only of those who never brought anything, who are given up with it.
    pub(super) fn check_promises(&mut self, now: i64, strangers: bool) {
        let mut liars = Vec::new();
        for part in &mut self.window.parts {
            for (peer, at_ms) in part.asked.iter_mut().rev() {
                if *at_ms < 0 || now - *at_ms <= PROMISE_MS {
                    continue;
                }
                let Some(neighbour) = self.neighbours.iter_mut().find(|neighbour| neighbour.id == *peer) else { continue };
                if strangers && neighbour.brought {
                    continue;
                }
                *at_ms = -1;
                neighbour.broken_promises += 1;
                if !neighbour.brought && !liars.contains(peer) {
                    liars.push(*peer);
                }
            }
        }
        for peer in liars {
            self.give_up(now, peer);
        }
    }

    fn send_have(&mut self, now: i64) {
        let parts: Vec<_> = self
            .window
            .parts
            .iter()
            .filter(|part| part.seen_ms >= now - HAVE_MS && part.slices() > 0 && part.slices() < 256)
            .map(|part| HavePart { place: part.place(), slices: part.slices(), bits: part.have.clone() })
            .collect();
        if parts.is_empty() {
            return;
        }
        for n in 0..self.neighbours.len() {
            if self.neighbours[n].greeted && self.uplink.slots > 0 {
                self.send(self.neighbours[n].id, Message::Have { rendition: self.rendition, parts: parts.clone() });
            }
        }
    }

    fn disconnect_idle(&mut self, now: i64) {
        for n in 0..self.neighbours.len() {
            let Neighbour { id, state, idle_since_ms, .. } = self.neighbours[n];
            if state == State::None {
                continue;
            }
            let used = self
                .stripes
                .iter()
                .any(|stripe| stripe.uses(id) || stripe.standby == Some(id) || stripe.parent == Some(id) || stripe.child(id).is_some());
            if used {
                self.neighbours[n].idle_since_ms = now;
            } else if now - idle_since_ms > IDLE_MS {
                self.emit(Output::Disconnect { peer: id });
                self.neighbours[n].reset(State::None);
            }
        }
    }

    pub(super) fn update_stream(&mut self) {
        let stripes: Vec<u8> = self.stripes.iter().filter(|stripe| stripe.has_origin()).map(|stripe| stripe.index).collect();
        let key = (!stripes.is_empty()).then(|| (self.rendition, stripes.clone()));
        if key == self.streamed {
            return;
        }
        self.streamed = key;
        let newest = Place(self.window.newest().0.saturating_add(1));
        let from = stripes.iter().map(|s| self.first_missing(usize::from(*s))).fold(newest, Place::min);
        self.emit(Output::Stream { rendition: self.rendition, stripes, from });
    }

    pub(super) fn update_active(&mut self, now: i64) {
        let flowing = self.stripes.iter().filter(|stripe| stripe.flows()).count();
        if flowing > 0 {
            self.flowing_ms = now;
        }
        let enough = flowing * 4 >= self.stripes.len() * 3;
        let active = self.sharable && if self.active { flowing > 0 || now - self.flowing_ms < DRY_MS } else { enough };
        if active == self.active {
            return;
        }
        self.active = active;
        self.needed_from = None;
        self.emit(Output::Active { active });
    }

    pub(super) fn tell(&mut self, now: i64) {
        self.reported_ms = now;
        self.urgent = false;
        let fresh = fresh_report(self.rendition, self.uplink.slots, self.config.upload);
        let mut report = std::mem::replace(&mut self.report, fresh);
        report.rendition = self.rendition;
        report.slots = self.uplink.slots;
        self.emit(Output::Report { report });
    }
}
