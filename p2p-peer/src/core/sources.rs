//! Where stripes come from.

use super::{
    ANSWER_MS, Core, FAR, FIRST_SLICE_MS, Index, MANIFEST_STRIPES, Message, OPEN_MS, SELF_ROOT_MS, SILENT_MS, SUSPECT_MS,
    neighbour::State,
    part::Part,
    stripe::{Link, LinkState, Way},
    types::Lost,
};
use crate::wire::{PeerId, Place};

impl Core {
    /// Sets out to get a stripe from `peer`, while what flows flows on.
    pub(super) fn approach(&mut self, now: i64, s: Index, peer: PeerId) {
        if self.stripes[s].peer(Way::Source) == Some(peer) {
            self.leave(s, Way::Next);
            self.stripes[s].next = None;
            return;
        }
        if self.stripes[s].peer(Way::Next) == Some(peer) {
            return;
        }
        let Some(n) = self.neighbour(peer).filter(|n| !self.neighbours[*n].banned) else { return };
        if self.neighbours[n].state == State::None && now < self.neighbours[n].retry_ms {
            self.tell_unreachable(peer);
            return;
        }
        if self.neighbours[n].is_shunned(now) {
            self.tell_lost(s, peer, false);
            return;
        }
        self.leave(s, Way::Next);
        self.stripes[s].next = None;
        let link = Link { peer: Some(peer), state: LinkState::Opening, since_ms: now, heard_ms: None, manifests: false };
        let way = if self.stripes[s].flows() {
            self.stripes[s].next = Some(link);
            Way::Next
        } else {
            self.leave(s, Way::Source);
            self.stripes[s].source = Some(link);
            self.stripes[s].orphan_since_ms = None;
            self.set_path(s, &[]);
            Way::Source
        };
        if self.neighbours[n].state == State::Open {
            self.subscribe(now, s, way);
        } else {
            self.connect(now, peer);
        }
    }

    pub(super) fn subscribe(&mut self, now: i64, s: Index, way: Way) {
        let Some(link) = self.stripes[s].link_mut(way) else { return };
        link.state = LinkState::Asked;
        link.since_ms = now;
        let Some(peer) = link.peer else { return };
        link.manifests = !self.tracker_manifests && s < MANIFEST_STRIPES;
        let manifests = link.manifests;
        let from = self.first_missing(s);
        self.send(peer, Message::Subscribe { rendition: self.rendition, stripe: s as u8, from, manifests });
    }

    /// Where a subscription begins: the oldest part that lacks slices of the stripe which nobody fetches. What playback
    /// does not need (yet, or any more) is not worth anybody's uplink: before it takes parts from here, only what is new.
    pub(super) fn first_missing(&self, s: Index) -> Place {
        let newest = self.window.newest();
        let mut wanted = self.window.parts.iter().filter(|part| part.place() == newest || self.needed(part));
        let part = wanted.find(|part| part.unfetched(s as u8, self.config.stripes));
        part.map_or(Place(newest.0.saturating_add(1)), Part::place)
    }

    /// The tracker sends no manifests any longer: parents do.
    pub(super) fn ask_for_manifests(&mut self, now: i64) {
        if self.tracker_manifests {
            return;
        }
        for s in 0..self.stripes.len().min(MANIFEST_STRIPES) {
            let Some(link) =
                self.stripes[s].source.filter(|link| link.peer.is_some() && link.state == LinkState::Flowing && !link.manifests)
            else {
                continue;
            };
            self.subscribe(now, s, Way::Source);
            if let Some(source) = &mut self.stripes[s].source {
                source.state = LinkState::Flowing;
                source.since_ms = link.since_ms;
            }
        }
    }

    pub(super) fn take_from_origin(&mut self, now: i64, s: Index) {
        self.leave(s, Way::Source);
        self.leave(s, Way::Next);
        let stripe = &mut self.stripes[s];
        stripe.next = None;
        stripe.source = Some(Link { peer: None, state: LinkState::Opening, since_ms: now, heard_ms: None, manifests: false });
        stripe.orphan_since_ms = None;
        self.set_path(s, &[]);
    }

    /// Tells the peer of a link that nothing is wanted from it.
    pub(super) fn leave(&mut self, s: Index, way: Way) {
        let Some(link) = self.stripes[s].link(way).filter(|link| link.state != LinkState::Opening) else { return };
        if let Some(peer) = link.peer {
            self.send(peer, Message::Unsubscribe { rendition: self.rendition, stripe: s as u8 });
        }
    }

    /// A link does not work (any longer). `tell`: the tracker should know.
    pub(super) fn fail(&mut self, now: i64, s: Index, way: Way, tell: bool) {
        self.fail_as(now, s, way, tell, false);
    }

    /// As [`Core::fail`]; `refused`: the peer is there, but would not have this one.
    pub(super) fn fail_as(&mut self, now: i64, s: Index, way: Way, tell: bool, refused: bool) {
        let Some(link) = self.stripes[s].link(way).copied() else { return };
        if tell && let Some(peer) = link.peer {
            self.tell_lost(s, peer, refused);
        }
        let stripe = &mut self.stripes[s];
        if way == Way::Next {
            stripe.next = None;
            return;
        }
        let next = stripe.next.take();
        stripe.source = None;
        stripe.orphan_since_ms = Some(now);
        self.set_path(s, &[]);
        let stripe = &mut self.stripes[s];
        if let Some(mut next) = next {
            if next.state == LinkState::Flowing {
                next.state = LinkState::Asked;
            }
            stripe.source = Some(next);
            stripe.orphan_since_ms = None;
        } else if let Some(standby) = stripe.standby.filter(|standby| Some(*standby) != link.peer) {
            self.stats.failovers += 1;
            self.approach(now, s, standby);
        }
        self.update_active(now);
    }

    fn tell_lost(&mut self, s: Index, peer: PeerId, refused: bool) {
        self.report.lost.push(Lost { rendition: self.rendition, stripe: self.stripes[s].index, peer, refused });
        self.urgent = true;
    }

    /// A peer promised something and brought nothing: it is suspect, and the stripes that it promised, or was asked for, and of which
    /// nothing has come end.
    pub(super) fn give_up(&mut self, now: i64, peer: PeerId) {
        self.suspect(now, peer);
        for s in 0..self.stripes.len() {
            for way in [Way::Next, Way::Source] {
                let link = self.stripes[s].link(way);
                if link.is_some_and(|link| link.peer == Some(peer) && link.heard_ms.is_none()) {
                    self.leave(s, way);
                    self.fail(now, s, way, true);
                }
            }
        }
    }

    pub(super) fn suspect(&mut self, now: i64, peer: PeerId) {
        if let Some(n) = self.known(peer) {
            self.neighbours[n].suspect_until_ms = now + SUSPECT_MS;
        }
    }

    /// When a link that has come no further has failed. Whoever accepted has to bring something, although it may come from elsewhere too.
    pub(super) fn link_due(&self, link: &Link) -> i64 {
        match link.state {
            _ if link.peer.is_none() => FAR,
            LinkState::Opening => link.since_ms + OPEN_MS,
            LinkState::Asked => link.since_ms + ANSWER_MS,
            LinkState::Flowing if link.heard_ms.is_some() => FAR,
            // Where there is nothing new there is nothing to bring.
            LinkState::Flowing => self
                .window
                .parts
                .iter()
                .find(|part| link.owes(part))
                .map_or(FAR, |part| (link.since_ms + FIRST_SLICE_MS).max(part.seen_ms + SILENT_MS)),
        }
    }

    pub(super) fn check_links(&mut self, now: i64, s: Index) {
        for way in [Way::Next, Way::Source] {
            let Some(link) = self.stripes[s].link(way).copied() else { continue };
            let Some(peer) = link.peer else { continue };
            if now < self.link_due(&link) {
                continue;
            }
            self.suspect(now, peer);
            self.leave(s, way);
            self.fail(now, s, way, true);
            if link.state == LinkState::Flowing {
                self.give_up(now, peer);
            }
        }
        let Some(orphan_since_ms) = self.stripes[s].orphan_since_ms else { return };
        if !self.sharable || self.offset_ms.is_none() || now - orphan_since_ms < SELF_ROOT_MS {
            return;
        }
        // Nobody brings it: one long response costs the origin less than many short ones.
        self.stripes[s].self_root = true;
        self.take_from_origin(now, s);
        self.update_stream();
    }
}
