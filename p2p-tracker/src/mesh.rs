//! What a video's swarm has beyond WebTorrent: each peer is told some others at random, and all else is between them
//! (docs/swarm-protocol.md, "Videos that do not change any more").

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::index;

use crate::ids::PeerId;
use crate::member::Member;
use crate::overlay::SMALL_SWARM;
use crate::peers::Peers;
use crate::protocol::{Message, Report, Shoal};
use crate::swarm::{Order, Outputs, Swarm};
use crate::topology::PeerKey;

/// Peers that one is told at once.
const NEIGHBOURS: usize = 12;
/// A peer with fewer connections is told others...
const FEW: u16 = 6;
/// ...but no sooner after the last time.
const REDRAW: Duration = Duration::from_secs(10);
/// How long after the first change of a small swarm its peers are told of it, and of those that followed.
const REVIEW: Duration = Duration::from_secs(1);

/// A swarm's part in this.
#[derive(Default)]
pub(crate) struct Mesh {
    /// Who plays each rendition, in no order.
    audiences: BTreeMap<u8, Vec<PeerKey>>,
    /// What a peer plays, and where it stands in that audience.
    playing: HashMap<PeerKey, (u8, usize)>,
    /// When the peers are to be told that they are more or fewer.
    pub(crate) review: Option<Instant>,
}

impl Mesh {
    /// A peer plays this from now on.
    fn play(&mut self, key: PeerKey, rendition: u8) {
        if self.playing.get(&key).is_some_and(|(now, _)| *now == rendition) {
            return;
        }
        self.leave(key);
        let audience = self.audiences.entry(rendition).or_default();
        self.playing.insert(key, (rendition, audience.len()));
        audience.push(key);
    }

    fn leave(&mut self, key: PeerKey) {
        let Some((rendition, position)) = self.playing.remove(&key) else { return };
        let Some(audience) = self.audiences.get_mut(&rendition) else { return };
        audience.swap_remove(position);
        match audience.get(position) {
            Some(moved) => {
                self.playing.insert(*moved, (rendition, position));
            }
            None if audience.is_empty() => {
                self.audiences.remove(&rendition);
            }
            None => {}
        }
    }

    fn change(&mut self, now: Instant) {
        self.review.get_or_insert(now + REVIEW);
    }

    /// Others for a peer: first of those that play the same, then of all. Takes the same time however many there are.
    fn draw<P>(&self, key: PeerKey, peers: &Peers<P>, random: &mut impl Rng) -> Vec<PeerKey> {
        let audience = self.playing.get(&key).and_then(|(rendition, _)| self.audiences.get(rendition)).map_or(&[][..], Vec::as_slice);
        // One more: the peer is in it itself.
        let alike = index::sample(random, audience.len(), audience.len().min(NEIGHBOURS + 1));
        let mut drawn: Vec<_> = alike.into_iter().map(|index| audience[index]).filter(|other| *other != key).collect();
        drawn.truncate(NEIGHBOURS);
        if drawn.len() < NEIGHBOURS {
            // Enough for those among them that are drawn already.
            let (others, found) = peers.choose::<{ 2 * NEIGHBOURS }>(2 * NEIGHBOURS, key, random);
            for other in &others[..found] {
                if drawn.len() < NEIGHBOURS && !drawn.contains(other) {
                    drawn.push(*other);
                }
            }
        }
        drawn
    }
}

impl<C: Clone + PartialEq> Swarm<C> {
    /// A peer has come, or come again on a new connection.
    pub(crate) fn join_mesh(&mut self, now: Instant, key: PeerKey, shoal: Shoal, out: &mut impl Outputs<C>) {
        let (Order::Mesh(mesh), Some(peer)) = (&mut self.order, self.peers.by_key_mut(key)) else { return };
        let member = peer.member.get_or_insert_with(|| Box::new(Member::new(now, shoal.rendition)));
        member.rendition = shoal.rendition;
        mesh.play(key, shoal.rendition);
        mesh.change(now);
        self.introduce(key, out);
    }

    /// A peer has left. Its neighbours notice by themselves.
    pub(crate) fn leave_mesh(&mut self, now: Instant, key: PeerKey) {
        let Order::Mesh(mesh) = &mut self.order else { return };
        mesh.leave(key);
        mesh.change(now);
    }

    /// Takes a report.
    pub(crate) fn report_to_mesh(&mut self, now: Instant, key: PeerKey, report: &Report, out: &mut impl Outputs<C>) {
        let (Order::Mesh(mesh), Some(peer)) = (&mut self.order, self.peers.by_key_mut(key)) else { return };
        let Some(member) = &mut peer.member else { return };
        mesh.play(key, member.rendition);
        let is_lonely = report.neighbours.is_some_and(|neighbours| neighbours < FEW);
        if is_lonely && member.drawn.is_none_or(|drawn| now.saturating_duration_since(drawn) >= REDRAW) {
            member.drawn = Some(now);
            self.introduce(key, out);
        }
    }

    /// Tells the peers of a small swarm how many they are now, and whom they do not know yet.
    pub(crate) fn handle_mesh_timeout(&mut self, now: Instant, out: &mut impl Outputs<C>) {
        let Order::Mesh(mesh) = &mut self.order else { return };
        if mesh.review.take_if(|due| *due <= now).is_none() || self.peers.len() > SMALL_SWARM {
            return;
        }
        for key in self.peers.keys() {
            let told = self.peers.by_key(key).and_then(|(_, peer)| peer.member.as_ref()?.told);
            if told.is_none_or(|(peers, _)| peers as usize != self.peers.len()) {
                self.introduce(key, out);
            }
        }
    }

    /// Names a peer others.
    fn introduce(&mut self, key: PeerKey, out: &mut impl Outputs<C>) {
        let Order::Mesh(mesh) = &self.order else { return };
        let peers = self.peers.len() as u32;
        let drawn = mesh.draw(key, &self.peers, &mut self.random);
        let neighbours: Vec<PeerId> = drawn.into_iter().filter_map(|other| self.peers.by_key(other).map(|(id, _)| *id)).collect();
        let Some(peer) = self.peers.by_key_mut(key) else { return };
        if let Some(member) = &mut peer.member {
            member.told = Some((peers, false));
        }
        let info_hash = &self.info_hash;
        let assign = Message::Assign { info_hash, peers, manifests: false, stripes: &[], neighbours: Some(&neighbours) };
        out.send(&peer.connection, &assign);
    }
}

#[cfg(test)]
mod tests;
