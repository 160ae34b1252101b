//! The tracker: its topology, and whom it sends manifests.

use p2p_tracker::topology::{self, Facts, PeerKey};

use super::world::{Event, ORIGIN, World, id_of, index_of};
use crate::{
    core::{Assigned, Assignment, Report},
    wire::PeerId,
};

/// As the tracker has it: up to so many peers, all get manifests from it; newcomers get so many; and go on to get them so long.
const SMALL_SWARM: usize = 24;
const RECENT_MANIFESTS: u32 = 16;
const MANIFEST_GRACE_MS: i64 = 5_000;

impl World<'_> {
    pub(super) fn at_tracker(&mut self, p: u32, report: Option<Box<Report>>) {
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
    pub(super) fn track(&mut self) {
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

    pub(super) fn listens(&self, p: u32) -> bool {
        let places = &self.peers[p as usize].places;
        let is_root = places.iter().any(|(_, _, place)| *place == topology::Place::Root);
        let is_child = places.iter().any(|(_, _, place)| matches!(place, topology::Place::Child { .. }));
        self.topology.len() <= SMALL_SWARM || is_root || !is_child
    }

    /// Whether a peer gets manifests may have changed with the swarm's size.
    pub(super) fn review(&mut self, p: u32) {
        if self.peers[p as usize].in_swarm && self.peers[p as usize].told_listens != Some(self.listens(p)) {
            self.assign(p);
        }
    }

    pub(super) fn assign(&mut self, p: u32) {
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
                    topology::Place::Child { parent, standby } => {
                        (false, Some(id_of(parent.0 as u32)), standby.map(|key| id_of(key.0 as u32)))
                    }
                };
                Assigned { rendition: *rendition, stripe: *stripe, root, parent, standby }
            })
            .collect();
        self.wheel.put(self.now + owd, Event::Assign { p, assignment: Box::new(Assignment { manifests, stripes }) });
    }
}
