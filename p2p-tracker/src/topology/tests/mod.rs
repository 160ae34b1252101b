mod convergence;
mod invariants;
mod repair;
mod scale;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::forest::{WAITING, standing_at};
use super::*;

/// A swarm with its owner: virtual time, and what each peer was told.
pub(super) struct World {
    pub(super) topology: Topology,
    pub(super) start: Instant,
    pub(super) ms: u64,
    pub(super) told: BTreeMap<PeerKey, Vec<(u8, u8, Place)>>,
    pub(super) gone: Vec<(PeerKey, PeerKey)>,
    pub(super) expelled: Vec<PeerKey>,
    pub(super) assigns: usize,
    pub(super) dice: Dice,
}

pub(super) fn facts(slots: u16, address: u64) -> Facts {
    Facts { rendition: 0, slots, upload: true, address }
}

impl World {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        Self {
            topology: Topology::new(config, seed),
            start: Instant::now(),
            ms: 0,
            told: BTreeMap::new(),
            gone: Vec::new(),
            expelled: Vec::new(),
            assigns: 0,
            dice: Dice(seed ^ 0xabcd),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    pub(super) fn join(&mut self, key: u64, facts: Facts) {
        self.topology.join(self.now(), PeerKey(key), facts);
        self.told.entry(PeerKey(key)).or_default();
        self.drain();
    }

    pub(super) fn leave(&mut self, key: u64) {
        self.topology.leave(self.now(), PeerKey(key));
        self.told.remove(&PeerKey(key));
        self.drain();
    }

    pub(super) fn report(&mut self, key: u64, report: Report) {
        self.topology.report(self.now(), PeerKey(key), report);
        self.drain();
    }

    pub(super) fn slots(&mut self, key: u64, slots: u16) {
        self.report(key, Report { slots: Some(slots), ..Report::default() });
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.topology.poll_output() {
            match output {
                Output::Assign { peer, stripes } => {
                    self.assigns += 1;
                    let told = self.told.get_mut(&peer).expect("only peers that are there are assigned");
                    assert_ne!(*told, stripes, "an assignment must be news");
                    *told = stripes;
                }
                Output::Gone { to, peer } => {
                    assert!(self.told.contains_key(&to), "only those who are there are told");
                    self.gone.push((to, peer));
                }
                Output::Expel { peer } => {
                    self.told.remove(&peer);
                    self.expelled.push(peer);
                }
            }
        }
    }

    /// Lets time pass, with all timeouts that are due.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.ms + ms;
        while let Some(due) = self.topology.poll_timeout()
            && due <= self.start + Duration::from_millis(end)
        {
            self.ms = self.ms.max((due - self.start).as_millis() as u64);
            self.topology.handle_timeout(self.now());
            self.drain();
        }
        self.ms = end;
    }

    pub(super) fn keys(&self) -> Vec<u64> {
        self.told.keys().map(|key| key.0).collect()
    }

    pub(super) fn any(&mut self) -> u64 {
        let at = self.dice.below(self.told.len());
        self.told.keys().nth(at).expect("somebody is there").0
    }

    pub(super) fn parents(&self, key: u64) -> Vec<(u8, u8, PeerKey, Option<PeerKey>)> {
        let places = self.told.get(&PeerKey(key)).into_iter().flatten();
        places
            .filter_map(|&(rendition, stripe, place)| match place {
                Place::Child { parent, standby } => Some((rendition, stripe, parent, standby)),
                Place::Root => None,
            })
            .collect()
    }

    pub(super) fn measure(&self) -> Measure {
        let t = &self.topology;
        let mut measure = Measure::default();
        let mut depths = Vec::new();
        for &id in t.keys.values() {
            for stripe in 0..t.config.stripes {
                let node = t.node(id, stripe);
                measure.pairs += 1;
                if let Some(parent) = node.parent {
                    measure.served += 1;
                    depths.push(node.depth);
                    measure.standbys += usize::from(node.standby.is_some());
                    let room = node.standby.is_some_and(|standby| t.openness(standby, stripe).is_some());
                    measure.ready_standbys += usize::from(room);
                    let fate = node.standby.is_some_and(|standby| !t.is_below(standby, parent, stripe));
                    measure.other_fates += usize::from(fate);
                }
                measure.roots += usize::from(t.is_root(id, stripe));
            }
            let parents: Vec<Id> = (0..t.config.stripes).filter_map(|stripe| t.node(id, stripe).parent).collect();
            let distinct: BTreeSet<&Id> = parents.iter().collect();
            measure.doubled += parents.len() - distinct.len();
        }
        depths.sort_unstable();
        measure.mean_depth = depths.iter().map(|&d| f64::from(d)).sum::<f64>() / depths.len().max(1) as f64;
        measure.max_depth = depths.last().copied().unwrap_or(0);
        measure
    }

    /// All that must hold after every call.
    pub(super) fn check(&self) {
        let t = &self.topology;
        assert_eq!(t.len(), self.told.len());
        assert!(t.notices.is_empty() && t.dirty.is_empty(), "all was put out");
        assert_eq!(t.peers.len(), t.keys.len() + t.vacant.len());
        assert_eq!(t.renditions.values().map(|r| r.members as usize).sum::<usize>(), t.len());
        let mut seated: BTreeMap<(u8, u8), (usize, usize)> = BTreeMap::new();
        for (key, &id) in &t.keys {
            let peer = t.peer(id);
            assert_eq!(peer.key, *key);
            assert!(t.renditions.contains_key(&peer.rendition));
            assert_eq!(self.told[key], t.places(id), "what {key:?} was told is how it is");
            assert!(peer.apart.len() <= 32 && peer.accusers.len() <= 32 && peer.served.len() <= 32);
            let (mut carried, mut feeds) = (0, 0);
            for stripe in 0..t.config.stripes {
                let node = t.node(id, stripe);
                carried += node.children.len();
                feeds += u8::from(!node.children.is_empty());
                assert!(node.depth <= t.config.max_depth, "depth {} of {key:?}", node.depth);
                match node.parent {
                    Some(parent) => {
                        assert_eq!(t.keys.get(&t.peer(parent).key), Some(&parent), "a parent is there");
                        assert_eq!(t.peer(parent).rendition, peer.rendition);
                        assert_eq!(t.node(parent, stripe).depth + 1, node.depth, "depths add up, so there are no cycles");
                        assert_eq!(t.node(parent, stripe).children.iter().filter(|&&child| child == id).count(), 1);
                        assert!(!t.are_apart(id, parent));
                    }
                    None => assert!(node.depth == 0 && node.standby.is_none(), "no standby without parent"),
                }
                for &child in &node.children {
                    assert_eq!(t.node(child, stripe).parent, Some(id));
                }
                if let Some(standby) = node.standby {
                    assert_eq!(t.keys.get(&t.peer(standby).key), Some(&standby), "a standby is there");
                    assert_eq!(t.peer(standby).rendition, peer.rendition);
                    assert_ne!(Some(standby), node.parent);
                    assert!(!t.is_below(standby, id, stripe), "a standby lies outside the own subtree");
                    assert!(!t.are_apart(id, standby));
                    assert!(t.node(standby, stripe).wards.contains(&id));
                }
                for &ward in &node.wards {
                    assert_eq!(t.node(ward, stripe).standby, Some(id));
                }
                // The indexes say what the nodes say.
                let forest = t.forest(peer.rendition, stripe);
                let standing = if node.parent.is_none() && node.children.is_empty() { WAITING } else { standing_at(node.depth) };
                let (found_standing, found_open) = t.seats(id, stripe);
                assert_eq!(found_standing, Some(standing));
                assert_eq!(found_open, t.openness(id, stripe), "openness of {key:?} in stripe {stripe}");
                let count = seated.entry((peer.rendition, stripe)).or_insert((forest.standing.len(), forest.open.len()));
                count.0 -= 1;
                count.1 -= usize::from(found_open.is_some());
            }
            assert_eq!(carried, usize::from(peer.carried));
            assert_eq!(feeds, peer.feeds);
            assert!(peer.carried <= t.capacity(id), "{key:?} carries {} of {}", peer.carried, t.capacity(id));
            assert!(feeds <= t.interior_limit(peer.rendition), "{key:?} is interior in {feeds} stripes");
        }
        assert!(seated.values().all(|&left| left == (0, 0)), "no stale entries in the indexes");
    }
}

#[derive(Debug, Default)]
pub(super) struct Measure {
    pub(super) pairs: usize,
    pub(super) served: usize,
    pub(super) roots: usize,
    pub(super) standbys: usize,
    pub(super) ready_standbys: usize,
    /// Standbys that do not lose the stripe with the parent.
    pub(super) other_fates: usize,
    /// Parents that feed the same child in more than one stripe.
    pub(super) doubled: usize,
    pub(super) mean_depth: f64,
    pub(super) max_depth: u8,
}

impl Measure {
    pub(super) fn share(&self) -> f64 {
        self.served as f64 / self.pairs.max(1) as f64
    }
}
