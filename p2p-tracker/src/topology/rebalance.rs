//! Making good forests better, gently: a bounded number of moves per interval, each peer at most once per pause.
//!
//! Each kind of move lowers something that the others leave alone or lower too, so a swarm that does not change comes to rest:
//! peers served (never fewer), surplus roots, depths, weak nodes above strong ones, peers that are root of several stripes.

use super::Topology;
use super::forest::{roots_for, standing_at};
use super::index::Id;

/// One in so many peers is tried per interval and kind of move...
const SHARE: usize = 32;
/// ...but at least so many, so that small swarms are quick...
const FEWEST: usize = 16;
/// ...and at most so many: with the largest swarms an interval's work stays within some 10 ms per stripe.
const MOST: usize = 1_000;
/// Failures in a row after which a kind of move is left for the next interval.
const FAILURES: usize = 16;
/// Children moved away so that their parent can serve a stripe that starves.
const UPHEAVAL: usize = 4;
/// By how much a standby must be better than the old one: having room, not sharing the parent's fate, or not lying deep is worth that.
const STANDBY_MARGIN: u32 = 100;

impl Topology {
    pub(super) fn rebalance(&mut self) {
        let renditions: Vec<(u8, usize)> = self.renditions.iter().map(|(&rendition, r)| (rendition, r.members as usize)).collect();
        for (rendition, members) in renditions {
            let budget = (members / SHARE).clamp(FEWEST, MOST);
            for stripe in 0..self.config.stripes {
                self.fill(rendition, stripe, budget);
                self.unseal(rendition, stripe, budget);
                self.recommit(rendition, stripe, budget);
                self.crown(rendition, stripe);
                self.merge(rendition, stripe, budget);
                self.depose(rendition, stripe);
                self.lift(rendition, stripe, budget);
                self.promote(rendition, stripe, budget);
                self.renew_standbys(rendition, stripe, budget);
            }
        }
    }

    /// Whether a peer may be moved without need again.
    pub(super) fn may_move(&self, id: Id) -> bool {
        let moved = self.peer(id).moved;
        moved == 0 || self.now >= moved + self.config.pause.as_millis() as u64
    }

    pub(super) fn moved(&mut self, id: Id) {
        self.moves += 1;
        self.peers[id as usize].moved = self.now.max(1);
    }

    /// Makes `parent` the node's parent without need.
    fn shift(&mut self, id: Id, parent: Id, stripe: u8) {
        self.moved(id);
        let old = self.detach(id, stripe);
        self.give(id, parent, stripe);
        if let Some(old) = old {
            self.offer(old);
        }
    }

    /// Places for those who wait: pairs that are apart, or chance, kept them from it when there was room.
    fn fill(&mut self, rendition: u8, stripe: u8, budget: usize) {
        let mut failures = 0;
        for _ in 0..budget {
            if failures == FAILURES || self.forest(rendition, stripe).open.len() == 0 {
                return;
            }
            let Some(id) = self.any(|topology| topology.waiting(rendition, stripe)) else { return };
            match self.parent_for(id, stripe) {
                Some(parent) => self.give(id, parent, stripe),
                None => {
                    self.offer(id);
                    failures += 1;
                }
            }
        }
    }

    /// While peers wait, those with room at the greatest depth, who may have no children there, start trees of their own.
    fn unseal(&mut self, rendition: u8, stripe: u8, budget: usize) {
        let bottom = standing_at(self.config.max_depth);
        for _ in 0..budget.min(self.waiting(rendition, stripe).len()).min(FAILURES) {
            let Some(id) = self.any(|topology| topology.forest(rendition, stripe).standing.bucket(bottom)) else { return };
            if self.free(id) == 0 || self.peer(id).feeds >= self.interior_limit(rendition) || !self.may_move(id) {
                continue;
            }
            self.moved(id);
            let parent = self.detach(id, stripe);
            self.set_standby(id, None, stripe);
            self.offer(id);
            if let Some(parent) = parent {
                self.offer(parent);
            }
        }
    }

    /// While peers wait for this stripe and there is room in others only, peers with room give up a stripe that can do without them.
    fn recommit(&mut self, rendition: u8, stripe: u8, budget: usize) {
        for _ in 0..budget.min(self.waiting(rendition, stripe).len()).min(FAILURES) {
            let richest = (0..self.config.stripes)
                .filter(|&other| other != stripe)
                .max_by_key(|&other| (self.forest(rendition, other).open.len(), std::cmp::Reverse(other)));
            let Some(richest) = richest else { return };
            let list = self.dice.below(usize::from(self.config.max_depth)) as u8;
            let Some(id) = self.any(|topology| topology.forest(rendition, richest).open.bucket(list)) else { continue };
            if self.openness(id, stripe).is_some() || self.peer(id).feeds < self.interior_limit(rendition) {
                continue;
            }
            let least = (0..self.config.stripes)
                .map(|other| (self.node(id, other).children.len(), other))
                .filter(|&(children, other)| (1..=UPHEAVAL).contains(&children) && self.forest(rendition, other).open.len() > 1)
                .min();
            let Some((_, least)) = least else { continue };
            for child in self.node(id, least).children.clone() {
                if self.may_move(child)
                    && let Some(parent) = self.parent_above(child, least, self.config.max_depth)
                {
                    self.moved(child);
                    self.detach(child, least);
                    self.give(child, parent, least);
                }
            }
            self.offer(id);
        }
    }

    /// A stripe with fewer roots than it should have gets another: the strongest node near the top.
    fn crown(&mut self, rendition: u8, stripe: u8) {
        let wanted = roots_for(self.renditions[&rendition].members);
        for _ in self.roots(rendition, stripe).len()..wanted {
            let Some(id) = self.candidate(rendition, stripe) else { return };
            self.moved(id);
            let parent = self.detach(id, stripe);
            self.set_standby(id, None, stripe);
            if let Some(parent) = parent {
                self.offer(parent);
            }
        }
    }

    /// The best of some who could be roots: below one now, with children, and not root of another stripe if possible.
    fn candidate(&mut self, rendition: u8, stripe: u8) -> Option<Id> {
        let sample = self.dice.sample::<32>(self.renditions[&rendition].forests[usize::from(stripe)].standing.bucket(standing_at(1)));
        let fit = sample.iter().filter(|&id| !self.node(id, stripe).children.is_empty() && self.may_move(id));
        fit.max_by_key(|&id| (std::cmp::Reverse(self.root_duties(id)), self.strength(id)))
    }

    /// A root that is much weaker than one of another tree could be gives its duty up to it.
    fn depose(&mut self, rendition: u8, stripe: u8) {
        let Some(strong) = self.candidate(rendition, stripe).filter(|&id| self.is_seasoned(id)) else { return };
        let Some(weak) = self.weakest_root(rendition, stripe) else { return };
        if self.capacity(strong) < self.capacity(weak).saturating_mul(2) || self.parent_for(weak, stripe).is_none() {
            return;
        }
        self.moved(strong);
        let parent = self.detach(strong, stripe);
        self.set_standby(strong, None, stripe);
        if let Some(below) = self.parent_for(weak, stripe) {
            self.shift(weak, below, stripe);
        }
        if let Some(parent) = parent {
            self.offer(parent);
        }
    }

    fn weakest_root(&mut self, rendition: u8, stripe: u8) -> Option<Id> {
        let sample = self.dice.sample::<8>(self.renditions[&rendition].forests[usize::from(stripe)].standing.bucket(standing_at(0)));
        sample.iter().filter(|&id| self.may_move(id)).min_by_key(|&id| self.strength(id))
    }

    fn is_seasoned(&self, id: Id) -> bool {
        self.peer(id).joined + self.config.seasoned.as_millis() as u64 <= self.now
    }

    /// Roots too many go under others, the weakest first.
    fn merge(&mut self, rendition: u8, stripe: u8, budget: usize) {
        let mut failures = 0;
        for _ in 0..budget {
            if failures == FAILURES || self.surplus_roots(rendition, stripe) == 0 {
                return;
            }
            let root = self.weakest_root(rendition, stripe);
            let parent = root.and_then(|id| self.parent_above(id, stripe, self.merging_depth().saturating_sub(self.height(id, stripe))));
            match (root, parent) {
                (Some(root), Some(parent)) => self.shift(root, parent, stripe),
                _ => failures += 1,
            }
        }
    }

    /// Nodes too deep, and nodes that keep others too deep, move up to where there is room. Within the comfortable depth a hop won is not
    /// worth a new connection.
    fn lift(&mut self, rendition: u8, stripe: u8, budget: usize) {
        let (max_depth, comfortable) = (self.config.max_depth, self.config.comfortable_depth);
        if !self.is_deep(rendition, stripe) {
            return;
        }
        let mut left = budget;
        for depth in (2..=max_depth).rev() {
            let open = &self.forest(rendition, stripe).open;
            if (0..depth - 1).all(|list| open.bucket(list).is_empty()) {
                return;
            }
            for _ in 0..left.min(self.forest(rendition, stripe).standing.bucket(standing_at(depth)).len()).min(budget / 2) {
                left -= 1;
                let Some(id) = self.any(|topology| topology.forest(rendition, stripe).standing.bucket(standing_at(depth))) else { break };
                if depth + self.height(id, stripe) <= comfortable {
                    continue;
                }
                // Its parent, if that takes others along.
                let parent = self.node(id, stripe).parent.filter(|&parent| depth > 2 && self.node(parent, stripe).children.len() > 1);
                for id in parent.into_iter().chain([id]) {
                    if self.may_move(id)
                        && let Some(parent) = self.parent_above(id, stripe, self.node(id, stripe).depth - 1)
                    {
                        self.shift(id, parent, stripe);
                        break;
                    }
                }
            }
        }
    }

    /// Whether anybody is deeper than is comfortable.
    fn is_deep(&self, rendition: u8, stripe: u8) -> bool {
        let standing = &self.forest(rendition, stripe).standing;
        (self.config.comfortable_depth + 1..=self.config.max_depth).any(|depth| !standing.bucket(standing_at(depth)).is_empty())
    }

    /// A strong peer takes the place of a weak one above it, which becomes its child: of a root, or of any if that makes a tree less deep.
    /// So do peers that are root of no stripe where one is of several.
    fn promote(&mut self, rendition: u8, stripe: u8, budget: usize) {
        let mut left = budget;
        for list in (1..self.config.max_depth).rev() {
            for _ in 0..left.min(self.forest(rendition, stripe).open.bucket(list).len()).min(budget / 2) {
                left -= 1;
                let Some(id) = self.any(|topology| topology.forest(rendition, stripe).open.bucket(list)) else { break };
                if let Some(weak) = self.weaker_above(id, stripe) {
                    self.overtake(id, weak, stripe);
                }
            }
        }
    }

    /// The highest node above a peer that it should replace, and may.
    fn weaker_above(&self, id: Id, stripe: u8) -> Option<Id> {
        if !self.may_move(id) || !self.is_seasoned(id) {
            return None;
        }
        let slots = self.capacity(id);
        let deep = self.node(id, stripe).depth + self.height(id, stripe).max(1) > self.config.comfortable_depth;
        let mut best = None;
        let mut above = self.node(id, stripe).parent;
        while let Some(other) = above {
            let node = self.node(other, stripe);
            let root = node.parent.is_none();
            let pays = ((root || deep) && slots >= self.capacity(other).saturating_mul(2))
                || (root && slots >= self.capacity(other) && self.root_duties(other) > 1 && self.root_duties(id) == 0);
            if pays && self.may_move(other) && !self.are_apart(id, other) && node.parent.is_none_or(|parent| !self.are_apart(id, parent)) {
                best = Some(other);
            }
            above = node.parent;
        }
        best.filter(|&weak| self.node(weak, stripe).depth + 1 + self.height(weak, stripe) <= self.config.max_depth)
    }

    /// `strong`, somewhere below `weak` and with a slot free, takes its place.
    fn overtake(&mut self, strong: Id, weak: Id, stripe: u8) {
        self.moved(strong);
        self.moved(weak);
        let old = self.detach(strong, stripe);
        if let Some(above) = self.detach(weak, stripe) {
            self.attach(strong, above, stripe);
        }
        self.attach(weak, strong, stripe);
        self.keep_standby(strong, stripe);
        self.keep_standby(weak, stripe);
        if let Some(old) = old {
            self.offer(old);
        }
    }

    /// Standbys for those without, and better ones for those whose standby is full by now or would fall silent with the parent.
    fn renew_standbys(&mut self, rendition: u8, stripe: u8, budget: usize) {
        for _ in 0..budget {
            let Some(id) = self.any_child(rendition, stripe) else { return };
            let height = self.height(id, stripe);
            let old = self.node(id, stripe).standby.and_then(|standby| self.standby_price(standby, id, stripe, height));
            if old.is_some_and(|price| price < STANDBY_MARGIN) {
                continue;
            }
            let new = self.standby_for(id, stripe);
            let price = new.and_then(|standby| self.standby_price(standby, id, stripe, height));
            if let Some(price) = price
                && old.is_none_or(|old| price + STANDBY_MARGIN <= old)
            {
                self.set_standby(id, new, stripe);
            }
        }
    }

    /// A node with a parent, at random.
    fn any_child(&mut self, rendition: u8, stripe: u8) -> Option<Id> {
        let standing = &self.renditions[&rendition].forests[usize::from(stripe)].standing;
        let children = |depth: u8| standing.bucket(standing_at(depth));
        let mut at = self.dice.below((1..=self.config.max_depth).map(|depth| children(depth).len()).sum());
        for depth in 1..=self.config.max_depth {
            match children(depth).get(at) {
                Some(&id) => return Some(id),
                None => at -= children(depth).len(),
            }
        }
        None
    }

    /// One of a list, at random.
    fn any(&mut self, list: impl Fn(&Self) -> &[Id]) -> Option<Id> {
        let len = list(self).len();
        let at = self.dice.below(len);
        list(self).get(at).copied()
    }
}
