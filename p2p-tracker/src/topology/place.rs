//! Choosing: a parent for a node, nodes for a free slot, a standby.
//!
//! All choices look at a few candidates at random and take the best of them: that costs the same in a swarm of ten and of a million, and
//! spreads load without counting it.

use super::Topology;
use super::forest::{WAITING, standing_at};
use super::index::{Id, Sample};

/// Candidates looked at in one list.
const SAMPLE: usize = 8;
/// Children given to one peer in one go; more slots than that fill at the next occasion.
const OFFERED: usize = 128;
/// Peers that may count on one standby: it could hardly take more at once.
const WARDS: usize = 16;
/// Depths at which a standby with room is looked for: a deeper one is slower, and the shallowest may all be of one tree.
const STANDBY_LISTS: usize = 3;

/// Costs that decide between candidates, the greatest concern first.
mod cost {
    /// It is a parent of the same child already: its loss would cost two stripes.
    pub(super) const SAME_PEER: u32 = 64;
    /// It shares the child's address: the pair may not reach each other, and fails together.
    pub(super) const SAME_ADDRESS: u32 = 16;
    /// It shares the address of another parent of the child.
    pub(super) const SHARED_ADDRESS: u32 = 4;
    /// It would have to open a second stripe for this.
    pub(super) const SECOND_STRIPE: u32 = 8;
    /// It would have to open its first one.
    pub(super) const FIRST_STRIPE: u32 = 6;
    /// Most that plenty of free slots can make up for.
    pub(super) const ROOM: u32 = 5;
}

impl Topology {
    /// Whether `parent` may take `child`, whose subtree has this height, now.
    pub(super) fn can_take(&self, parent: Id, child: Id, stripe: u8, height: u8) -> bool {
        parent != child
            && self.node(child, stripe).parent != Some(parent)
            && self.openness(parent, stripe).is_some()
            && self.node(parent, stripe).depth + 1 + height <= self.config.max_depth
            && !self.are_apart(parent, child)
            && (self.node(child, stripe).children.is_empty() || !self.is_below(parent, child, stripe))
    }

    /// The shallowest parent with room for the child, which may have one already. Those outside the trees, who become roots by it, come
    /// last.
    pub(super) fn parent_for(&mut self, child: Id, stripe: u8) -> Option<Id> {
        self.parent_above(child, stripe, self.config.max_depth + 1)
    }

    /// The same among the first lists of [`super::forest::Forest::open`]: parents less deep than `depth`.
    pub(super) fn parent_above(&mut self, child: Id, stripe: u8, depth: u8) -> Option<Id> {
        let rendition = self.peer(child).rendition;
        let height = self.height(child, stripe);
        for list in 0..depth {
            let open = &self.renditions[&rendition].forests[usize::from(stripe)].open;
            let sample = self.dice.sample::<SAMPLE>(open.bucket(list));
            let best = sample.iter().filter(|&id| self.can_take(id, child, stripe, height)).min_by_key(|&id| self.price(id, child, stripe));
            if best.is_some() {
                return best;
            }
        }
        None
    }

    /// How little one likes `parent` for `child`.
    fn price(&self, parent: Id, child: Id, stripe: u8) -> u32 {
        let (peer, node) = (self.peer(parent), self.node(parent, stripe));
        let mut price = cost::ROOM - u32::from(self.free(parent)).min(cost::ROOM) + self.unlikeliness(parent, child);
        if node.children.is_empty() {
            price += if peer.feeds == 0 { cost::FIRST_STRIPE } else { cost::SECOND_STRIPE };
        }
        if peer.address == self.peer(child).address {
            price += cost::SAME_ADDRESS;
        }
        for other in (0..self.config.stripes).filter(|&other| other != stripe).filter_map(|other| self.node(child, other).parent) {
            if other == parent {
                price += cost::SAME_PEER;
            } else if self.peer(other).address == peer.address {
                price += cost::SHARED_ADDRESS;
            }
        }
        price
    }

    /// Attaches and looks after the standbys.
    pub(super) fn give(&mut self, child: Id, parent: Id, stripe: u8) {
        self.attach(child, parent, stripe);
        self.keep_standby(child, stripe);
    }

    /// Finds places for a peer that has none, and children for its slots.
    pub(super) fn settle_in(&mut self, id: Id) {
        // Not always stripe 0 first: it would take the best of all supply.
        let stripes = self.config.stripes;
        let first = self.dice.below(usize::from(stripes)) as u8;
        for stripe in (first..stripes).chain(0..first) {
            // Others may have given it a place already: a swarm that is tiny no more shares its stripes anew.
            if self.node(id, stripe).parent.is_none()
                && let Some(parent) = self.parent_for(id, stripe)
            {
                self.give(id, parent, stripe);
            }
        }
        self.offer(id);
    }

    /// Gives the free slots of a peer to those who wait, where most do.
    pub(super) fn offer(&mut self, id: Id) {
        let rendition = self.peer(id).rendition;
        let mut tried = 0u32;
        for _ in 0..OFFERED {
            if self.free(id) == 0 {
                return;
            }
            let starved = (0..self.config.stripes)
                .filter(|&stripe| tried & (1 << stripe) == 0 && self.openness(id, stripe).is_some())
                .map(|stripe| (self.waiting(rendition, stripe).len() + self.surplus_roots(rendition, stripe), stripe))
                .max_by_key(|&(count, stripe)| (count, !self.node(id, stripe).children.is_empty(), std::cmp::Reverse(stripe)));
            let Some((1.., stripe)) = starved else { return };
            match self.child_for(id, stripe) {
                Some(child) => self.give(child, id, stripe),
                None => tried |= 1 << stripe,
            }
        }
    }

    /// Somebody who waits and whom `parent` can take: first those outside, who lose nothing by it, then the weakest root too many.
    fn child_for(&mut self, parent: Id, stripe: u8) -> Option<Id> {
        let rendition = self.peer(parent).rendition;
        let waiting = &self.renditions[&rendition].forests[usize::from(stripe)].standing;
        let sample = self.dice.sample::<SAMPLE>(waiting.bucket(WAITING));
        let best = sample.iter().filter(|&id| self.can_take(parent, id, stripe, 0)).min_by_key(|&id| self.price(parent, id, stripe));
        if best.is_some() || self.surplus_roots(rendition, stripe) == 0 {
            return best;
        }
        let sample = self.dice.sample::<SAMPLE>(self.renditions[&rendition].forests[usize::from(stripe)].standing.bucket(standing_at(0)));
        let child = sample
            .iter()
            .filter(|&id| {
                let height = self.height(id, stripe);
                self.may_move(id)
                    && self.node(parent, stripe).depth + 1 + height <= self.merging_depth()
                    && self.can_take(parent, id, stripe, height)
            })
            .min_by_key(|&id| self.strength(id))?;
        self.moved(child);
        Some(child)
    }

    /// How deep a tree may become when a root too many goes under another: what it spares the origin is not worth more delay than that.
    pub(super) fn merging_depth(&self) -> u8 {
        self.config.max_depth.min(self.config.comfortable_depth + 2)
    }

    /// What makes a good root or interior node: slots, then age.
    pub(super) fn strength(&self, id: Id) -> (u16, std::cmp::Reverse<u64>) {
        (self.capacity(id), std::cmp::Reverse(self.peer(id).joined))
    }

    /// Makes sure that a node's standby is a good one: none without parent, and not the parent or somebody below the node.
    pub(super) fn keep_standby(&mut self, id: Id, stripe: u8) {
        let node = self.node(id, stripe);
        let keep = match (node.parent, node.standby) {
            (Some(parent), Some(standby)) => standby != parent && !self.is_below(standby, id, stripe) && !self.are_apart(standby, id),
            (None, None) => true,
            _ => false,
        };
        if !keep {
            self.choose_standby(id, stripe);
        }
    }

    /// Gives a node another standby, or none where it has no parent.
    pub(super) fn choose_standby(&mut self, id: Id, stripe: u8) {
        let best = self.standby_for(id, stripe);
        self.set_standby(id, best, stripe);
    }

    pub(super) fn set_standby(&mut self, id: Id, standby: Option<Id>, stripe: u8) {
        let old = std::mem::replace(&mut self.node_mut(id, stripe).standby, standby);
        if old == standby {
            return;
        }
        if let Some(old) = old {
            let wards = &mut self.node_mut(old, stripe).wards;
            if let Some(at) = wards.iter().position(|&ward| ward == id) {
                wards.swap_remove(at);
            }
        }
        if let Some(new) = standby {
            self.node_mut(new, stripe).wards.push(id);
        }
        self.mark(id);
    }

    /// The best of some who could be a node's standby: with room if anybody has, elsewhere in the forest, little asked for.
    pub(super) fn standby_for(&mut self, id: Id, stripe: u8) -> Option<Id> {
        self.node(id, stripe).parent?;
        let height = self.height(id, stripe);
        let rendition = self.peer(id).rendition;
        let mut best = None;
        let mut lists = 0;
        for list in 0..=self.config.max_depth {
            let open = self.renditions[&rendition].forests[usize::from(stripe)].open.bucket(list);
            if open.is_empty() {
                continue;
            }
            let sample = self.dice.sample::<SAMPLE>(open);
            best = self.better_standby(best, &sample, id, stripe, height);
            lists += 1;
            if lists == STANDBY_LISTS || best.is_some_and(|(price, _)| price < standby_cost::SAME_PEER) {
                break;
            }
        }
        if best.is_none_or(|(price, _)| price >= standby_cost::NO_ROOM) {
            for depth in 0..self.config.max_depth {
                let standing = self.renditions[&rendition].forests[usize::from(stripe)].standing.bucket(standing_at(depth));
                let sample = self.dice.sample::<SAMPLE>(standing);
                best = self.better_standby(best, &sample, id, stripe, height);
                if best.is_some() {
                    break;
                }
            }
        }
        best.map(|(_, id)| id)
    }

    /// The better of `best` and those of a sample.
    fn better_standby(&self, best: Option<(u32, Id)>, sample: &Sample<SAMPLE>, id: Id, stripe: u8, height: u8) -> Option<(u32, Id)> {
        sample.iter().filter_map(|other| Some((self.standby_price(other, id, stripe, height)?, other))).chain(best).min()
    }

    /// How little one likes `other` for a standby of `id`, whose subtree has this height; `None` when it cannot be.
    pub(super) fn standby_price(&self, other: Id, id: Id, stripe: u8, height: u8) -> Option<u32> {
        let parent = self.node(id, stripe).parent?;
        let node = self.node(other, stripe);
        let fits = other != id
            && other != parent
            && self.capacity(other) > 0
            && (node.wards.len() < WARDS || node.wards.contains(&id))
            && node.depth < self.config.max_depth
            && !self.are_apart(other, id)
            && !self.is_below(other, id, stripe);
        if !fits {
            return None;
        }
        let room = u32::from(self.free(other)).min(standby_cost::ROOM);
        let mut price = node.wards.len() as u32 * 2 + u32::from(node.depth) + 2 * (standby_cost::ROOM - room);
        price += self.unlikeliness(other, id);
        if self.openness(other, stripe).is_none() {
            price += standby_cost::NO_ROOM;
        }
        if self.is_below(other, parent, stripe) {
            price += standby_cost::SAME_FATE;
        }
        if node.depth + 1 + height > self.config.comfortable_depth {
            price += standby_cost::DEEP;
        }
        let address = self.peer(other).address;
        if address == self.peer(id).address || address == self.peer(parent).address {
            price += standby_cost::SAME_ADDRESS;
        }
        if (0..self.config.stripes).any(|stripe| self.node(id, stripe).parent == Some(other)) {
            price += standby_cost::SAME_PEER;
        }
        Some(price)
    }
}

mod standby_cost {
    /// Free slots beyond so many make no difference. The last ones are soon taken.
    pub(super) const ROOM: u32 = 8;
    /// It could not take the node now.
    pub(super) const NO_ROOM: u32 = 1024;
    /// It loses the stripe together with the node.
    pub(super) const SAME_FATE: u32 = 256;
    /// The node, or those below it, would come to lie deep and have to be moved again.
    pub(super) const DEEP: u32 = 128;
    /// It shares the address of the node or of its parent.
    pub(super) const SAME_ADDRESS: u32 = 32;
    /// It is a parent of the node in another stripe.
    pub(super) const SAME_PEER: u32 = 16;
}
