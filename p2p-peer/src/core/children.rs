//! What is passed on, and to whom.

use super::{Core, Index, Message, Output, neighbour::State};
use crate::wire::{PeerId, Place, message::Reason};

impl Core {
    pub(super) fn push(&mut self, peer: PeerId, manifests: bool, p: Index, index: u16) {
        let Some(n) = self.known(peer) else { return };
        let part = &self.window.parts[p];
        let (place, slices, bytes) = (part.place(), part.slices(), part.bytes(index));
        let neighbour = &self.neighbours[n];
        if neighbour.state != State::Open || neighbour.have.has(place, index) || neighbour.sent.has(place, index) {
            return;
        }
        if manifests {
            self.send_manifest(peer, place);
        }
        self.neighbours[n].sent.remember(place, slices, index);
        self.stats.upload_bytes += bytes;
        self.report.upload_bytes += bytes;
        self.emit(Output::Push { peer, rendition: self.rendition, place, index });
    }

    pub(super) fn send_manifest(&mut self, peer: PeerId, place: Place) {
        let Some(n) = self.known(peer) else { return };
        let neighbour = &mut self.neighbours[n];
        if neighbour.state != State::Open || neighbour.manifests.iter().rev().any(|known| *known == place) {
            return;
        }
        neighbour.manifests.push(place);
        self.emit(Output::Manifest { peer, rendition: self.rendition, place });
    }

    pub(super) fn manifest_takers(&self) -> Vec<PeerId> {
        let mut takers = Vec::new();
        for child in self.stripes.iter().flat_map(|stripe| &stripe.children) {
            if child.manifests && !takers.contains(&child.peer) {
                takers.push(child.peer);
            }
        }
        takers
    }

    pub(super) fn refuse(&mut self, peer: PeerId, stripe: u8, reason: Reason, rendition: u8) {
        let children =
            self.stripes.get(usize::from(stripe)).filter(|_| reason != Reason::NOT_SHARED).map_or(&[][..], |stripe| &stripe.children);
        let alternatives = children.iter().map(|child| child.peer).filter(|child| *child != peer).take(2).collect();
        self.send(peer, Message::Reject { rendition, stripe, reason: reason.0, alternatives });
    }

    pub(super) fn in_use(&self) -> u32 {
        self.stripes.iter().map(|stripe| stripe.children.len() as u32).sum()
    }

    pub(super) fn own_path(&self, s: Index) -> Vec<u32> {
        let mut path = self.stripes[s].path.clone();
        path.push(self.short);
        path
    }

    pub(super) fn set_path(&mut self, s: Index, path: &[u32]) {
        if self.stripes[s].path == path {
            return;
        }
        self.stripes[s].path = path.to_vec();
        for c in 0..self.stripes[s].children.len() {
            let peer = self.stripes[s].children[c].peer;
            let path = self.own_path(s);
            self.send(peer, Message::Path { rendition: self.rendition, stripe: s as u8, path });
        }
    }
}
