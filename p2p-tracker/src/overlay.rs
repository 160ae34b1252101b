//! What a broadcast's swarm has beyond WebTorrent: assignments, reports, manifests.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::address::AddressKey;
use crate::ids::PeerId;
use crate::member::Member;
use crate::protocol::{MAX_REPORTED, Message, Rejected, Report, Shoal, Source, Stripe};
use crate::swarm::{Outputs, Sender, Swarm};
use crate::topology::{self, Facts, PeerKey, Place, Topology};

/// Up to so many peers, the tracker sends every one its manifests: cheaper than waiting for a swarm to form.
pub const SMALL_SWARM: usize = 24;
/// A peer that gets manifests from its parents from now on gets them from the tracker too for so long: the time to connect.
const MANIFEST_GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether peers know how many they are, and whether they are sent manifests.
const REVIEW: Duration = Duration::from_secs(1);
/// Manifests that a newcomer gets: it has a playlist that is a round trip or two old.
const RECENT_MANIFESTS: usize = 16;
/// A manifest's bytes at most: 256 slices' hashes and a few lines.
const MAX_MANIFEST: usize = 16 * 1024;
/// Renditions of one broadcast.
const MAX_RENDITIONS: usize = 16;
/// Who was expelled stays out for so long.
const EXPULSION: Duration = Duration::from_secs(3600);
/// Expelled peers, and addresses, that are remembered.
const MAX_EXPELLED: usize = 10_000;

/// A swarm's part in all this.
pub(crate) struct Overlay {
    topology: Topology,
    /// The newest manifests of each rendition.
    recent: BTreeMap<u8, VecDeque<Box<[u8]>>>,
    /// Whom manifests are sent to.
    listeners: BTreeSet<PeerKey>,
    /// Listeners that will not be any more at that time, in order.
    fading: VecDeque<(Instant, PeerKey)>,
    pub(crate) expelled: Expelled,
    reviewed: Instant,
    was_small: bool,
}

impl Member {
    /// Whether it depends on the tracker's manifests.
    fn listens(&self, peers: usize) -> bool {
        let is_root = self.stripes.iter().any(|(_, _, place)| *place == Place::Root);
        let is_child = self.stripes.iter().any(|(_, _, place)| matches!(place, Place::Child { .. }));
        peers <= SMALL_SWARM || is_root || !is_child
    }

    /// Whether a listener is sent manifests of a rendition: in large swarms only of what it plays or is root of.
    fn wants(&self, rendition: u8, peers: usize) -> bool {
        peers <= SMALL_SWARM
            || self.rendition == rendition
            || self.stripes.iter().any(|(of, _, place)| *of == rendition && *place == Place::Root)
    }
}

/// Peers that were expelled, and their addresses.
#[derive(Default)]
pub(crate) struct Expelled {
    peers: HashMap<PeerId, Instant>,
    addresses: HashMap<AddressKey, Instant>,
}

impl Expelled {
    pub(crate) fn holds(&self, now: Instant, peer: &PeerId, address: Option<AddressKey>) -> bool {
        let until = self.peers.get(peer).max(address.and_then(|address| self.addresses.get(&address)));
        until.is_some_and(|until| now < *until)
    }

    fn insert(&mut self, now: Instant, peer: PeerId, address: Option<AddressKey>) {
        self.peers.retain(|_, until| now < *until);
        self.addresses.retain(|_, until| now < *until);
        if self.peers.len() < MAX_EXPELLED {
            self.peers.insert(peer, now + EXPULSION);
        }
        if let Some(address) = address
            && self.addresses.len() < MAX_EXPELLED
        {
            self.addresses.insert(address, now + EXPULSION);
        }
    }
}

impl Overlay {
    pub(crate) fn new(config: topology::Config, seed: u64, now: Instant) -> Self {
        Self {
            topology: Topology::new(config, seed),
            recent: BTreeMap::new(),
            listeners: BTreeSet::new(),
            fading: VecDeque::new(),
            expelled: Expelled::default(),
            reviewed: now,
            was_small: true,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        let review = self.reviewed + REVIEW;
        self.topology.poll_timeout().map_or(review, |due| due.min(review))
    }

    fn remember(&mut self, rendition: u8, manifest: &[u8]) {
        if !self.recent.contains_key(&rendition) && self.recent.len() >= MAX_RENDITIONS {
            return;
        }
        let recent = self.recent.entry(rendition).or_default();
        if recent.len() == RECENT_MANIFESTS {
            recent.pop_front();
        }
        recent.push_back(manifest.into());
    }

    /// Begins or ends sending a peer manifests; an end comes after a while.
    fn listen(&mut self, now: Instant, key: PeerKey, member: &mut Member, listens: bool) {
        if listens {
            member.fades = None;
            self.listeners.insert(key);
        } else if member.fades.is_none() && self.listeners.contains(&key) {
            let until = now + MANIFEST_GRACE;
            member.fades = Some(until);
            self.fading.push_back((until, key));
        }
    }
}

impl<C: Clone + PartialEq> Swarm<C> {
    /// A peer has come, or come again on a new connection.
    pub(crate) fn join_trees(&mut self, now: Instant, key: PeerKey, from: Sender<'_, C>, shoal: Shoal, out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        let Some(peer) = self.peers.by_key_mut(key) else { return };
        // Whatever it is told next: it has no parents yet.
        overlay.listeners.insert(key);
        for manifest in overlay.recent.get(&shoal.rendition).into_iter().flatten() {
            out.send(from.connection, &Message::Manifest { info_hash: &self.info_hash, manifest });
        }
        let Shoal { version: _, rendition, slots, upload } = shoal;
        if let Some(member) = &mut peer.member {
            // The new connection knows nothing of what the old one was told.
            member.rendition = rendition;
            member.told = None;
            let report =
                topology::Report { rendition: Some(rendition), slots: Some(slots), upload: Some(upload), ..topology::Report::default() };
            overlay.topology.report(now, key, report);
        } else {
            peer.member = Some(Box::new(Member::new(now, rendition)));
            let address = peer.address.map_or(0, AddressKey::neighbourhood);
            overlay.topology.join(now, key, Facts { rendition, slots, upload, address });
        }
        self.drain(now, Vec::new(), out);
        if self.member(key).is_some_and(|member| member.told.is_none()) {
            self.assign(now, key, out);
        }
    }

    /// A peer has left.
    pub(crate) fn leave_trees(&mut self, now: Instant, key: PeerKey, id: PeerId, out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        overlay.listeners.remove(&key);
        overlay.topology.leave(now, key);
        self.drain(now, vec![(key, id)], out);
    }

    /// Takes a report.
    pub(crate) fn report_to_trees(&mut self, now: Instant, key: PeerKey, report: &Report, out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        let peers = &self.peers;
        let keys = |ids: &[PeerId]| ids.iter().take(MAX_REPORTED).filter_map(|id| peers.key_of(id)).collect();
        let lost = |refused: bool| {
            let those = report.lost.iter().take(MAX_REPORTED).filter(move |lost| lost.refused == refused);
            those.filter_map(|lost| Some((lost.rendition, lost.stripe, peers.key_of(&lost.peer)?))).collect()
        };
        let report = topology::Report {
            rendition: report.rendition,
            slots: report.slots,
            upload: report.upload,
            unreachable: keys(&report.unreachable),
            lost: lost(false),
            refused: lost(true),
            accused: keys(&report.accused),
        };
        overlay.topology.report(now, key, report);
        self.drain(now, Vec::new(), out);
    }

    /// Passes a manifest on to those who are to get it from the tracker. One that is too long or too short for one is not.
    pub fn handle_manifest(&mut self, manifest: &[u8], out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        // Version, then the rendition.
        let Some(&rendition) = manifest.get(1).filter(|_| manifest.len() <= MAX_MANIFEST) else { return };
        overlay.remember(rendition, manifest);
        for &key in &overlay.listeners {
            if let Some((_, peer)) = self.peers.by_key(key)
                && peer.member.as_ref().is_some_and(|member| member.wants(rendition, self.peers.len()))
            {
                out.send(&peer.connection, &Message::Manifest { info_hash: &self.info_hash, manifest });
            }
        }
    }

    pub(crate) fn handle_trees_timeout(&mut self, now: Instant, out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        if overlay.topology.poll_timeout().is_some_and(|due| due <= now) {
            overlay.topology.handle_timeout(now);
            self.drain(now, Vec::new(), out);
        }
        self.review(now, out);
    }

    /// Tells peers what changed around them: how many they are, as long as they are few, and who sends them manifests.
    fn review(&mut self, now: Instant, out: &mut impl Outputs<C>) {
        let Some(overlay) = self.order.trees() else { return };
        if now.saturating_duration_since(overlay.reviewed) < REVIEW {
            return;
        }
        overlay.reviewed = now;
        while let Some((_, key)) = overlay.fading.pop_front_if(|(until, _)| *until <= now) {
            let Some(member) = self.peers.by_key_mut(key).and_then(|peer| peer.member.as_mut()) else { continue };
            if member.fades.take_if(|until| *until <= now).is_some() {
                overlay.listeners.remove(&key);
            }
        }
        let peers = self.peers.len();
        let is_small = peers <= SMALL_SWARM;
        if !is_small && !overlay.was_small {
            return;
        }
        overlay.was_small = is_small;
        for key in self.peers.keys() {
            let Some(member) = self.member(key) else { continue };
            let told = member.told.filter(|told| told.1 == member.listens(peers));
            if told.is_none_or(|told| is_small && told.0 != peers as u32) {
                self.assign(now, key, out);
            }
        }
    }

    fn member(&self, key: PeerKey) -> Option<&Member> {
        self.peers.by_key(key)?.1.member.as_deref()
    }

    /// Carries out what the topology decided. `departed` peers are not in the swarm any more.
    fn drain(&mut self, now: Instant, mut departed: Vec<(PeerKey, PeerId)>, out: &mut impl Outputs<C>) {
        while let Some(output) = self.order.trees().and_then(|overlay| overlay.topology.poll_output()) {
            match output {
                topology::Output::Assign { peer: key, stripes } => {
                    if let Some(member) = self.peers.by_key_mut(key).and_then(|peer| peer.member.as_mut()) {
                        member.stripes = stripes.into_boxed_slice();
                        self.assign(now, key, out);
                    }
                }
                topology::Output::Gone { to, peer } => {
                    let left = departed.iter().find(|(key, _)| *key == peer).map(|(_, id)| id);
                    let peer_id = left.or_else(|| self.peers.by_key(peer).map(|(id, _)| id));
                    if let (Some((_, to)), Some(peer_id)) = (self.peers.by_key(to), peer_id) {
                        out.send(&to.connection, &Message::Gone { info_hash: &self.info_hash, peer_id, offer_id: None });
                    }
                }
                topology::Output::Expel { peer } => departed.extend(self.expel(now, peer, out)),
            }
        }
    }

    /// Tells a peer all its places.
    fn assign(&mut self, now: Instant, key: PeerKey, out: &mut impl Outputs<C>) {
        let peers = self.peers.len();
        let (Some(overlay), Some(peer)) = (self.order.trees(), self.peers.by_key_mut(key)) else { return };
        let Some(member) = &mut peer.member else { return };
        let manifests = member.listens(peers);
        member.told = Some((peers as u32, manifests));
        overlay.listen(now, key, member, manifests);
        let Some((_, peer)) = self.peers.by_key(key) else { return };
        let Some(member) = &peer.member else { return };
        let id = |key: PeerKey| self.peers.by_key(key).map(|(id, _)| *id);
        let stripe = |&(rendition, stripe, place): &(u8, u8, Place)| {
            let source = match place {
                Place::Root => Source::Root,
                Place::Child { parent, standby } => Source::Parent(id(parent)?, standby.and_then(id)),
            };
            Some(Stripe { rendition, stripe, source })
        };
        let stripes: Vec<Stripe> = member.stripes.iter().filter_map(stripe).collect();
        out.send(
            &peer.connection,
            &Message::Assign { info_hash: &self.info_hash, peers: peers as u32, manifests, stripes: &stripes, neighbours: None },
        );
    }

    /// Puts a peer out, and keeps its address out too unless others are behind it.
    fn expel(&mut self, now: Instant, key: PeerKey, out: &mut impl Outputs<C>) -> Option<(PeerKey, PeerId)> {
        let (id, peer) = self.forget(key)?;
        let rejected = Rejected { action: Some("announce"), info_hash: Some(self.info_hash), reason: "expelled" };
        out.send(&peer.connection, &Message::Failure(rejected));
        let alone = peer.address.filter(|address| !self.shared(*address));
        if let Some(overlay) = self.order.trees() {
            overlay.listeners.remove(&key);
            overlay.expelled.insert(now, id, alone);
        }
        Some((key, id))
    }
}

#[cfg(test)]
mod tests;
