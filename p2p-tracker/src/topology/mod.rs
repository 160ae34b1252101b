//! Who takes each stripe from whom: the forests of a swarm.
//!
//! Per rendition and stripe the peers form a forest. A node with a parent takes the stripe from it; a node without a parent takes it from
//! the origin, and is a **root** when it has children. A node with neither is not assigned: that stripe comes by HTTP, at the same price
//! for the origin as a root. Supply is what counts, so all that is asked of the forests is that no child slot stays free while somebody
//! could use it; roots beyond the number a swarm should have are taken under others as soon as there is room.
//!
//! Work is done where something changes: whoever gets room takes a waiting peer at once (`place`), whoever loses its parent is housed in
//! the same call (`repair`). The timer only makes good forests better, a few moves at a time, each of which lowers a measure that no
//! other raises (`rebalance`): so it comes to rest.
//!
//! A core without I/O: inputs with their time, then [`Topology::poll_output`] until it is empty, then [`Topology::poll_timeout`].

mod forest;
mod index;
mod place;
mod rebalance;
mod repair;
#[cfg(test)]
mod tests;
mod trust;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use forest::{Node, Rendition};
use index::{Dice, Id};
use trust::Trust;

/// A peer, as the owner of the topology names it. Opaque here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerKey(pub u64);

/// What a peer says of itself on joining.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The rendition it watches.
    pub rendition: u8,
    /// Child stripes it can carry in all. Starts at 1 and grows as the peer measures its uplink.
    pub slots: u16,
    /// Whether it uploads at all.
    pub upload: bool,
    /// A hash of its IP address's /24 or /56: peers behind one address fail, and lie, together.
    pub address: u64,
}

/// What a peer reports later. What is `None` or empty has not changed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The rendition it watches now.
    pub rendition: Option<u8>,
    /// Child stripes it can carry in all.
    pub slots: Option<u16>,
    /// Whether it uploads at all.
    pub upload: Option<bool>,
    /// Peers to which no connection came about.
    pub unreachable: Vec<PeerKey>,
    /// Parents that went silent, as (rendition, stripe, parent). The child has moved to its standby by itself.
    pub lost: Vec<(u8, u8, PeerKey)>,
    /// Parents that are there but refused, because they are full for one.
    pub refused: Vec<(u8, u8, PeerKey)>,
    /// Peers that sent wrong bytes.
    pub accused: Vec<PeerKey>,
}

/// A peer's place in one stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Takes the stripe from the origin and feeds others.
    Root,
    /// Takes the stripe from `parent`; from `standby` when that goes silent.
    Child {
        /// Who feeds it.
        parent: PeerKey,
        /// Who feeds it next.
        standby: Option<PeerKey>,
    },
}

/// What the owner has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The whole state of a peer, when it changed: (rendition, stripe, place). A stripe that is not named comes by HTTP.
    Assign {
        /// Whom it concerns.
        peer: PeerKey,
        /// Its places, by stripe.
        stripes: Vec<(u8, u8, Place)>,
    },
    /// `peer`, which was parent, standby or child of `to`, has left.
    Gone {
        /// Whom to tell.
        to: PeerKey,
        /// Who left.
        peer: PeerKey,
    },
    /// `peer` sent wrong bytes, say peers of enough addresses. It is no longer in the topology.
    Expel {
        /// Whom to close.
        peer: PeerKey,
    },
}

/// The rules of a swarm's forests. The default is the protocol's.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Stripes of each rendition, 1 to 32.
    pub stripes: u8,
    /// Hops from a root to the deepest peer. Each hop costs some 100 ms, and a path must fit a PATH message (16).
    pub max_depth: u8,
    /// Depth up to which nobody is moved to come higher.
    pub comfortable_depth: u8,
    /// In how many stripes a peer may have children: its loss then costs each child one stripe.
    pub interior_stripes: u8,
    /// Up to so many peers of a rendition the rule above does not hold: there are too few to spread the stripes over.
    pub tiny: u32,
    /// The most child slots believed of one peer, whatever it says: its loss concerns so many.
    pub slots_ceiling: u16,
    /// How often the forests are made better.
    pub interval: Duration,
    /// Least time between two moves of one peer that are not repairs: each makes it open a connection.
    pub pause: Duration,
    /// Age from which a peer may take the place of another: most viewers who leave do so before.
    pub seasoned: Duration,
    /// How long a peer that several children found silent stays without children the first time.
    pub bench: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stripes: 4,
            max_depth: 8,
            comfortable_depth: 3,
            interior_stripes: 2,
            tiny: 5,
            slots_ceiling: 128,
            interval: Duration::from_secs(1),
            pause: Duration::from_secs(4),
            seasoned: Duration::from_secs(10),
            bench: Duration::from_secs(60),
        }
    }
}

/// A peer in the arena. Its nodes, one for each stripe, lie beside it in [`Topology::nodes`].
#[derive(Debug)]
struct Peer {
    key: PeerKey,
    /// What it watches, and whether it is set aside ([`ASIDE`]): which forests it is in.
    rendition: u8,
    slots: u16,
    upload: bool,
    address: u64,
    /// Children in all stripes.
    carried: u16,
    /// Stripes in which it has children.
    feeds: u8,
    /// Milliseconds, as all times here.
    joined: u64,
    /// Its last move that was no repair.
    moved: u64,
    /// Without children for a while.
    benched: bool,
    /// How often that happened.
    benches: u8,
    /// Whom it must not be paired with, and until when; the other side need not have it in its own list.
    apart: VecDeque<trust::Apart>,
    /// Addresses that it was to feed, the latest ones, and those from which it is accused.
    served: Vec<u64>,
    accusers: Vec<u64>,
    /// Hash of the state last put out.
    told: u64,
    /// In the queue of those whose state may have changed.
    dirty: bool,
}

impl Peer {
    fn watches(&self) -> u8 {
        self.rendition & !ASIDE
    }

    fn is_aside(&self) -> bool {
        self.rendition & ASIDE != 0
    }
}

/// The forests of one swarm.
#[derive(Debug)]
pub struct Topology {
    config: Config,
    dice: Dice,
    /// Time zero, and the time of the input being handled.
    base: Option<Instant>,
    now: u64,
    next_rebalance: u64,
    keys: HashMap<PeerKey, Id>,
    peers: Vec<Peer>,
    vacant: Vec<Id>,
    /// The node of peer `id` in stripe `s` is `nodes[id * stripes + s]`.
    nodes: Vec<Node>,
    renditions: BTreeMap<u8, Rendition>,
    trust: Trust,
    notices: VecDeque<Output>,
    dirty: VecDeque<Id>,
    /// Moves made by choice since the beginning.
    moves: u64,
}

/// Set in the rendition of a peer that is set aside: such peers have forests of their own.
const ASIDE: u8 = 0x80;

/// Entries of one list of one report that are looked at: a peer has fewer partners than that.
const REPORTED: usize = 64;

impl Topology {
    /// An empty swarm. The same seed and inputs give the same outputs.
    pub fn new(config: Config, seed: u64) -> Self {
        let stripes = config.stripes.clamp(1, 32);
        // A parent at depth 14 and its child still fit the 16 ids of a PATH.
        let max_depth = config.max_depth.clamp(1, 15);
        Self {
            config: Config { stripes, max_depth, interior_stripes: config.interior_stripes.max(1), ..config },
            dice: Dice(seed),
            base: None,
            now: 0,
            next_rebalance: 0,
            keys: HashMap::new(),
            peers: Vec::new(),
            vacant: Vec::new(),
            nodes: Vec::new(),
            renditions: BTreeMap::new(),
            trust: Trust::default(),
            notices: VecDeque::new(),
            dirty: VecDeque::new(),
            moves: 0,
        }
    }

    /// Peers in the swarm.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A peer comes. One that is known already has its facts replaced; one that was expelled is expelled again.
    pub fn join(&mut self, now: Instant, key: PeerKey, facts: Facts) {
        self.advance(now);
        if self.trust.is_expelled(key) {
            self.notices.push_back(Output::Expel { peer: key });
            return;
        }
        if let Some(&id) = self.keys.get(&key) {
            self.peers[id as usize].address = facts.address;
            let report =
                Report { rendition: Some(facts.rendition), slots: Some(facts.slots), upload: Some(facts.upload), ..Report::default() };
            self.report(now, key, report);
            // It asks anew, so it may not know what it was told.
            self.peers[id as usize].told = 0;
            self.mark(id);
            return;
        }
        let peer = Peer {
            key,
            rendition: facts.rendition & !ASIDE,
            slots: facts.slots.min(self.config.slots_ceiling),
            upload: facts.upload,
            address: facts.address,
            carried: 0,
            feeds: 0,
            joined: self.now,
            moved: 0,
            benched: false,
            benches: 0,
            apart: VecDeque::new(),
            served: Vec::new(),
            accusers: Vec::new(),
            told: UNASSIGNED,
            dirty: false,
        };
        let id = self.admit(peer);
        self.keys.insert(key, id);
        self.settle_in(id);
        if self.keys.len() == 2 {
            self.next_rebalance = self.now + self.interval();
        }
    }

    /// A peer goes. Its children have a new place, and its partners are told, when this returns.
    pub fn leave(&mut self, now: Instant, key: PeerKey) {
        self.advance(now);
        self.remove(key);
    }

    /// A peer reports. Unknown peers, and unknown names in the report, are ignored.
    pub fn report(&mut self, now: Instant, key: PeerKey, report: Report) {
        self.advance(now);
        let Some(&id) = self.keys.get(&key) else { return };
        self.set_capacity(id, report.slots, report.upload);
        let aside = self.peer(id).rendition & ASIDE;
        if let Some(rendition) = report.rendition.map(|rendition| rendition & !ASIDE | aside)
            && rendition != self.peer(id).rendition
        {
            self.change_rendition(id, rendition);
        }
        for other in report.unreachable.into_iter().take(REPORTED) {
            self.part(id, other);
        }
        for (rendition, stripe, parent) in report.lost.into_iter().take(REPORTED) {
            self.lost(id, rendition, stripe, parent);
        }
        for (rendition, stripe, parent) in report.refused.into_iter().take(REPORTED) {
            self.refused(id, rendition, stripe, parent);
        }
        for other in report.accused.into_iter().take(REPORTED) {
            self.accuse(id, other);
        }
    }

    /// Makes the forests better and lets time pass. To be called when [`Topology::poll_timeout`] is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if self.now < self.next_rebalance {
            return;
        }
        self.next_rebalance = self.now + self.interval();
        self.judge();
        self.rebalance();
    }

    /// When [`Topology::handle_timeout`] is due. Nothing is while nobody could feed anybody.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let base = self.base?;
        (self.keys.len() >= 2).then(|| base + Duration::from_millis(self.next_rebalance))
    }

    /// What is to be done next: departures first, then the states that changed.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(notice) = self.notices.pop_front() {
            return Some(notice);
        }
        while let Some(id) = self.dirty.pop_front() {
            let peer = &mut self.peers[id as usize];
            if !std::mem::take(&mut peer.dirty) {
                continue;
            }
            let stripes = self.places(id);
            let mut hasher = std::hash::DefaultHasher::new();
            stripes.hash(&mut hasher);
            let state = if stripes.is_empty() { UNASSIGNED } else { hasher.finish() };
            let peer = &mut self.peers[id as usize];
            if peer.told != state {
                peer.told = state;
                return Some(Output::Assign { peer: peer.key, stripes });
            }
        }
        None
    }

    /// Moves made by choice, not as repairs, since the beginning.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    fn places(&self, id: Id) -> Vec<(u8, u8, Place)> {
        let rendition = self.peer(id).watches();
        let key = |id: Id| self.peers[id as usize].key;
        (0..self.config.stripes)
            .filter_map(|stripe| {
                let node = self.node(id, stripe);
                let place = match node.parent {
                    Some(parent) => Place::Child { parent: key(parent), standby: node.standby.map(key) },
                    None if !node.children.is_empty() => Place::Root,
                    None => return None,
                };
                Some((rendition, stripe, place))
            })
            .collect()
    }

    fn mark(&mut self, id: Id) {
        let peer = &mut self.peers[id as usize];
        if !std::mem::replace(&mut peer.dirty, true) {
            self.dirty.push_back(id);
        }
    }

    /// Time never runs backwards here, whatever the caller's clock does.
    fn advance(&mut self, now: Instant) {
        let base = *self.base.get_or_insert(now);
        self.now = self.now.max(now.saturating_duration_since(base).as_millis() as u64);
    }

    fn interval(&self) -> u64 {
        self.config.interval.as_millis() as u64
    }
}

/// The state of a peer without places, which is what a peer that was told nothing has.
const UNASSIGNED: u64 = 1;
