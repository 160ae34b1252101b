//! The swarm from a peer's side: what its scheduler hears and says.

use super::{
    homes::Flow,
    world::{Channel, Event, FIRST_MSN, HTTP, Held, ORIGIN, Stream, World, id_of, index_of},
};
use crate::{
    core::{Core, CoreConfig, Message, Origin, Output, trace, trace::Input},
    wire::{Place, slices},
};

/// ICE candidates are gathered for so long, by each side.
const GATHER_MS: i64 = 120;
/// A driver gives an attempt to connect up.
const CONNECT_MS: i64 = 5_000;
/// Slices of parts that are not announced yet, kept for a moment.
const MAX_HELD: usize = 64;
/// Parts that the origin still has in memory.
const ORIGIN_PARTS: u32 = 50;

impl World<'_> {
    pub(super) fn join_swarm(&mut self, p: u32) {
        let (stripes, ceiling_tenths) = (self.scenario.stripes, self.scenario.ceiling_tenths);
        let peer = &mut self.peers[p as usize];
        if !peer.alive {
            return;
        }
        let config = CoreConfig { peer: id_of(p), stripes, upload: peer.upload, ceiling_tenths };
        peer.core = Some(Box::new(Core::new(config)));
        let records = peer.trace.is_some();
        self.feed(p, Input::Rendition { rendition: 0, sharable: true });
        let owd = self.tracker_ms(p);
        self.wheel.put(self.now + 2 * owd, Event::AtTracker { p, report: None });
        if let Some(switch_ms) = self.scenario.switch_ms.filter(|_| records) {
            self.wheel.put(self.now + switch_ms, Event::Switch(p));
        }
    }

    /// The player changes to the other rendition, by the next keyframe.
    pub(super) fn switch(&mut self, p: u32) {
        let peer = &mut self.peers[p as usize];
        peer.rendition ^= 1;
        let rendition = peer.rendition;
        peer.viewer.forget();
        peer.held.clear();
        self.feed(p, Input::Rendition { rendition, sharable: true });
        if let Some(switch_ms) = self.scenario.switch_ms {
            self.wheel.put(self.now + switch_ms, Event::Switch(p));
        }
    }

    pub(super) fn timer(&mut self, p: u32) {
        let now = self.now;
        let peer = &mut self.peers[p as usize];
        if peer.timer_ms != now {
            return;
        }
        peer.timer_ms = i64::MAX;
        let Some(core) = &peer.core else { return };
        if core.poll_timeout() <= now {
            self.feed(p, Input::Timeout);
        } else {
            self.schedule(p);
        }
    }

    pub(super) fn schedule(&mut self, p: u32) {
        let peer = &mut self.peers[p as usize];
        let Some(core) = &peer.core else { return };
        let due = core.poll_timeout().max(self.now + 1);
        if due < peer.timer_ms {
            peer.timer_ms = due;
            self.wheel.put(due, Event::Timer(p));
        }
    }

    /// Tells a core what has happened, and does what it says.
    pub(super) fn feed(&mut self, p: u32, input: Input) {
        let peer = &mut self.peers[p as usize];
        let Some(core) = &mut peer.core else { return };
        let mut outputs = self.spare.pop().unwrap_or_default();
        // These bring no timeout forward (by more than a report's), and are most of all that happens.
        let timeless = matches!(
            input,
            Input::Slice { valid: true, .. } | Input::Buffered { .. } | Input::Message { message: Message::Have { .. }, .. }
        );
        let timed = !timeless || peer.trace.is_some();
        if let Some(lines) = &mut peer.trace {
            let line = trace::Line::record(core, self.now, input);
            outputs.extend(line.out.iter().cloned());
            lines.push(line);
        } else {
            input.apply(core, self.now);
            outputs.extend(std::iter::from_fn(|| core.poll_output()));
        }
        for output in outputs.drain(..) {
            self.perform(p, output);
        }
        self.spare.push(outputs);
        if timed {
            self.schedule(p);
        }
    }

    pub(super) fn perform(&mut self, p: u32, output: Output) {
        match output {
            Output::Send { peer, message } => {
                let (to, now_us) = (index_of(peer), self.now * 1000);
                let Some(channel) = self.channel(p, to).filter(|c| c.open) else { return };
                let epoch = channel.epoch;
                let at = channel.flow.tell(now_us) / 1000;
                self.wheel.put(at, Event::Message { to, from: p, epoch, message: Box::new(message) });
            }
            Output::Push { peer, rendition, place, index } => self.push(p, index_of(peer), rendition, place, index),
            Output::Manifest { peer, rendition, place } => {
                let (to, now_us) = (index_of(peer), self.now * 1000);
                let part = self.part_at(place);
                let Some(channel) = self.channel(p, to).filter(|c| c.open) else { return };
                let epoch = channel.epoch;
                let at = channel.flow.tell(now_us) / 1000;
                self.wheel.put(at, Event::Manifest { to, from: p, epoch, part, rendition });
            }
            Output::Connect { peer } => self.connect(p, index_of(peer)),
            Output::Disconnect { peer } | Output::Ban { peer } => {
                let other = index_of(peer);
                let channels = &mut self.peers[p as usize].channels;
                let Some(at) = channels.iter().position(|c| c.other == other) else { return };
                let epoch = channels.swap_remove(at).epoch;
                let owd = self.path_ms(p, other);
                self.wheel.put(self.now + owd, Event::Close { p: other, other: p, epoch });
            }
            Output::Fetch { id, rendition, place, first, last } => {
                let part = self.part_at(place);
                let facts = self.facts(part, rendition);
                let bytes = (first..=last).map(|i| slices::range(facts.size, facts.slices.into(), i.into()).len() as u64).sum();
                if self.counts(p) {
                    self.tally.fetched(self.now, bytes);
                }
                let at = self.now + self.http_ms(p, bytes);
                self.wheel.put(at, Event::Fetched { p, id, rendition, part, first, last, since: self.now });
            }
            Output::Stream { rendition, stripes, from } => {
                let took = self.http_ms(p, 0);
                let oldest = self.parts.saturating_sub(ORIGIN_PARTS);
                let from = if from.msn() < FIRST_MSN { oldest } else { self.part_at(from).max(oldest) };
                let peer = &mut self.peers[p as usize];
                peer.stream_turn += 1;
                peer.stream = (!stripes.is_empty()).then_some(Stream { rendition, stripes, open: false });
                if peer.stream.is_some() {
                    let turn = peer.stream_turn;
                    if self.counts(p) {
                        self.tally.requests += 1;
                    }
                    self.wheel.put(self.now + took, Event::StreamOpen { p, turn, from });
                }
            }
            Output::Complete { place, .. } => {
                let part = self.part_at(place);
                self.peers[p as usize].viewer.complete(part);
                self.pump(p);
            }
            Output::Active { active } => {
                self.peers[p as usize].active = active;
                self.peers[p as usize].viewer.wanted = None;
                self.pump(p);
            }
            Output::Report { report } => {
                let owd = self.tracker_ms(p);
                self.wheel.put(self.now + owd, Event::AtTracker { p, report: Some(Box::new(report)) });
            }
        }
    }

    pub(super) fn channel(&mut self, p: u32, other: u32) -> Option<&mut Channel> {
        self.peers[p as usize].channels.iter_mut().find(|c| c.other == other)
    }

    pub(super) fn push(&mut self, p: u32, to: u32, rendition: u8, place: Place, index: u16) {
        let part = self.part_at(place);
        let facts = self.facts(part, rendition);
        let bytes = slices::range(facts.size, facts.slices.into(), index.into()).len() as u64;
        let now_us = self.now * 1000;
        let reachable = self.peers[to as usize].alive;
        let peer = &mut self.peers[p as usize];
        let Some(channel) = peer.channels.iter_mut().find(|c| c.other == to && c.open) else { return };
        let (left_us, there_us) = channel.flow.send(now_us, bytes, &mut peer.uplink_us, peer.home.up_bps, &mut self.rng);
        channel.waiting += 1;
        let epoch = channel.epoch;
        if reachable {
            self.wheel.put(left_us / 1000, Event::Left { p, other: to, epoch });
            self.wheel.put(there_us / 1000, Event::Slice { to, from: p, epoch, part, index, rendition });
        }
        if self.counts(p) {
            self.tally.uploaded(bytes);
        }
        self.feed(p, Input::Buffered { peer: id_of(to), bytes });
    }

    pub(super) fn connect(&mut self, a: u32, b: u32) {
        let signalling = 2 * (self.tracker_ms(a) + self.peers.get(b as usize).map_or(1, |_| self.tracker_ms(b)));
        let Some(other) = self.peers.get(b as usize) else { return };
        if !other.alive || !other.in_swarm {
            self.wheel.put(self.now + 2 * self.tracker_ms(a) + GATHER_MS, Event::Unknown { p: a, other: b });
            return;
        }
        // Both at once: one of the two attempts is dropped.
        if let Some(epoch) = self.channel(b, a).map(|c| c.epoch) {
            if self.channel(a, b).is_none() {
                let flow = Flow::new(self.peers[a as usize].home.path(&self.peers[b as usize].home));
                self.peers[a as usize].channels.push(Channel { other: b, epoch, open: false, waiting: 0, flow });
            }
            return;
        }
        self.epochs += 1;
        let epoch = self.epochs;
        let (home, others) = (self.peers[a as usize].home, self.peers[b as usize].home);
        let flow = Flow::new(home.path(&others));
        let channel = |other| Channel { other, epoch, open: false, waiting: 0, flow };
        self.peers[a as usize].channels.retain(|c| c.other != b);
        self.peers[a as usize].channels.push(channel(b));
        self.peers[b as usize].channels.push(channel(a));
        if home.reaches(&others) {
            let open_ms = (4.0 * home.path(&others).rtt_ms) as i64 + 50;
            self.wheel.put(self.now + 2 * GATHER_MS + signalling + open_ms, Event::Open { a, b, epoch });
        } else {
            for (p, other) in [(a, b), (b, a)] {
                self.wheel.put(self.now + CONNECT_MS, Event::Close { p, other, epoch });
            }
        }
    }

    pub(super) fn opened(&mut self, a: u32, b: u32, epoch: u32) {
        let both = [(a, b), (b, a)].map(|(p, other)| self.channel(p, other).is_some_and(|c| c.epoch == epoch));
        for ((p, other), there) in [(a, b), (b, a)].into_iter().zip(both) {
            if !there {
                continue;
            }
            if both == [true, true] {
                if let Some(channel) = self.channel(p, other) {
                    channel.open = true;
                }
                self.feed(p, Input::PeerOpen { peer: id_of(other) });
            } else {
                self.closed(p, other, epoch);
            }
        }
    }

    pub(super) fn closed(&mut self, p: u32, other: u32, epoch: u32) {
        let channels = &mut self.peers[p as usize].channels;
        let Some(at) = channels.iter().position(|c| c.other == other && c.epoch == epoch) else { return };
        channels.swap_remove(at);
        self.feed(p, Input::PeerClose { peer: id_of(other) });
    }

    pub(super) fn manifest(&mut self, to: u32, from: u32, part: u32, rendition: u8) {
        let facts = self.facts(part, rendition);
        let peer = &mut self.peers[to as usize];
        if !peer.alive || peer.rendition != rendition {
            return;
        }
        peer.viewer.announce(part);
        self.feed(to, Input::Manifest { facts, from: (from != ORIGIN).then(|| id_of(from)) });
        let held = &mut self.peers[to as usize].held;
        if held.iter().any(|held| held.part == part) {
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(held).into_iter().partition(|held| held.part == part);
            *held = later;
            for Held { from, part, index } in now {
                self.slice(to, from, part, index, rendition);
            }
        }
        self.pump(to);
    }

    pub(super) fn slice(&mut self, to: u32, from: u32, part: u32, index: u16, rendition: u8) {
        let valid = from >= HTTP || !self.peers[from as usize].evil;
        let place = self.place(part);
        let peer = &mut self.peers[to as usize];
        if !peer.alive || peer.rendition != rendition {
            return;
        }
        if part >= peer.viewer.play && !peer.viewer.knows(part) {
            if from != HTTP && peer.held.len() < MAX_HELD {
                peer.held.push(Held { from, part, index });
            }
            return;
        }
        let from = match from {
            ORIGIN => Origin::Origin,
            HTTP => Origin::Http,
            peer => Origin::Peer(id_of(peer)),
        };
        self.feed(to, Input::Slice { from, rendition, place, index, valid });
    }

    pub(super) fn stream_open(&mut self, p: u32, turn: u32, from: u32) {
        let peer = &mut self.peers[p as usize];
        if peer.stream_turn != turn {
            return;
        }
        let Some(stream) = &mut peer.stream else { return };
        stream.open = true;
        self.feed(p, Input::Stream { open: true });
        for part in from..self.parts {
            self.stream_part(p, part);
        }
    }

    /// The origin sends a part's slices to a root.
    pub(super) fn stream_part(&mut self, p: u32, part: u32) {
        let peer = &self.peers[p as usize];
        let Some(stream) = &peer.stream else { return };
        let rendition = stream.rendition;
        let facts = self.facts(part, rendition);
        let of = |i: u32| slices::range(facts.size, facts.slices.into(), i).len() as u64;
        let mine: Vec<_> =
            (0..u32::from(facts.slices)).filter(|i| stream.stripes.contains(&slices::stripe_of(*i, self.scenario.stripes))).collect();
        let (owd, down) = (peer.home.origin_path().rtt_ms / 2.0, peer.home.down_bps);
        self.wheel.put(self.now + owd as i64, Event::Manifest { to: p, from: ORIGIN, epoch: 0, part, rendition });
        let mut sent = 0;
        for i in mine {
            sent += of(i);
            let at = self.now + (owd + sent as f64 * 8e3 / down) as i64;
            self.wheel.put(at, Event::Slice { to: p, from: ORIGIN, epoch: 0, part, index: i as u16, rendition });
        }
        if self.counts(p) {
            self.tally.streamed(self.now, sent);
        }
    }
}
