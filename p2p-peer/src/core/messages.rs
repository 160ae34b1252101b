//! What other peers say.

use super::{
    Core, Index, MAX_PATH, Message,
    bits::Bits,
    stripe::{Child, DETOUR_MS, LinkState, Way},
    types::HavePart,
};
use crate::wire::{PeerId, Place, message::Reason};

impl Core {
    pub(super) fn handle_have(&mut self, n: Index, rendition: u8, parts: &[HavePart]) {
        if rendition != self.rendition {
            return;
        }
        for HavePart { place, slices, bits } in parts {
            if self.window.find(*place).is_some_and(|p| self.window.parts[p].slices() == *slices) {
                self.neighbours[n].have.put(*place, *slices, bits);
            }
        }
    }

    pub(super) fn handle_subscribe(&mut self, now: i64, peer: PeerId, rendition: u8, stripe: u8, from: Place, manifests: bool) {
        let s = usize::from(stripe);
        if s >= self.stripes.len() {
            return;
        }
        let known = self.stripes[s].child(peer).is_some();
        if let Some(reason) = self.refusal(s, peer, rendition, known) {
            self.stripes[s].remove(peer);
            self.refuse(peer, stripe, reason, rendition);
            return;
        }
        let children = &mut self.stripes[s].children;
        match children.iter_mut().find(|child| child.peer == peer) {
            Some(child) => (child.from, child.manifests) = (from, manifests),
            None => children.push(Child { peer, from, manifests, since_ms: now }),
        }
        let path = self.own_path(s);
        self.send(peer, Message::Accept { rendition: self.rendition, stripe, path });
        for p in 0..self.window.parts.len() {
            let part = &self.window.parts[p];
            let place = part.place();
            if place < from {
                continue;
            }
            let slices = part.of_stripe(stripe, self.config.stripes);
            if manifests {
                self.send_manifest(peer, place);
            }
            for i in slices {
                if self.window.parts[p].have.has(i) {
                    self.push(peer, manifests, p, i);
                }
            }
        }
    }

    /// Why `peer` may not have a stripe from here; `None`: it may.
    fn refusal(&self, s: Index, peer: PeerId, rendition: u8, known: bool) -> Option<Reason> {
        let stripe = &self.stripes[s];
        if !self.sharable || rendition != self.rendition {
            return Some(Reason::NOT_SHARED);
        }
        let Some(source) = stripe.source else { return Some(Reason::NO_SOURCE) };
        if source.peer == Some(peer) || stripe.path.contains(&peer.short().0) {
            return Some(Reason::LOOP);
        }
        if stripe.path.len() + 1 >= MAX_PATH {
            return Some(Reason::TOO_DEEP);
        }
        // A little beyond what was promised, for those who come because their parent has gone.
        let slots = self.uplink.slots;
        let spare = if slots == 0 { 0 } else { (slots / 4).max(1) };
        if !known && self.in_use() >= slots + spare {
            return Some(Reason::FULL);
        }
        None
    }

    pub(super) fn handle_path(&mut self, now: i64, peer: PeerId, accept: bool, rendition: u8, stripe: u8, path: &[u32]) {
        let s = usize::from(stripe);
        if rendition != self.rendition || s >= self.stripes.len() {
            return;
        }
        let way = [Way::Next, Way::Source].into_iter().find(|way| self.stripes[s].peer(*way) == Some(peer));
        let Some((mut way, state)) =
            way.and_then(|way| Some((way, self.stripes[s].link(way)?.state))).filter(|(_, state)| *state != LinkState::Opening)
        else {
            // Too late: it was given up, or comes from elsewhere now.
            if accept {
                self.send(peer, Message::Unsubscribe { rendition, stripe });
            }
            return;
        };
        if path.contains(&self.short) || path.len() >= MAX_PATH {
            self.send(peer, Message::Unsubscribe { rendition, stripe });
            self.fail(now, s, way, false);
            return;
        }
        if accept && state == LinkState::Asked {
            if let Some(link) = self.stripes[s].link_mut(way) {
                link.state = LinkState::Flowing;
                link.since_ms = now;
            }
            if way == Way::Next {
                self.leave(s, Way::Source);
                let stripe = &mut self.stripes[s];
                stripe.source = stripe.next.take();
                stripe.self_root = false;
                way = Way::Source;
                self.update_stream();
            }
            self.stripes[s].rescues_ms.clear();
        }
        if way == Way::Source {
            self.set_path(s, path);
        }
        self.update_active(now);
    }

    pub(super) fn handle_reject(&mut self, now: i64, peer: PeerId, rendition: u8, stripe: u8, alternatives: &[PeerId]) {
        let s = usize::from(stripe);
        if rendition != self.rendition || s >= self.stripes.len() {
            return;
        }
        let Some(way) = [Way::Next, Way::Source].into_iter().find(|way| self.stripes[s].peer(*way) == Some(peer)) else { return };
        self.fail_as(now, s, way, true, true);
        let stripe = &mut self.stripes[s];
        let Some(alternative) = alternatives.first() else { return };
        if stripe.source.is_some() || now - stripe.detour_ms < DETOUR_MS {
            return;
        }
        stripe.detour_ms = now;
        self.approach(now, s, *alternative);
    }

    pub(super) fn handle_request(&mut self, n: Index, rendition: u8, place: Place, slices: u16, bits: &Bits) {
        let Some(p) = (rendition == self.rendition).then(|| self.window.find(place)).flatten() else { return };
        // Nobody who lends nothing is asked; a channel that waits gets no more.
        if self.window.parts[p].slices() != slices || self.uplink.slots == 0 || self.neighbours[n].busy_since_ms.is_some() {
            return;
        }
        let peer = self.neighbours[n].id;
        for i in 0..slices {
            if self.window.parts[p].have.has(i) && bits.has(i) {
                self.push(peer, false, p, i);
            }
        }
    }
}
