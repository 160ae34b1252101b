//! The state of the forests, and the few operations that change it: all keep depths, counts and indexes right.

use super::index::{Buckets, Id, Seat};
use super::{Peer, Topology};

/// A peer in one stripe.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) parent: Option<Id>,
    pub(super) standby: Option<Id>,
    /// In the order in which they came.
    pub(super) children: Vec<Id>,
    /// Whose standby it is.
    pub(super) wards: Vec<Id>,
    /// Hops from the root; 0 without parent.
    pub(super) depth: u8,
    /// When its parent last changed, milliseconds.
    pub(super) placed: u64,
    /// Its seat in [`Forest::standing`].
    standing: Option<Seat>,
    /// Its seat in [`Forest::open`].
    open: Option<Seat>,
}

/// The peers of one rendition and stripe, as they are looked for.
#[derive(Debug)]
pub(super) struct Forest {
    /// All of them: those without parent and children in [`WAITING`], others at [`standing_at`] their depth.
    pub(super) standing: Buckets,
    /// Those that may take a child, by depth; in the last list those not in a tree themselves: they would become roots.
    pub(super) open: Buckets,
}

/// List of [`Forest::standing`] of peers with neither parent nor children.
pub(super) const WAITING: u8 = 0;

/// List of [`Forest::standing`] of the peers of a tree at this depth: the roots at 0.
pub(super) const fn standing_at(depth: u8) -> u8 {
    depth + 1
}

#[derive(Debug)]
pub(super) struct Rendition {
    pub(super) members: u32,
    pub(super) forests: Vec<Forest>,
}

impl Rendition {
    fn new(stripes: u8, max_depth: u8) -> Self {
        let forest = || Forest { standing: Buckets::new(usize::from(max_depth) + 2), open: Buckets::new(usize::from(max_depth) + 1) };
        Self { members: 0, forests: (0..stripes).map(|_| forest()).collect() }
    }
}

/// Roots a stripe should have: few for the origin's sake, and enough that the loss of one concerns few.
pub(super) fn roots_for(members: u32) -> usize {
    match members {
        0..=15 => 1,
        16..=100 => 2,
        _ => (members as usize / 100).max(3),
    }
}

impl Topology {
    fn at(&self, id: Id, stripe: u8) -> usize {
        id as usize * usize::from(self.config.stripes) + usize::from(stripe)
    }

    pub(super) fn node(&self, id: Id, stripe: u8) -> &Node {
        &self.nodes[self.at(id, stripe)]
    }

    pub(super) fn node_mut(&mut self, id: Id, stripe: u8) -> &mut Node {
        let at = self.at(id, stripe);
        &mut self.nodes[at]
    }

    pub(super) fn forest(&self, rendition: u8, stripe: u8) -> &Forest {
        &self.renditions[&rendition].forests[usize::from(stripe)]
    }

    pub(super) fn peer(&self, id: Id) -> &Peer {
        &self.peers[id as usize]
    }

    /// Children it may have in all, now.
    pub(super) fn capacity(&self, id: Id) -> u16 {
        let peer = self.peer(id);
        if peer.upload && !peer.benched { peer.slots } else { 0 }
    }

    pub(super) fn free(&self, id: Id) -> u16 {
        self.capacity(id).saturating_sub(self.peer(id).carried)
    }

    /// In how many stripes a peer of this rendition may have children.
    pub(super) fn interior_limit(&self, rendition: u8) -> u8 {
        let members = self.renditions.get(&rendition).map_or(0, |r| r.members);
        if members <= self.config.tiny { self.config.stripes } else { self.config.interior_stripes }
    }

    /// The list of [`Forest::open`] in which the node belongs.
    pub(super) fn openness(&self, id: Id, stripe: u8) -> Option<u8> {
        let (peer, node) = (self.peer(id), self.node(id, stripe));
        if self.free(id) == 0 || (node.children.is_empty() && peer.feeds >= self.interior_limit(peer.rendition)) {
            return None;
        }
        match node.parent {
            None if node.children.is_empty() => Some(self.config.max_depth),
            _ => (node.depth < self.config.max_depth).then_some(node.depth),
        }
    }

    /// Puts the node where its state says it belongs.
    pub(super) fn reseat(&mut self, id: Id, stripe: u8) {
        let node = self.node(id, stripe);
        let standing = if node.parent.is_none() && node.children.is_empty() { WAITING } else { standing_at(node.depth) };
        let open = self.openness(id, stripe);
        self.seat(id, stripe, Some(standing), open);
    }

    fn seat(&mut self, id: Id, stripe: u8, standing: Option<u8>, open: Option<u8>) {
        let (stripes, at) = (usize::from(self.config.stripes), self.at(id, stripe));
        let index = |id: Id| id as usize * stripes + usize::from(stripe);
        let Some(rendition) = self.renditions.get_mut(&self.peers[id as usize].rendition) else { return };
        let forest = &mut rendition.forests[usize::from(stripe)];
        let seat = self.nodes[at].standing;
        if seat.map(|s| s.bucket) != standing {
            if let Some(seat) = seat
                && let Some(moved) = forest.standing.remove(seat)
            {
                self.nodes[index(moved)].standing = Some(seat);
            }
            self.nodes[at].standing = standing.map(|bucket| forest.standing.push(bucket, id));
        }
        let seat = self.nodes[at].open;
        if seat.map(|s| s.bucket) != open {
            if let Some(seat) = seat
                && let Some(moved) = forest.open.remove(seat)
            {
                self.nodes[index(moved)].open = Some(seat);
            }
            self.nodes[at].open = open.map(|bucket| forest.open.push(bucket, id));
        }
    }

    /// To be called when what a peer can carry, or does, has changed: that shows in all its stripes.
    pub(super) fn reseat_all(&mut self, id: Id) {
        for stripe in 0..self.config.stripes {
            self.reseat(id, stripe);
        }
    }

    /// A peer enters the arena and its rendition, without any place yet.
    pub(super) fn admit(&mut self, peer: Peer) -> Id {
        let stripes = usize::from(self.config.stripes);
        let id = match self.vacant.pop() {
            Some(id) => {
                self.peers[id as usize] = peer;
                id
            }
            None => {
                self.peers.push(peer);
                self.nodes.resize_with(self.peers.len() * stripes, Node::default);
                self.peers.len() as Id - 1
            }
        };
        self.enter(id);
        id
    }

    /// Counts the peer into its rendition.
    pub(super) fn enter(&mut self, id: Id) {
        let (stripes, max_depth) = (self.config.stripes, self.config.max_depth);
        let rendition = self.peer(id).rendition;
        let limit = self.interior_limit(rendition);
        self.renditions.entry(rendition).or_insert_with(|| Rendition::new(stripes, max_depth)).members += 1;
        self.reseat_all(id);
        if self.interior_limit(rendition) != limit {
            self.limit_changed(rendition);
        }
    }

    /// Counts the peer, which has no relations any more, out of its rendition.
    pub(super) fn exit(&mut self, id: Id) {
        let rendition = self.peer(id).rendition;
        let limit = self.interior_limit(rendition);
        for stripe in 0..self.config.stripes {
            self.seat(id, stripe, None, None);
        }
        let members = self.renditions.get_mut(&rendition).map(|r| {
            r.members -= 1;
            r.members
        });
        if members == Some(0) {
            self.renditions.remove(&rendition);
        } else if self.interior_limit(rendition) != limit {
            self.limit_changed(rendition);
        }
    }

    /// The peers of a rendition, in the order of the index.
    pub(super) fn members(&self, rendition: u8) -> Vec<Id> {
        let standing = &self.forest(rendition, 0).standing;
        (0..=standing_at(self.config.max_depth)).flat_map(|bucket| standing.bucket(bucket)).copied().collect()
    }

    /// `child`, which has no parent, takes the stripe from `parent` from now on.
    pub(super) fn attach(&mut self, child: Id, parent: Id, stripe: u8) {
        debug_assert!(self.node(child, stripe).parent.is_none() && !self.is_below(parent, child, stripe));
        self.node_mut(child, stripe).parent = Some(parent);
        let now = self.now;
        self.node_mut(child, stripe).placed = now;
        self.note_service(parent, child);
        let node = self.node_mut(parent, stripe);
        node.children.push(child);
        let (first, root, depth) = (node.children.len() == 1, node.parent.is_none(), node.depth + 1);
        let peer = &mut self.peers[parent as usize];
        peer.carried += 1;
        if first {
            peer.feeds += 1;
            if root {
                self.mark(parent);
            }
        }
        self.reseat_all(parent);
        self.sink(child, depth, stripe);
        self.mark(child);
        // Whoever is above the child now must not fall back on somebody below.
        let mut above = Some(parent);
        while let Some(id) = above {
            if let Some(standby) = self.node(id, stripe).standby
                && self.is_below(standby, child, stripe)
            {
                self.choose_standby(id, stripe);
            }
            above = self.node(id, stripe).parent;
        }
    }

    /// `child` has no parent any more, and keeps its own children and, for the moment, its standby. Returns who was its parent.
    pub(super) fn detach(&mut self, child: Id, stripe: u8) -> Option<Id> {
        let parent = self.node_mut(child, stripe).parent.take()?;
        let now = self.now;
        self.node_mut(child, stripe).placed = now;
        let node = self.node_mut(parent, stripe);
        node.children.retain(|&id| id != child);
        let (last, root) = (node.children.is_empty(), node.parent.is_none());
        let peer = &mut self.peers[parent as usize];
        peer.carried -= 1;
        if last {
            peer.feeds -= 1;
            if root {
                self.mark(parent);
            }
        }
        self.reseat_all(parent);
        self.sink(child, 0, stripe);
        self.mark(child);
        Some(parent)
    }

    /// Sets the depth of a node and of all below it.
    fn sink(&mut self, id: Id, depth: u8, stripe: u8) {
        let mut stack = vec![(id, depth)];
        while let Some((id, depth)) = stack.pop() {
            let node = self.node_mut(id, stripe);
            node.depth = depth;
            stack.extend(node.children.iter().map(|&child| (child, depth + 1)));
            self.reseat(id, stripe);
        }
    }

    /// Hops from the node to the deepest below it.
    pub(super) fn height(&self, id: Id, stripe: u8) -> u8 {
        let node = self.node(id, stripe);
        if node.children.is_empty() {
            return 0;
        }
        let mut deepest = node.depth;
        let mut stack: Vec<Id> = node.children.clone();
        while let Some(id) = stack.pop() {
            let node = self.node(id, stripe);
            deepest = deepest.max(node.depth);
            stack.extend(&node.children);
        }
        deepest - node.depth
    }

    /// Whether `id` is `top` or somewhere below it.
    pub(super) fn is_below(&self, id: Id, top: Id, stripe: u8) -> bool {
        let mut at = Some(id);
        while let Some(id) = at {
            if id == top {
                return true;
            }
            at = self.node(id, stripe).parent;
        }
        false
    }

    pub(super) fn is_root(&self, id: Id, stripe: u8) -> bool {
        let node = self.node(id, stripe);
        node.parent.is_none() && !node.children.is_empty()
    }

    /// In how many stripes the peer is a root.
    pub(super) fn root_duties(&self, id: Id) -> usize {
        (0..self.config.stripes).filter(|&stripe| self.is_root(id, stripe)).count()
    }

    pub(super) fn roots(&self, rendition: u8, stripe: u8) -> &[Id] {
        self.forest(rendition, stripe).standing.bucket(standing_at(0))
    }

    pub(super) fn waiting(&self, rendition: u8, stripe: u8) -> &[Id] {
        self.forest(rendition, stripe).standing.bucket(WAITING)
    }

    /// Roots beyond those a stripe should have. A swarm whose size goes up and down around a step must not flap with it: hence the margin.
    pub(super) fn surplus_roots(&self, rendition: u8, stripe: u8) -> usize {
        let members = self.renditions[&rendition].members;
        self.roots(rendition, stripe).len().saturating_sub(roots_for(members + members / 16 + 1))
    }

    /// The lists in which the node is found.
    #[cfg(test)]
    pub(super) fn seats(&self, id: Id, stripe: u8) -> (Option<u8>, Option<u8>) {
        let node = self.node(id, stripe);
        (node.standing.map(|seat| seat.bucket), node.open.map(|seat| seat.bucket))
    }
}
