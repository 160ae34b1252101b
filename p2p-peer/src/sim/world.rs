//! The swarm itself: what happens when.

use std::time::{Duration, Instant};

use p2p_tracker::topology::{self, PeerKey, Topology};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{
    Scenario,
    homes::{Access, Flow, Home},
    outcome::{Outcome, Tally},
    viewer::Viewer,
    wheel::Wheel,
};
use crate::{
    core::{Assignment, Core, CoreConfig, CoreStats, Message, Output, PartFacts, Report, trace},
    wire::{PeerId, Place, slices},
};

use trace::Input;

/// A channel whose other end has gone without a word is noticed.
const CHANNEL_DEAD_MS: i64 = 15_000;
/// The tracker notices a socket whose other end has gone without a word.
const SOCKET_DEAD_MS: i64 = 30_000;
/// Of those that leave, in per cent: say BYE; are killed, so that only the tracker hears of it. The rest just falls silent.
const SAY_BYE: u32 = 70;
const ARE_KILLED: u32 = 25;
/// Programme time of the first part.
pub(super) const EPOCH_MS: i64 = 1_000_000;
/// Msn of the first segment.
pub(super) const FIRST_MSN: u32 = 7;
/// Who a slice or manifest came from, if not a peer.
pub(super) const ORIGIN: u32 = u32::MAX;
pub(super) const HTTP: u32 = u32::MAX - 1;

#[derive(Debug)]
pub(super) enum Event {
    Arrive,
    Tick,
    Part,
    Timer(u32),
    Play(u32, u32),
    JoinSwarm(u32),
    OwnLoad { p: u32, first: u32, last: u32 },
    Slice { to: u32, from: u32, epoch: u32, part: u32, index: u16, rendition: u8 },
    Manifest { to: u32, from: u32, epoch: u32, part: u32, rendition: u8 },
    Message { to: u32, from: u32, epoch: u32, message: Box<Message> },
    Left { p: u32, other: u32, epoch: u32 },
    Open { a: u32, b: u32, epoch: u32 },
    Close { p: u32, other: u32, epoch: u32 },
    Unknown { p: u32, other: u32 },
    Fetched { p: u32, id: u32, rendition: u8, part: u32, first: u16, last: u16, since: i64 },
    StreamOpen { p: u32, turn: u32, from: u32 },
    AtTracker { p: u32, report: Option<Box<Report>> },
    GoneFromTracker(u32),
    Assign { p: u32, assignment: Box<Assignment> },
    Gone { p: u32, other: u32 },
    Switch(u32),
}

pub(super) struct Channel {
    pub(super) other: u32,
    pub(super) epoch: u32,
    pub(super) open: bool,
    /// Slices that have not left.
    pub(super) waiting: u32,
    pub(super) flow: Flow,
}

pub(super) struct Stream {
    pub(super) rendition: u8,
    pub(super) stripes: Vec<u8>,
    pub(super) open: bool,
}

pub(super) struct Held {
    pub(super) from: u32,
    pub(super) part: u32,
    pub(super) index: u16,
}

pub(super) struct Peer {
    pub(super) home: Home,
    pub(super) upload: bool,
    pub(super) evil: bool,
    pub(super) alive: bool,
    /// Position in the list of those who are there.
    pub(super) listed: usize,
    pub(super) joined_ms: i64,
    pub(super) core: Option<Box<Core>>,
    pub(super) rendition: u8,
    pub(super) active: bool,
    pub(super) viewer: Viewer,
    pub(super) channels: Vec<Channel>,
    pub(super) uplink_us: i64,
    pub(super) timer_ms: i64,
    pub(super) stream: Option<Stream>,
    pub(super) stream_turn: u32,
    pub(super) held: Vec<Held>,
    // At the tracker.
    pub(super) in_swarm: bool,
    pub(super) places: Vec<(u8, u8, topology::Place)>,
    pub(super) listens: bool,
    pub(super) listens_until_ms: i64,
    pub(super) told_listens: Option<bool>,
    // Counted.
    pub(super) mark: CoreStats,
    pub(super) trace: Option<Vec<trace::Line>>,
}

pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) rng: SmallRng,
    pub(super) now: i64,
    pub(super) wheel: Wheel<Event>,
    pub(super) peers: Vec<Peer>,
    pub(super) alive: Vec<u32>,
    pub(super) parts: u32,
    pub(super) topology: Topology,
    pub(super) base: Instant,
    pub(super) epochs: u32,
    pub(super) tally: Tally,
    pub(super) leaving: f64,
    pub(super) spare: Vec<Vec<Output>>,
}

/// Simulates.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    let mut world = World::new(scenario);
    let end = scenario.warm_ms + scenario.measure_ms;
    for i in 0..i64::from(scenario.peers) {
        world.wheel.put(1 + i * scenario.arrive_ms / i64::from(scenario.peers).max(1), Event::Arrive);
    }
    world.wheel.put(1, Event::Part);
    world.wheel.put(1_000, Event::Tick);
    while world.now < end {
        let (now, mut events) = world.wheel.advance();
        world.now = now;
        if now == scenario.warm_ms {
            world.begin();
        }
        if scenario.roots_die_ms == Some(now) {
            world.kill_roots();
        }
        for event in events.drain(..) {
            world.happen(event);
        }
        world.wheel.recycle(events);
        world.track();
    }
    world.finish()
}

pub(super) fn id_of(p: u32) -> PeerId {
    let mut random = [0; 12];
    random[8..].copy_from_slice(&p.to_be_bytes());
    PeerId::new(random)
}

pub(super) fn index_of(peer: PeerId) -> u32 {
    peer.short().0
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let config = topology::Config { stripes: scenario.stripes, ..topology::Config::default() };
        Self {
            scenario,
            rng: SmallRng::seed_from_u64(scenario.seed),
            now: 0,
            wheel: Wheel::new(),
            peers: Vec::new(),
            alive: Vec::new(),
            parts: 0,
            topology: Topology::new(config, scenario.seed),
            base: Instant::now(),
            epochs: 0,
            tally: Tally::new(scenario),
            leaving: 0.0,
            spare: Vec::new(),
        }
    }

    /// The tracker's clock. Only differences count.
    pub(super) fn instant(&self) -> Instant {
        self.base + Duration::from_millis(self.now as u64)
    }

    /// Whether what a viewer does is counted now: what those who send wrong bytes take from the origin, after they were expelled, says nothing.
    pub(super) fn counts(&self, p: u32) -> bool {
        self.now >= self.scenario.warm_ms && !self.peers[p as usize].evil
    }

    // ---- parts

    pub(super) fn place(&self, part: u32) -> Place {
        // 22 bits of msn hold ten days of parts; a run takes minutes.
        Place::new(FIRST_MSN + part / self.scenario.segment_parts, part % self.scenario.segment_parts).unwrap_or(Place(0))
    }

    pub(super) fn part_at(&self, place: Place) -> u32 {
        (place.msn() - FIRST_MSN) * self.scenario.segment_parts + place.part()
    }

    pub(super) fn facts(&self, part: u32, rendition: u8) -> PartFacts {
        let gap = self.scenario.gap_every.is_some_and(|every| part % every == every - 1);
        let size = if gap { 0 } else { self.scenario.part_bytes(part) };
        PartFacts {
            rendition,
            place: self.place(part),
            time_ms: EPOCH_MS + i64::from(part) * self.scenario.part_ms,
            duration_ms: self.scenario.part_ms,
            size,
            slices: slices::count(size, self.scenario.stripes) as u16,
        }
    }

    pub(super) fn size(&self, part: u32) -> u64 {
        self.facts(part, 0).size.into()
    }

    /// When the origin has the part.
    pub(super) fn made_ms(&self, part: u32) -> i64 {
        i64::from(part + 1) * self.scenario.part_ms + self.scenario.origin_ms
    }

    // ---- what happens

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::Tick => self.tick(),
            Event::Part => self.make_part(),
            Event::Timer(p) => self.timer(p),
            Event::Play(p, turn) => self.play(p, turn),
            Event::JoinSwarm(p) => self.join_swarm(p),
            Event::OwnLoad { p, first, last } => self.own_loaded(p, first, last),
            Event::Slice { to, from, epoch, part, index, rendition } => {
                if from == ORIGIN || self.channel(to, from).is_some_and(|c| c.open && c.epoch == epoch) {
                    self.slice(to, from, part, index, rendition);
                }
            }
            Event::Manifest { to, from, epoch, part, rendition } => {
                if from == ORIGIN || self.channel(to, from).is_some_and(|c| c.open && c.epoch == epoch) {
                    self.manifest(to, from, part, rendition);
                }
            }
            Event::Message { to, from, epoch, message } => {
                if self.channel(to, from).is_some_and(|c| c.open && c.epoch == epoch) {
                    self.feed(to, Input::Message { peer: id_of(from), message: *message });
                }
            }
            Event::Left { p, other, epoch } => {
                if let Some(channel) = self.channel(p, other).filter(|c| c.epoch == epoch) {
                    channel.waiting -= 1;
                    if channel.waiting == 0 {
                        self.feed(p, Input::Buffered { peer: id_of(other), bytes: 0 });
                    }
                }
            }
            Event::Open { a, b, epoch } => self.opened(a, b, epoch),
            Event::Close { p, other, epoch } => self.closed(p, other, epoch),
            Event::Unknown { p, other } => {
                self.peers[p as usize].channels.retain(|c| c.other != other || c.open);
                self.feed(p, Input::Gone { peer: id_of(other) });
            }
            Event::Fetched { p, id, rendition, part, first, last, since } => {
                for index in first..=last {
                    self.slice(p, HTTP, part, index, rendition);
                }
                let duration_ms = self.now - since;
                self.feed(p, Input::Fetched { id, ok: true, duration_ms });
            }
            Event::StreamOpen { p, turn, from } => self.stream_open(p, turn, from),
            Event::AtTracker { p, report } => self.at_tracker(p, report),
            Event::GoneFromTracker(p) => {
                if self.peers[p as usize].in_swarm {
                    self.peers[p as usize].in_swarm = false;
                    self.topology.leave(self.instant(), PeerKey(p.into()));
                }
            }
            Event::Assign { p, assignment } => self.feed(p, Input::Assign { assignment: *assignment }),
            Event::Gone { p, other } => {
                self.feed(p, Input::Gone { peer: id_of(other) });
            }
            Event::Switch(p) => self.switch(p),
        }
    }

    pub(super) fn arrive(&mut self) {
        let mut home = Home::draw(&mut self.rng);
        if self.scenario.fibre {
            home = home.in_a_data_centre();
        }
        let leech = self.rng.random_range(0..100) < self.scenario.leeches_percent;
        let evil = self.rng.random_range(0..100) < self.scenario.polluters_percent;
        let p = self.peers.len() as u32;
        let newest = self.now.saturating_sub(self.scenario.origin_ms) / self.scenario.part_ms;
        // Playback begins with the keyframe before its place, behind the edge by the target.
        let at = ((self.now - self.scenario.latency_ms) / self.scenario.part_ms).clamp(0, newest) as u32;
        let segment = self.scenario.segment_parts;
        let first = at / segment * segment;
        self.peers.push(Peer {
            upload: !leech && home.access != Access::Mobile,
            home,
            evil,
            alive: true,
            listed: self.alive.len(),
            joined_ms: self.now,
            core: None,
            rendition: 0,
            active: false,
            viewer: Viewer::new(first),
            channels: Vec::new(),
            uplink_us: 0,
            timer_ms: i64::MAX,
            stream: None,
            stream_turn: 0,
            held: Vec::new(),
            in_swarm: false,
            places: Vec::new(),
            listens: false,
            listens_until_ms: 0,
            told_listens: None,
            mark: CoreStats::default(),
            trace: self.scenario.recorded.contains(&p).then(Vec::new),
        });
        self.alive.push(p);
        self.wheel.put(self.now + self.scenario.delay_ms, Event::JoinSwarm(p));
        // The playlist, the first segment's header, then all parts there are.
        let last = self.parts.saturating_sub(1).max(first);
        self.own_load(p, first, last, 2);
    }

    /// A second has passed: who leaves, what is sampled.
    fn tick(&mut self) {
        self.wheel.put(self.now + 1_000, Event::Tick);
        if self.now > self.scenario.arrive_ms {
            self.leaving += f64::from(self.scenario.peers * self.scenario.churn_percent) / 6_000.0;
            while self.leaving >= 1.0 && !self.alive.is_empty() {
                self.leaving -= 1.0;
                let p = self.alive[self.rng.random_range(0..self.alive.len())];
                // Those whose schedulers are recorded stay.
                if self.peers[p as usize].trace.is_none() {
                    self.leave(p);
                    self.arrive();
                }
            }
        }
        if self.now >= self.scenario.warm_ms {
            let rate = self.scenario.rate_bps as f64;
            let ceiling = rate * f64::from(self.scenario.ceiling_tenths) / 10.0;
            let (mut usable, mut in_swarm, mut audience) = (0.0, 0, 0);
            for peer in self.alive.iter().map(|p| &self.peers[*p as usize]).filter(|peer| !peer.evil) {
                if peer.upload {
                    usable += (peer.home.up_bps * 0.6).min(ceiling);
                }
                in_swarm += usize::from(peer.in_swarm);
                audience += 1;
            }
            self.tally.sample(usable / rate, in_swarm, audience);
        }
        for i in 0..self.alive.len() {
            self.review(self.alive[i]);
        }
    }

    pub(super) fn leave(&mut self, p: u32) {
        let listed = self.peers[p as usize].listed;
        self.alive.swap_remove(listed);
        if let Some(moved) = self.alive.get(listed) {
            self.peers[*moved as usize].listed = listed;
        }
        self.settle(p);
        let owd = self.tracker_ms(p);
        let roll = self.rng.random_range(0..100);
        let peer = &mut self.peers[p as usize];
        peer.alive = false;
        peer.core = None;
        peer.stream = None;
        peer.held = Vec::new();
        let channels = std::mem::take(&mut peer.channels);
        for channel in channels {
            let after = if roll < SAY_BYE { self.path_ms(p, channel.other) } else { CHANNEL_DEAD_MS };
            self.wheel.put(self.now + after, Event::Close { p: channel.other, other: p, epoch: channel.epoch });
        }
        let after = if roll < SAY_BYE + ARE_KILLED { owd } else { SOCKET_DEAD_MS };
        self.wheel.put(self.now + after, Event::GoneFromTracker(p));
    }

    fn kill_roots(&mut self) {
        let dies = |peer: &Peer| peer.stream.is_some() && peer.trace.is_none();
        let roots: Vec<_> = self.alive.iter().copied().filter(|p| dies(&self.peers[*p as usize])).collect();
        for p in roots {
            self.leave(p);
        }
    }

    fn make_part(&mut self) {
        let made = self.made_ms(self.parts);
        if self.now < made {
            self.wheel.put(made, Event::Part);
            return;
        }
        let part = self.parts;
        self.parts += 1;
        self.wheel.put(self.made_ms(self.parts), Event::Part);
        for i in 0..self.alive.len() {
            let p = self.alive[i];
            let owd = self.tracker_ms(p);
            let peer = &mut self.peers[p as usize];
            if peer.in_swarm && (peer.listens || self.now < peer.listens_until_ms) {
                let rendition = peer.rendition;
                self.wheel.put(self.now + owd, Event::Manifest { to: p, from: ORIGIN, epoch: 0, part, rendition });
            }
            if self.peers[p as usize].stream.as_ref().is_some_and(|stream| stream.open) {
                self.stream_part(p, part);
            }
            if !self.peers[p as usize].active {
                self.pump(p);
            }
        }
    }

    // ---- counting

    fn begin(&mut self) {
        for p in &self.alive {
            let peer = &mut self.peers[*p as usize];
            peer.mark = peer.core.as_ref().map(|core| core.stats()).unwrap_or_default();
        }
    }

    /// Adds what a peer's core has counted.
    pub(super) fn settle(&mut self, p: u32) {
        let counts = self.counts(p);
        let now = self.now;
        let peer = &self.peers[p as usize];
        if let Some(core) = peer.core.as_ref().filter(|_| counts) {
            let stats = core.stats();
            let since = peer.joined_ms.max(self.scenario.warm_ms);
            self.tally.settle(&peer.mark, &stats, peer.upload && !peer.evil, now - since);
        }
        if let Some(since) = peer.viewer.stalled_ms.filter(|_| counts) {
            self.tally.stall(now - since.max(self.scenario.warm_ms));
        }
    }

    fn finish(mut self) -> Outcome {
        for i in 0..self.alive.len() {
            self.settle(self.alive[i]);
        }
        let banned = self.alive.iter().filter(|p| self.peers[**p as usize].evil && !self.peers[**p as usize].in_swarm).count();
        let moves = self.topology.moves();
        let traces = self.peers.into_iter().enumerate().filter_map(|(p, peer)| {
            let config = CoreConfig {
                peer: id_of(p as u32),
                stripes: self.scenario.stripes,
                upload: peer.upload,
                ceiling_tenths: self.scenario.ceiling_tenths,
            };
            Some((config, peer.trace?))
        });
        let traces = traces.collect();
        self.tally.outcome(self.scenario, banned, moves, traces)
    }
}
