//! Where one stripe comes from, and who takes it from here.

use super::part::Part;
use crate::wire::{PeerId, Place};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    /// No channel yet.
    Opening,
    /// SUBSCRIBE was sent.
    Asked,
    /// Accepted.
    Flowing,
}

/// A way to get a stripe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// `None`: the origin.
    pub peer: Option<PeerId>,
    pub state: LinkState,
    pub since_ms: i64,
    /// A slice came by it last; `None`: none has.
    pub heard_ms: Option<i64>,
    /// Asked to send manifests too.
    pub manifests: bool,
}

impl Link {
    /// Whether a part became known while the link was there: what was there before cannot come by it.
    pub fn owes(&self, part: &Part) -> bool {
        part.seen_ms >= self.since_ms
    }
}

/// Which of a stripe's two links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Source,
    Next,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Child {
    pub peer: PeerId,
    pub from: Place,
    pub manifests: bool,
    pub since_ms: i64,
}

/// Peers that refuse may point at each other: their advice is taken once in this time.
pub(super) const DETOUR_MS: i64 = 1_000;

#[derive(Debug)]
pub(super) struct Stripe {
    pub index: u8,
    /// Where it comes from now.
    pub source: Option<Link>,
    /// What is being tried to replace it, while it still flows.
    pub next: Option<Link>,
    /// As the tracker wishes.
    pub root: bool,
    pub parent: Option<PeerId>,
    pub standby: Option<PeerId>,
    /// Root by its own decision: nobody else brings it.
    pub self_root: bool,
    /// Without any source since; `None` while there is one.
    pub orphan_since_ms: Option<i64>,
    /// Short ids from the root to the parent; empty: not known, or the origin is the source.
    pub path: Vec<u32>,
    pub children: Vec<Child>,
    /// How long after a part's manifest its slices come, smoothed, times 8.
    lag8_ms: i64,
    /// Last went where somebody who refused it had pointed.
    pub detour_ms: i64,
    /// Moments at which HTTP had to help out, newest last.
    pub rescues_ms: Vec<i64>,
}

impl Stripe {
    pub(super) fn new(index: u8) -> Self {
        Self {
            index,
            source: None,
            next: None,
            root: false,
            parent: None,
            standby: None,
            self_root: false,
            orphan_since_ms: Some(0),
            path: Vec::new(),
            children: Vec::new(),
            lag8_ms: 0,
            detour_ms: -DETOUR_MS,
            rescues_ms: Vec::new(),
        }
    }

    pub(super) fn link(&self, way: Way) -> Option<&Link> {
        match way {
            Way::Source => self.source.as_ref(),
            Way::Next => self.next.as_ref(),
        }
    }

    pub(super) fn link_mut(&mut self, way: Way) -> Option<&mut Link> {
        match way {
            Way::Source => self.source.as_mut(),
            Way::Next => self.next.as_mut(),
        }
    }

    pub(super) fn peer(&self, way: Way) -> Option<PeerId> {
        self.link(way).and_then(|link| link.peer)
    }

    pub(super) fn flows(&self) -> bool {
        self.source.is_some_and(|link| link.state == LinkState::Flowing)
    }

    pub(super) fn has_origin(&self) -> bool {
        self.source.is_some_and(|link| link.peer.is_none())
    }

    pub(super) fn child(&self, peer: PeerId) -> Option<&Child> {
        self.children.iter().find(|child| child.peer == peer)
    }

    /// Whether `peer` is, or is to become, where this stripe comes from.
    pub(super) fn uses(&self, peer: PeerId) -> bool {
        self.peer(Way::Source) == Some(peer) || self.peer(Way::Next) == Some(peer)
    }

    pub(super) fn add_lag(&mut self, lag_ms: i64) {
        let before = self.lag8_ms.div_euclid(8);
        self.lag8_ms += lag_ms - before;
    }

    pub(super) fn lag_ms(&self) -> i64 {
        self.lag8_ms.div_euclid(8)
    }

    pub(super) fn remove(&mut self, peer: PeerId) {
        if let Some(at) = self.children.iter().position(|child| child.peer == peer) {
            self.children.remove(at);
        }
    }
}
