//! The scheduler of one peer: which slice comes from whom and goes to whom, and when HTTP has to help. Deterministic,
//! without I/O, clock or chance of its own: call `handle_…`, then drain [`Core::poll_output`], then ask
//! [`Core::poll_timeout`]. The engine of the pages (`web/packages/swarm/src/core`) is the same, line by line; recorded
//! traces (`vectors/traces`) keep it so.
//!
//! In steady state each stripe flows from its parent (or the origin), is verified by the driver, and passed on to the
//! stripe's children. A stripe that is late is taken from the standby; a slice that is still missing shortly before
//! playback needs it comes by HTTP. Nothing here can stop playback.

mod bits;
mod children;
mod http;
mod messages;
mod neighbour;
mod part;
mod parts;
mod peers;
mod sources;
mod stripe;
pub mod trace;
mod types;
mod uplink;

use std::collections::VecDeque;

pub use bits::Bits;
pub use types::{Assigned, Assignment, CoreConfig, CoreStats, HavePart, Lost, Message, Origin, Output, PartFacts, Report};

use self::{
    http::HttpTimes,
    neighbour::{Neighbour, State},
    part::{Part, PartWindow},
    stripe::{LinkState, Stripe, Way},
    uplink::Uplink,
};
use crate::wire::{PeerId, Place, message::Reason};

/// Later than anything.
const FAR: i64 = i64::MAX;
/// A channel is open by then, or never.
const OPEN_MS: i64 = 5_000;
/// SUBSCRIBE is answered by then.
const ANSWER_MS: i64 = 1_500;
/// Not connected to again before, after a failure.
const RECONNECT_MS: i64 = 10_000;
/// A parent that fell silent is not chosen again before.
const SUSPECT_MS: i64 = 30_000;
/// A parent that was heard before and has been silent for this long is given up for the standby; before that others are asked for what
/// is missing, as what holds it up may lie further up and will pass.
const SILENT_MS: i64 = 600;
/// A parent that accepted brings something within this (it may be looking for a source itself), or it is none.
const FIRST_SLICE_MS: i64 = 1_200;
/// A connection that serves nothing is kept this long.
const IDLE_MS: i64 = 15_000;
/// Longest path from a root: what a hop costs (80 to 180 ms) times this is what the latency target leaves.
const MAX_PATH: usize = 8;
/// HAVE, slots and housekeeping.
const TICK_MS: i64 = 1_000;
/// What HAVE speaks of.
const HAVE_MS: i64 = 4_000;
/// Reports to the tracker: at least, and at most so often.
const REPORT_MS: i64 = 10_000;
const URGENT_MS: i64 = 500;
/// The slice is needed this much before its picture is shown.
const SAFETY_MS: i64 = 300;
/// Added to what fetches take.
const FETCH_MARGIN_MS: i64 = 50;
/// A stripe that nobody brings is taken by HTTP this soon after its manifest, so that others can have it from here.
const ORPHAN_FETCH_MS: i64 = 50;
/// ...and as a stream of its own after it has been like that for this long.
const SELF_ROOT_MS: i64 = 2_000;
/// The player waits for a part although nobody knows the playhead.
const WANTED_MS: i64 = 200;
const RETRY_MS: i64 = 200;
/// A peer that said it has a slice sends it within this.
const PROMISE_MS: i64 = 500;
/// Once is enough: there are others, and HTTP. A promise kept makes up for it.
const MAX_BROKEN_PROMISES: u32 = 1;
/// HTTP had to help out this often within this time: the source is not good enough.
const MAX_RESCUES: usize = 3;
const RESCUES_MS: i64 = 5_000;
/// Runs of missing slices fetched apart; more are fetched as one with what lies between.
const MAX_RUNS: usize = 2;
/// Without any flowing stripe for this long, playback takes its parts itself again.
const DRY_MS: i64 = 5_000;
/// Where the tracker does not send manifests to everybody they come down the trees of the first stripes: a tree has no
/// cycles, so that everybody in it gets them, which two peers that rely on each other would not.
const MANIFEST_STRIPES: usize = 2;
/// A channel that has been waiting for this long cannot carry what it was given.
const SHED_MS: i64 = 1_000;
/// Peers in mind: connections are bounded by the driver, this bounds what is remembered of others.
const MAX_NEIGHBOURS: usize = 200;

/// Neighbours forget what concerns old parts each time so many new ones have come: it costs time, and keeps memory bounded all the same.
const PRUNE_EVERY: u32 = 16;

/// Index of a stripe in [`Core::stripes`], of a part in its window, of a neighbour in the order they came.
type Index = usize;

/// The scheduler of one peer.
#[derive(Debug)]
pub struct Core {
    config: CoreConfig,
    short: u32,
    stripes: Vec<Stripe>,
    window: PartWindow,
    /// Parts that ever were in it.
    added: u32,
    /// In the order they came: what is done for each of them is done in this order.
    neighbours: Vec<Neighbour>,
    uplink: Uplink,
    times: HttpTimes,
    outputs: VecDeque<Output>,
    rendition: u8,
    sharable: bool,
    tracker_manifests: bool,
    /// Playback reaches programme time `t` at `t + offset`.
    offset_ms: Option<i64>,
    playhead_ms: i64,
    /// What the player took before it asked here is not needed; `None`: it has not asked yet.
    needed_from: Option<Place>,
    active: bool,
    flowing_ms: i64,
    next_tick_ms: i64,
    /// What the stream was last asked for: rendition and stripes.
    streamed: Option<(u8, Vec<u8>)>,
    fetches: u32,
    reported_ms: i64,
    urgent: bool,
    report: Report,
    stats: CoreStats,
}

impl Core {
    /// A scheduler that knows nothing yet. `config.stripes` is at least 1.
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        let uplink = Uplink::new(config.upload, config.ceiling_tenths, config.stripes);
        Self {
            short: config.peer.short().0,
            stripes: (0..config.stripes.max(1)).map(Stripe::new).collect(),
            window: PartWindow::default(),
            added: 0,
            neighbours: Vec::new(),
            times: HttpTimes::default(),
            outputs: VecDeque::new(),
            rendition: 0,
            sharable: false,
            tracker_manifests: true,
            offset_ms: None,
            playhead_ms: 0,
            needed_from: None,
            active: false,
            flowing_ms: 0,
            next_tick_ms: 0,
            streamed: None,
            fetches: 0,
            reported_ms: 0,
            urgent: false,
            report: fresh_report(0, uplink.slots, config.upload),
            stats: CoreStats::default(),
            uplink,
            config,
        }
    }

    // ---- what happened

    /// The rendition that is played; `sharable`: whether it is shared at all. All of the one before is let go.
    pub fn handle_rendition(&mut self, now: i64, rendition: u8, sharable: bool) {
        if rendition == self.rendition && sharable == self.sharable {
            return;
        }
        for s in 0..self.stripes.len() {
            let children: Vec<_> = self.stripes[s].children.iter().map(|child| child.peer).collect();
            for peer in children {
                self.refuse(peer, s as u8, Reason::NOT_SHARED, self.rendition);
            }
            self.stripes[s].children.clear();
            self.leave(s, Way::Source);
            self.leave(s, Way::Next);
            let stripe = &mut self.stripes[s];
            (stripe.source, stripe.next) = (None, None);
            (stripe.root, stripe.self_root) = (false, false);
            (stripe.parent, stripe.standby) = (None, None);
            stripe.path.clear();
            stripe.orphan_since_ms = Some(now);
            stripe.rescues_ms.clear();
        }
        self.update_stream();
        self.window.clear();
        self.needed_from = None;
        for neighbour in &mut self.neighbours {
            neighbour.prune(FAR);
        }
        self.rendition = rendition;
        self.sharable = sharable;
        self.urgent = true;
        // What flowed a moment ago was not of this one.
        self.flowing_ms = now - DRY_MS;
        self.update_active(now);
    }

    /// A part is announced; `from` is the peer that sent the manifest.
    pub fn handle_manifest(&mut self, now: i64, facts: PartFacts, from: Option<PeerId>) {
        if facts.rendition != self.rendition || !self.sharable {
            return;
        }
        if let Some(n) = from.and_then(|from| self.known(from))
            && !self.neighbours[n].manifests.contains(&facts.place)
        {
            self.neighbours[n].manifests.push(facts.place);
        }
        let part = Part::new(facts, now);
        let complete = part.complete();
        if !self.window.add(part) {
            return;
        }
        // What is remembered of parts that have left the window is never asked for: it may stay a little longer.
        self.added += 1;
        if self.added.is_multiple_of(PRUNE_EVERY) {
            let oldest = i64::from(self.window.parts[0].place().0);
            for neighbour in &mut self.neighbours {
                neighbour.prune(oldest);
            }
        }
        if complete {
            self.emit(Output::Complete { rendition: facts.rendition, place: facts.place });
        }
        // Whoever wants manifests from here should not wait for the first slice.
        for peer in self.manifest_takers() {
            self.send_manifest(peer, facts.place);
        }
    }

    /// The tracker has said what this peer's places in the trees are.
    pub fn handle_assign(&mut self, now: i64, assignment: &Assignment) {
        self.tracker_manifests = assignment.manifests;
        for s in 0..self.stripes.len() {
            let stripe = &mut self.stripes[s];
            let assigned = assignment.stripes.iter().find(|a| a.rendition == self.rendition && self.sharable && a.stripe == stripe.index);
            stripe.root = assigned.is_some_and(|a| a.root);
            stripe.parent = assigned.filter(|a| !a.root).and_then(|a| a.parent);
            stripe.standby = assigned.filter(|a| !a.root).and_then(|a| a.standby);
            if stripe.root {
                stripe.self_root = false;
                if !stripe.has_origin() {
                    self.take_from_origin(now, s);
                }
            } else if let Some(parent) = stripe.parent {
                self.approach(now, s, parent);
            } else if stripe.has_origin() {
                // Relieved of it, but there is nobody else to take it from.
                stripe.self_root = true;
            }
            if let Some(standby) = self.stripes[s].standby {
                self.connect(now, standby);
            }
        }
        self.ask_for_manifests(now);
        self.update_stream();
        self.update_active(now);
    }

    /// The tracker says that a peer has left.
    pub fn handle_gone(&mut self, now: i64, peer: PeerId) {
        let Some(n) = self.known(peer) else { return };
        if self.neighbours[n].state != State::None {
            self.emit(Output::Disconnect { peer });
        }
        self.lose(now, peer);
    }

    /// A channel is open.
    pub fn handle_peer_open(&mut self, now: i64, peer: PeerId) {
        let Some(n) = self.neighbour(peer).filter(|n| !self.neighbours[*n].banned) else {
            self.emit(Output::Disconnect { peer });
            return;
        };
        self.neighbours[n].reset(State::Open);
        self.neighbours[n].idle_since_ms = now;
        let slots = self.uplink.slots.saturating_sub(self.in_use());
        self.send(peer, Message::Hello { slots, newest: self.window.newest() });
        for s in 0..self.stripes.len() {
            for way in [Way::Source, Way::Next] {
                if self.stripes[s].link(way).is_some_and(|link| link.peer == Some(peer) && link.state == LinkState::Opening) {
                    self.subscribe(now, s, way);
                }
            }
        }
    }

    /// A channel closed, or could not be opened.
    pub fn handle_peer_close(&mut self, now: i64, peer: PeerId) {
        let Some(n) = self.known(peer) else { return };
        let neighbour = &mut self.neighbours[n];
        if neighbour.state == State::None {
            return;
        }
        if neighbour.state == State::Connecting {
            neighbour.retry_ms = now + RECONNECT_MS;
            self.tell_unreachable(peer);
        }
        self.lose(now, peer);
    }

    /// A peer said something.
    pub fn handle_message(&mut self, now: i64, peer: PeerId, message: &Message) {
        let Some(n) = self.known(peer) else { return };
        let neighbour = &mut self.neighbours[n];
        if neighbour.banned || neighbour.state != State::Open {
            return;
        }
        if matches!(message, Message::Hello { .. }) {
            neighbour.greeted = true;
            return;
        }
        if !neighbour.greeted {
            return;
        }
        match message {
            Message::Have { rendition, parts } => self.handle_have(n, *rendition, parts),
            Message::Subscribe { rendition, stripe, from, manifests } => {
                self.handle_subscribe(now, peer, *rendition, *stripe, *from, *manifests)
            }
            Message::Unsubscribe { rendition, stripe } => {
                if *rendition == self.rendition
                    && let Some(stripe) = self.stripes.get_mut(usize::from(*stripe))
                {
                    stripe.remove(peer);
                }
            }
            Message::Accept { rendition, stripe, path } => self.handle_path(now, peer, true, *rendition, *stripe, path),
            Message::Path { rendition, stripe, path } => self.handle_path(now, peer, false, *rendition, *stripe, path),
            Message::Reject { rendition, stripe, alternatives, .. } => self.handle_reject(now, peer, *rendition, *stripe, alternatives),
            Message::Request { rendition, place, slices, bits } => self.handle_request(n, *rendition, *place, *slices, bits),
            Message::Ping { nonce } => self.send(peer, Message::Pong { nonce: *nonce }),
            Message::Bye => {
                self.emit(Output::Disconnect { peer });
                self.lose(now, peer);
            }
            Message::Hello { .. } | Message::Cancel { .. } | Message::Pong { .. } => {}
        }
    }

    /// A slice came, and its hash was right (`valid`) or not.
    pub fn handle_slice(&mut self, now: i64, from: Origin, rendition: u8, place: Place, index: u16, valid: bool) {
        let peer = match from {
            Origin::Peer(peer) => Some(peer),
            Origin::Origin | Origin::Http => None,
        };
        if !valid {
            if let Some(peer) = peer {
                self.ban(now, peer);
            }
            return;
        }
        if rendition != self.rendition {
            return;
        }
        let Some(p) = self.window.find(place) else { return };
        let slices = self.window.parts[p].slices();
        if index >= slices {
            return;
        }
        if let Some(n) = peer.and_then(|peer| self.known(peer)) {
            self.neighbours[n].have.remember(place, slices, index);
            self.neighbours[n].brought = true;
            let promise = self.window.parts[p].asked.iter_mut().find(|(asked, at_ms)| Some(*asked) == peer && *at_ms >= 0);
            if let Some((_, at_ms)) = promise {
                *at_ms = -1;
                self.neighbours[n].broken_promises = 0;
            }
        }
        let s = usize::from(index) % self.stripes.len();
        let stripe = &mut self.stripes[s];
        let part = &mut self.window.parts[p];
        let bytes = part.bytes(index);
        if part.have.has(index) {
            self.stats.duplicate_bytes += bytes;
            // Somebody who still sends what comes from elsewhere now.
            if let Some(peer) = peer
                && !stripe.uses(peer)
                && !part.asked.iter().any(|(asked, _)| *asked == peer)
            {
                self.send(peer, Message::Unsubscribe { rendition, stripe: s as u8 });
            }
            return;
        }
        part.have.set(index);
        part.missing -= 1;
        if let Some(fetching) = &mut part.fetching {
            fetching[usize::from(index)] = 0;
        }
        if peer.is_none() {
            self.stats.http_bytes += bytes;
            self.report.http_bytes += bytes;
        } else {
            self.stats.p2p_bytes += bytes;
            self.report.p2p_bytes += bytes;
        }
        if from != Origin::Http
            && let Some(source) = stripe.source.as_mut().filter(|source| source.peer == peer)
        {
            source.heard_ms = Some(now);
            // What was there before the subscription comes at once, whatever the parent's distance.
            if source.owes(part) {
                stripe.add_lag(now - part.seen_ms);
            }
        }
        let complete = part.complete();
        for c in 0..self.stripes[s].children.len() {
            let child = self.stripes[s].children[c];
            if place >= child.from {
                self.push(child.peer, child.manifests, p, index);
            }
        }
        if complete {
            self.window.close(p);
            self.emit(Output::Complete { rendition, place });
        }
    }

    /// `bytes` of what was given to `peer` have not left yet.
    pub fn handle_buffered(&mut self, now: i64, peer: PeerId, bytes: u64) {
        let Some(n) = self.known(peer) else { return };
        let neighbour = &mut self.neighbours[n];
        if bytes > 0 {
            neighbour.busy_since_ms.get_or_insert(now);
            return;
        }
        let lagged = Uplink::lags(now, neighbour.busy_since_ms);
        neighbour.busy_since_ms = None;
        if lagged && self.uplink.handle_lag(now, self.in_use()) {
            self.urgent = true;
        }
    }

    /// A fetch ended; its slices were given before.
    pub fn handle_fetched(&mut self, now: i64, id: u32, ok: bool, duration_ms: i64) {
        if ok {
            self.times.add(duration_ms);
        }
        for part in &mut self.window.parts {
            let mut found = false;
            for fetching in part.fetching.iter_mut().flatten().filter(|fetching| **fetching == id) {
                *fetching = 0;
                found = true;
            }
            if found && !part.complete() {
                part.retry_ms = now + RETRY_MS;
            }
        }
    }

    /// The stripe stream from the origin opened, or broke.
    pub fn handle_stream(&mut self, now: i64, open: bool) {
        let state = if open { LinkState::Flowing } else { LinkState::Opening };
        for stripe in &mut self.stripes {
            if let Some(source) = stripe.source.as_mut().filter(|source| source.peer.is_none() && source.state != state) {
                source.state = state;
                source.since_ms = now;
            }
        }
        self.update_active(now);
    }

    /// The picture on screen has this programme time; `None`: nothing plays.
    pub fn handle_playhead(&mut self, now: i64, time_ms: Option<i64>) {
        self.offset_ms = time_ms.map(|time_ms| now - time_ms);
        if let Some(time_ms) = time_ms {
            self.playhead_ms = time_ms;
        }
    }

    /// The player waits for a part.
    pub fn handle_wanted(&mut self, now: i64, place: Place) {
        if self.needed_from.is_none_or(|from| place < from) {
            self.needed_from = Some(place);
        }
        if let Some(p) = self.window.find(place)
            && self.window.parts[p].wanted_ms < 0
        {
            self.window.parts[p].wanted_ms = now;
        }
    }

    // ---- time

    /// Time has passed: see [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: i64) {
        for s in 0..self.stripes.len() {
            self.check_links(now, s);
        }
        for p in self.window.incomplete() {
            self.check_part(now, p);
        }
        if now >= self.next_tick_ms {
            self.tick(now);
        }
        let urgent = self.urgent && now - self.reported_ms >= URGENT_MS;
        if self.sharable && (urgent || now - self.reported_ms >= REPORT_MS) {
            self.tell(now);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> i64 {
        let mut due = self.next_tick_ms;
        for stripe in &self.stripes {
            for link in [&stripe.source, &stripe.next].into_iter().flatten() {
                due = due.min(self.link_due(link));
            }
            if let Some(orphan_since_ms) = stripe.orphan_since_ms
                && self.sharable
                && self.offset_ms.is_some()
            {
                due = due.min(orphan_since_ms + SELF_ROOT_MS);
            }
        }
        for p in self.window.incomplete() {
            due = due.min(self.part_due(&self.window.parts[p]));
        }
        if self.sharable {
            due = due.min(self.reported_ms + if self.urgent { URGENT_MS } else { REPORT_MS });
        }
        due
    }

    /// What is to be done next; `None`: nothing more for now.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Numbers for whoever is curious.
    #[must_use]
    pub fn stats(&self) -> CoreStats {
        let mut parents: Vec<PeerId> = Vec::new();
        let mut depth = 0;
        for stripe in self.stripes.iter().filter(|stripe| stripe.flows()) {
            parents.extend(stripe.peer(Way::Source).filter(|peer| !parents.contains(peer)));
            depth = depth.max(stripe.path.len());
        }
        CoreStats {
            active: self.active,
            peers: self.neighbours.iter().filter(|neighbour| neighbour.state == State::Open).count() as u32,
            parents: parents.len() as u32,
            children: self.in_use(),
            slots: self.uplink.slots,
            depth: depth as u32,
            ..self.stats
        }
    }

    fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

fn fresh_report(rendition: u8, slots: u32, upload: bool) -> Report {
    Report {
        rendition,
        slots,
        upload,
        unreachable: Vec::new(),
        lost: Vec::new(),
        accused: Vec::new(),
        http_bytes: 0,
        p2p_bytes: 0,
        upload_bytes: 0,
    }
}
