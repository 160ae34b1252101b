//! The swarm itself: what happens when.

use std::time::{Duration, Instant};

use p2p_tracker::topology::{self, Facts, PeerKey, Topology};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{
    Scenario,
    homes::{Access, Flow, Home},
    outcome::{Outcome, Tally},
    viewer::Viewer,
    wheel::Wheel,
};
use crate::{
    core::{Assigned, Assignment, Core, CoreConfig, CoreStats, Message, Origin, Output, PartFacts, Report, trace},
    wire::{PeerId, Place, slices},
};

use trace::Input;

/// ICE candidates are gathered for so long, by each side.
const GATHER_MS: i64 = 120;
/// A driver gives an attempt to connect up.
const CONNECT_MS: i64 = 5_000;
/// A channel whose other end has gone without a word is noticed.
const CHANNEL_DEAD_MS: i64 = 15_000;
/// The tracker notices a socket whose other end has gone without a word.
const SOCKET_DEAD_MS: i64 = 30_000;
/// Of those that leave, in per cent: say BYE; are killed, so that only the tracker hears of it. The rest just falls silent.
const SAY_BYE: u32 = 70;
const ARE_KILLED: u32 = 25;
/// As the tracker has it: up to so many peers, all get manifests from it; newcomers get so many; and go on to get them so long.
const SMALL_SWARM: usize = 24;
const RECENT_MANIFESTS: u32 = 16;
const MANIFEST_GRACE_MS: i64 = 5_000;
/// A player that waits loads the part itself after this.
const PATIENCE_MS: i64 = 1_000;
/// A part that is not announced by then is loaded by its playlist.
const UNANNOUNCED_MS: i64 = 1_500;
/// Slices of parts that are not announced yet, kept for a moment.
const MAX_HELD: usize = 64;
/// Programme time of the first part.
const EPOCH_MS: i64 = 1_000_000;
/// Msn of the first segment.
const FIRST_MSN: u32 = 7;
/// Parts that the origin still has in memory.
const ORIGIN_PARTS: u32 = 50;
/// Who a slice or manifest came from, if not a peer.
const ORIGIN: u32 = u32::MAX;
const HTTP: u32 = u32::MAX - 1;

#[derive(Debug)]
enum Event {
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

struct Channel {
    other: u32,
    epoch: u32,
    open: bool,
    /// Slices that have not left.
    waiting: u32,
    flow: Flow,
}

struct Stream {
    rendition: u8,
    stripes: Vec<u8>,
    open: bool,
}

struct Held {
    from: u32,
    part: u32,
    index: u16,
}

struct Peer {
    home: Home,
    upload: bool,
    evil: bool,
    alive: bool,
    /// Position in the list of those who are there.
    listed: usize,
    joined_ms: i64,
    core: Option<Box<Core>>,
    rendition: u8,
    active: bool,
    viewer: Viewer,
    channels: Vec<Channel>,
    uplink_us: i64,
    timer_ms: i64,
    stream: Option<Stream>,
    stream_turn: u32,
    held: Vec<Held>,
    // At the tracker.
    in_swarm: bool,
    places: Vec<(u8, u8, topology::Place)>,
    listens: bool,
    listens_until_ms: i64,
    told_listens: Option<bool>,
    // Counted.
    mark: CoreStats,
    trace: Option<Vec<trace::Line>>,
}

struct World<'a> {
    scenario: &'a Scenario,
    rng: SmallRng,
    now: i64,
    wheel: Wheel<Event>,
    peers: Vec<Peer>,
    alive: Vec<u32>,
    parts: u32,
    topology: Topology,
    base: Instant,
    epochs: u32,
    tally: Tally,
    leaving: f64,
    spare: Vec<Vec<Output>>,
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

fn id_of(p: u32) -> PeerId {
    let mut random = [0; 12];
    random[8..].copy_from_slice(&p.to_be_bytes());
    PeerId::new(random)
}

fn index_of(peer: PeerId) -> u32 {
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
    fn instant(&self) -> Instant {
        self.base + Duration::from_millis(self.now as u64)
    }

    fn counts(&self) -> bool {
        self.now >= self.scenario.warm_ms
    }

    // ---- parts

    fn place(&self, part: u32) -> Place {
        // 22 bits of msn hold ten days of parts; a run takes minutes.
        Place::new(FIRST_MSN + part / self.scenario.segment_parts, part % self.scenario.segment_parts).unwrap_or(Place(0))
    }

    fn part_at(&self, place: Place) -> u32 {
        (place.msn() - FIRST_MSN) * self.scenario.segment_parts + place.part()
    }

    fn facts(&self, part: u32, rendition: u8) -> PartFacts {
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

    fn size(&self, part: u32) -> u64 {
        self.facts(part, 0).size.into()
    }

    /// When the origin has the part.
    fn made_ms(&self, part: u32) -> i64 {
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

    fn arrive(&mut self) {
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
        if self.counts() {
            let rate = self.scenario.rate_bps as f64;
            let ceiling = rate * f64::from(self.scenario.ceiling_tenths) / 10.0;
            let mut usable = 0.0;
            for p in &self.alive {
                let peer = &self.peers[*p as usize];
                if peer.upload {
                    usable += (peer.home.up_bps * 0.6).min(ceiling);
                }
            }
            let (in_swarm, audience) = (self.alive.iter().filter(|p| self.peers[**p as usize].in_swarm).count(), self.alive.len());
            self.tally.sample(usable / rate, in_swarm, audience);
        }
        for i in 0..self.alive.len() {
            self.review(self.alive[i]);
        }
    }

    fn leave(&mut self, p: u32) {
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

    // ---- playback

    fn tracker_ms(&self, p: u32) -> i64 {
        (self.peers[p as usize].home.to_origin().rtt_ms / 2.0) as i64 + 1
    }

    fn path_ms(&self, a: u32, b: u32) -> i64 {
        (self.peers[a as usize].home.path(&self.peers[b as usize].home).rtt_ms / 2.0) as i64 + 1
    }

    fn http_ms(&mut self, p: u32, bytes: u64) -> i64 {
        let took = self.peers[p as usize].home.http_ms(bytes, &mut self.rng) as i64;
        let third = self.scenario.measure_ms / 3;
        let slow = (self.scenario.warm_ms + third..self.scenario.warm_ms + 2 * third).contains(&self.now);
        took * self.scenario.slow_http_tenths.filter(|_| slow).unwrap_or(10) / 10
    }

    /// The player's own requests for parts, not through the swarm.
    fn own_load(&mut self, p: u32, first: u32, last: u32, requests: u64) {
        let bytes = (first..=last).map(|part| self.size(part)).sum();
        let took = self.http_ms(p, bytes);
        let peer = &mut self.peers[p as usize];
        peer.viewer.loading = true;
        let early = self.now - peer.joined_ms <= self.scenario.delay_ms + super::outcome::SETTLE_MS;
        if self.now >= self.scenario.warm_ms {
            self.tally.own(self.now, bytes, requests + u64::from(last - first) + 1, early);
        }
        self.wheel.put(self.now + took, Event::OwnLoad { p, first, last });
    }

    fn own_loaded(&mut self, p: u32, first: u32, last: u32) {
        let (latency_ms, part_ms) = (self.scenario.latency_ms, self.scenario.part_ms);
        let counts = self.counts();
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
    fn resume(&mut self, p: u32) {
        let viewer = &mut self.peers[p as usize].viewer;
        if viewer.stalled_ms.is_some() && viewer.can_play() {
            viewer.turn += 1;
            let turn = viewer.turn;
            self.wheel.put(self.now, Event::Play(p, turn));
        }
    }

    /// The player asks for its next part.
    fn pump(&mut self, p: u32) {
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

    fn play(&mut self, p: u32, turn: u32) {
        let (part_ms, target_ms) = (self.scenario.part_ms, self.scenario.latency_ms);
        let counts = self.counts();
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

    // ---- the swarm, from a peer's side

    fn join_swarm(&mut self, p: u32) {
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
    fn switch(&mut self, p: u32) {
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

    fn timer(&mut self, p: u32) {
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

    fn schedule(&mut self, p: u32) {
        let peer = &mut self.peers[p as usize];
        let Some(core) = &peer.core else { return };
        let due = core.poll_timeout().max(self.now + 1);
        if due < peer.timer_ms {
            peer.timer_ms = due;
            self.wheel.put(due, Event::Timer(p));
        }
    }

    /// Tells a core what has happened, and does what it says.
    fn feed(&mut self, p: u32, input: Input) {
        let peer = &mut self.peers[p as usize];
        let Some(core) = &mut peer.core else { return };
        let mut outputs = self.spare.pop().unwrap_or_default();
        // These bring no timeout forward (by more than a report's), and are most of all that happens.
        let timeless = matches!(input, Input::Slice { valid: true, .. } | Input::Buffered { .. } | Input::Message { message: Message::Have { .. }, .. });
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

    fn perform(&mut self, p: u32, output: Output) {
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
                if self.counts() {
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
                    if self.now >= self.scenario.warm_ms {
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

    fn channel(&mut self, p: u32, other: u32) -> Option<&mut Channel> {
        self.peers[p as usize].channels.iter_mut().find(|c| c.other == other)
    }

    fn push(&mut self, p: u32, to: u32, rendition: u8, place: Place, index: u16) {
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
        if self.now >= self.scenario.warm_ms {
            self.tally.uploaded(bytes);
        }
        self.feed(p, Input::Buffered { peer: id_of(to), bytes });
    }

    fn connect(&mut self, a: u32, b: u32) {
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

    fn opened(&mut self, a: u32, b: u32, epoch: u32) {
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

    fn closed(&mut self, p: u32, other: u32, epoch: u32) {
        let channels = &mut self.peers[p as usize].channels;
        let Some(at) = channels.iter().position(|c| c.other == other && c.epoch == epoch) else { return };
        channels.swap_remove(at);
        self.feed(p, Input::PeerClose { peer: id_of(other) });
    }

    fn manifest(&mut self, to: u32, from: u32, part: u32, rendition: u8) {
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

    fn slice(&mut self, to: u32, from: u32, part: u32, index: u16, rendition: u8) {
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

    fn stream_open(&mut self, p: u32, turn: u32, from: u32) {
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
    fn stream_part(&mut self, p: u32, part: u32) {
        let peer = &self.peers[p as usize];
        let Some(stream) = &peer.stream else { return };
        let rendition = stream.rendition;
        let facts = self.facts(part, rendition);
        let of = |i: u32| slices::range(facts.size, facts.slices.into(), i).len() as u64;
        let mine: Vec<_> =
            (0..u32::from(facts.slices)).filter(|i| stream.stripes.contains(&slices::stripe_of(*i, self.scenario.stripes))).collect();
        let (owd, down) = (peer.home.to_origin().rtt_ms / 2.0, peer.home.down_bps);
        self.wheel.put(self.now + owd as i64, Event::Manifest { to: p, from: ORIGIN, epoch: 0, part, rendition });
        let mut sent = 0;
        for i in mine {
            sent += of(i);
            let at = self.now + (owd + sent as f64 * 8e3 / down) as i64;
            self.wheel.put(at, Event::Slice { to: p, from: ORIGIN, epoch: 0, part, index: i as u16, rendition });
        }
        if self.now >= self.scenario.warm_ms {
            self.tally.streamed(self.now, sent);
        }
    }

    // ---- the tracker

    fn at_tracker(&mut self, p: u32, report: Option<Box<Report>>) {
        let now = self.instant();
        let key = PeerKey(p.into());
        let peer = &mut self.peers[p as usize];
        let Some(report) = report else {
            if !peer.alive {
                return;
            }
            peer.in_swarm = true;
            peer.listens = true;
            let facts = Facts { rendition: 0, slots: u16::from(peer.upload), upload: peer.upload, address: peer.home.address };
            self.topology.join(now, key, facts);
            let owd = self.tracker_ms(p);
            for part in self.parts.saturating_sub(RECENT_MANIFESTS)..self.parts {
                self.wheel.put(self.now + owd, Event::Manifest { to: p, from: ORIGIN, epoch: 0, part, rendition: 0 });
            }
            return;
        };
        if !peer.in_swarm {
            return;
        }
        let keys = |peers: &[PeerId]| peers.iter().map(|peer| PeerKey(index_of(*peer).into())).collect();
        let lost = |refused: bool| {
            let those = report.lost.iter().filter(move |lost| lost.refused == refused);
            those.map(|lost| (lost.rendition, lost.stripe, PeerKey(index_of(lost.peer).into()))).collect()
        };
        let report = topology::Report {
            rendition: Some(report.rendition),
            slots: Some(report.slots as u16),
            upload: Some(report.upload),
            unreachable: keys(&report.unreachable),
            lost: lost(false),
            refused: lost(true),
            accused: keys(&report.accused),
        };
        self.topology.report(now, key, report);
    }

    /// What the topology has to say now.
    fn track(&mut self) {
        if self.topology.poll_timeout().is_some_and(|at| at <= self.instant()) {
            self.topology.handle_timeout(self.instant());
        }
        while let Some(output) = self.topology.poll_output() {
            match output {
                topology::Output::Assign { peer, stripes } => {
                    let p = peer.0 as u32;
                    self.peers[p as usize].places = stripes;
                    self.assign(p);
                }
                topology::Output::Gone { to, peer } => {
                    let (to, peer) = (to.0 as u32, peer.0 as u32);
                    self.wheel.put(self.now + self.tracker_ms(to), Event::Gone { p: to, other: peer });
                }
                topology::Output::Expel { peer } => self.peers[peer.0 as usize].in_swarm = false,
            }
        }
    }

    fn listens(&self, p: u32) -> bool {
        let places = &self.peers[p as usize].places;
        let is_root = places.iter().any(|(_, _, place)| *place == topology::Place::Root);
        let is_child = places.iter().any(|(_, _, place)| matches!(place, topology::Place::Child { .. }));
        self.topology.len() <= SMALL_SWARM || is_root || !is_child
    }

    /// Whether a peer gets manifests may have changed with the swarm's size.
    fn review(&mut self, p: u32) {
        if self.peers[p as usize].in_swarm && self.peers[p as usize].told_listens != Some(self.listens(p)) {
            self.assign(p);
        }
    }

    fn assign(&mut self, p: u32) {
        let manifests = self.listens(p);
        let owd = self.tracker_ms(p);
        let peer = &mut self.peers[p as usize];
        if !peer.in_swarm {
            return;
        }
        if peer.listens && !manifests {
            peer.listens_until_ms = self.now + MANIFEST_GRACE_MS;
        }
        peer.listens = manifests;
        peer.told_listens = Some(manifests);
        let stripes = peer
            .places
            .iter()
            .map(|(rendition, stripe, place)| {
                let (root, parent, standby) = match place {
                    topology::Place::Root => (true, None, None),
                    topology::Place::Child { parent, standby } => (false, Some(id_of(parent.0 as u32)), standby.map(|key| id_of(key.0 as u32))),
                };
                Assigned { rendition: *rendition, stripe: *stripe, root, parent, standby }
            })
            .collect();
        self.wheel.put(self.now + owd, Event::Assign { p, assignment: Box::new(Assignment { manifests, stripes }) });
    }

    // ---- counting

    fn begin(&mut self) {
        for p in &self.alive {
            let peer = &mut self.peers[*p as usize];
            peer.mark = peer.core.as_ref().map(|core| core.stats()).unwrap_or_default();
        }
    }

    /// Adds what a peer's core has counted.
    fn settle(&mut self, p: u32) {
        let counts = self.counts();
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
